"""The setting ``redis.url``, which names one server, Sentinels or the nodes of a Cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

PORT = 6379
SENTINEL_PORT = 26379

_TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")


class Form(StrEnum):
    """The way in which the servers work together."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Address:
    """The hosts of Redis and the login. Its text names the hosts and no secret."""

    form: Form
    tls: bool
    hosts: tuple[tuple[str, int], ...]
    """The names or IP addresses, with ports, of the server, Sentinels or nodes of the Cluster."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    database: int = 0
    service: str = ""
    """The server's name at the Sentinels."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The files for TLS, by redis-py's names, and the login at the Sentinels."""

    def __str__(self) -> str:
        """Return the text for ``Redis at …`` in messages."""
        hosts = ", ".join(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts
        )
        return f"{hosts} (service {self.service})" if self.service else hosts

    def is_same_redis(self, other: "Address") -> bool:
        """Return True if the other address differs in logins and certificates at most."""
        return self._place() == other._place()

    def _place(self) -> tuple[object, ...]:
        return (self.form, self.tls, self.hosts, self.database, self.service)

    def tls_files(self) -> dict[str, str]:
        """Return the options that redis-py takes for TLS."""
        return {name: value for name, value in self.options.items() if name in _TLS_OPTIONS}


def parse_address(url: str) -> Address:
    """Return the address in the URL. Raises :class:`ValueError`, which does not quote it.

    ``redis://[user:password@]host[:port][/database]``, with ``rediss`` for TLS;
    ``redis+sentinel://[user:password@]host[:port],…/service[/database]``;
    ``redis+cluster://[user:password@]host[:port],…``.
    """
    _check_login(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("must be a URL, such as redis://redis.example:6379/0") from None
    scheme, _, kind = parts.scheme.partition("+")
    if scheme not in ("redis", "rediss") or kind not in ("", "sentinel", "cluster"):
        raise ValueError(
            "must begin with redis://, rediss://, redis+sentinel://, rediss+sentinel://,"
            " redis+cluster:// or rediss+cluster://"
        )
    form = Form(kind or "single")
    service, database = _path(form, parts.path)
    return Address(
        form=form,
        tls=scheme == "rediss",
        hosts=_hosts(form, parts.netloc.rpartition("@")[2]),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        database=database,
        service=service,
        options=_options(form, parts, is_tls=scheme == "rediss"),
    )


def _check_login(url: str) -> None:
    """Refuse a login whose own characters end it: a part of it would be taken for the host."""
    netloc, mark, rest = url.partition("://")[2].partition("?")
    before_host, _, path = netloc.partition("/")
    is_cut = "@" in path or (mark and "@" in rest and "@" not in before_host)
    if "#" in url or is_cut:
        raise ValueError("must have / ? # % and @ of a user or password as %2F %3F %23 %25 and %40")


def _hosts(form: Form, text: str) -> tuple[tuple[str, int], ...]:
    hosts = tuple(_host(form, part) for part in text.split(","))
    if form is Form.SINGLE and len(hosts) > 1:
        raise ValueError("names several hosts, which takes redis+sentinel:// or redis+cluster://")
    return hosts


def _host(form: Form, text: str) -> tuple[str, int]:
    default = SENTINEL_PORT if form is Form.SENTINEL else PORT
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port or default
    except ValueError:
        host = None
    if not host:
        raise ValueError("must name a host, such as redis.example or redis.example:6379")
    return host, port


def _path(form: Form, path: str) -> tuple[str, int]:
    """Return the service and the database."""
    service, _, database = path.strip("/").rpartition("/")
    if form is Form.SENTINEL and not service:
        service, database = database, ""
    if (form is Form.SENTINEL) is not bool(service):
        raise ValueError(
            "must end with the service's name, as in redis+sentinel://host/service"
            if form is Form.SENTINEL
            else "must end with the number of the database, as in redis://host/0"
        )
    if database and not (database.isascii() and database.isdecimal()):
        raise ValueError("must name the database by its number, as in /0")
    if form is Form.CLUSTER and int(database or 0):
        raise ValueError("must not name a database: a Cluster has only the one with number 0")
    return unquote(service), int(database or 0)


def _options(form: Form, parts: SplitResult, *, is_tls: bool) -> Mapping[str, str]:
    options = dict(parse_qsl(parts.query))
    allowed = (_TLS_OPTIONS if is_tls else ()) + (
        _SENTINEL_OPTIONS if form is Form.SENTINEL else ()
    )
    for name in options:
        if name not in allowed:
            known = ", ".join(allowed) or "none"
            raise ValueError(f"has an option that is not known (for this form: {known})")
    return options
