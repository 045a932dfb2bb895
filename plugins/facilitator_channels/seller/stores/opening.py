"""A store by its address, as settings name it."""

from urllib.parse import urlsplit

from facilitator_channels.seller.store import ChannelStore, StoreUnavailable

_SQLITE, _REDIS, _POSTGRES = "sqlite", ("redis", "rediss"), ("postgres", "postgresql")


def address_problem(url: str) -> str | None:
    """Return what is wrong with the address of a store; ``None`` if nothing is."""
    scheme = urlsplit(url).scheme
    if scheme == _SQLITE:
        return None if _path(url) else "must name a file: sqlite:///srv/shop/channels.db"
    if scheme in (*_REDIS, *_POSTGRES):
        return None
    return "must begin with sqlite:///, redis://, rediss:// or postgresql://"


def open_store(url: str) -> ChannelStore:
    """Open the store. Raises :class:`StoreUnavailable`, and :class:`ValueError` for no address."""
    if (problem := address_problem(url)) is not None:
        raise ValueError(f"the address of a store {problem}")
    scheme = urlsplit(url).scheme
    try:
        if scheme == _SQLITE:
            from facilitator_channels.seller.stores.sqlite import SqliteStore

            return SqliteStore(_path(url))
        if scheme in _REDIS:
            from facilitator_channels.seller.stores.redis import RedisStore

            return RedisStore(url)
        from facilitator_channels.seller.stores.postgres import PostgresStore

        return PostgresStore(url)
    except ImportError as error:
        extra = "redis" if scheme in _REDIS else "postgres"
        raise StoreUnavailable(f"it needs x402-cardano-facilitator[{extra}]: {error}") from error


def _path(url: str) -> str:
    """Return the absolute path in ``sqlite:///path``."""
    parts = urlsplit(url)
    return parts.path if not parts.netloc and len(parts.path) > 1 else ""
