"""The plugin as it is enabled: settings, logins, TLS, and what is said when it cannot start."""

import datetime
import ipaddress
import logging
import ssl
import traceback
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from facilitator.clock import SystemClock
from facilitator.errors import ConfigInvalidError, PluginError
from facilitator.plugin.context import Context
from facilitator.plugin.loading import configure
from facilitator.roles.claim import ClaimState
from facilitator.roles.sharing import SharedOutput, SharesOutputs
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.settings import RateLimitSettings
from facilitator.testing.clock import ManualClock
from facilitator.testing.examples import example_claim, example_reservation
from facilitator_redis.address import parse_address
from facilitator_redis.names import Names
from facilitator_redis.rate_limits import RedisRateLimiter
from facilitator_redis.server import Server
from facilitator_redis.storage import RedisStorage
from support.proxies import proxy
from support.redis_servers import (
    Cluster,
    RedisServer,
    Replicated,
    free_port,
    needs_redis,
    running,
)
from support.redis_storages import open_redis
from support.waiting import eventually

pytestmark = needs_redis

NETWORK = "cardano:preprod"
PASSWORD = "hid/den@word"
QUOTED = "hid%2Fden%40word"


def storage_of(folder: Path, **redis: str) -> Storage:
    environ: Mapping[str, str] = {
        "FACILITATOR_PLUGINS": "devnet,redis",
        **{f"FACILITATOR_REDIS__{key.upper()}": value for key, value in redis.items()},
    }
    settings, plugins = configure(environ=environ, cwd=folder)
    return plugins.one_storage(Context(settings, SystemClock()))


def refusal(folder: Path, url: str) -> str:
    """What stops the start; the password must be nowhere in it or in what led to it."""
    with pytest.raises(PluginError) as caught:
        storage_of(folder, url=url)
    told = "".join(traceback.format_exception(caught.value))
    assert "hid" not in told
    return str(caught.value)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running(tmp_path / "server") as server:
        yield server


def test_a_cluster_has_no_replicas_to_wait_for(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"redis\.replicas must be 0 with a Cluster"):
        storage_of(tmp_path, url="redis+cluster://127.0.0.1:1", replicas="1")


def test_the_replicas_of_the_settings_are_waited_for(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    with (
        closing(
            storage_of(tmp_path, url=redis_server.url, prefix="alone", replicas="1")
        ) as storage,
        pytest.raises(StorageUnavailable, match="too few of its replicas"),
    ):
        storage.add_claim(example_claim())


def test_redis_is_chosen_by_its_name(tmp_path: Path, redis_server: RedisServer) -> None:
    with closing(storage_of(tmp_path, url=redis_server.url, prefix="chosen")) as storage:
        assert isinstance(storage, RedisStorage)
        assert isinstance(storage, SharesOutputs)
        assert (storage.is_shared, storage.is_durable) == (True, True)


def test_a_redis_that_is_away_stops_the_start(tmp_path: Path) -> None:
    port = free_port()
    assert refusal(tmp_path, f"redis://user:{QUOTED}@127.0.0.1:{port}") == (
        f"the storage cannot start: Redis at 127.0.0.1:{port} cannot be reached (Connection"
        " refused); start it, or correct redis.url"
    )


def test_a_wrong_url_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalidError, match=r"redis\.url: must begin with") as caught:
        storage_of(tmp_path, url=f"http://:{PASSWORD}@127.0.0.1")
    assert "hid" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["a{b", "a}b", "a b", "x" * 65, "a*"])
def test_a_prefix_that_would_break_keys_is_a_wrong_setting(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(ConfigInvalidError, match=r"redis\.prefix: must be 1 to 64 letters"):
        storage_of(tmp_path, prefix=prefix)


def test_who_has_another_prefix_or_database_shares_nothing(server: RedisServer) -> None:
    first = server.url.removesuffix("/0")
    with (
        closing(open_redis(first)) as storage,
        closing(open_redis(first, "other")) as other_prefix,
        closing(open_redis(f"{first}/1")) as other_database,
        closing(open_redis(f"{first}/0")) as same,
    ):
        claim = storage.add_claim(example_claim())
        assert other_prefix.claim(claim.transaction_id) is None
        assert other_database.claim(claim.transaction_id) is None
        assert same.claim(claim.transaction_id) == claim


@pytest.mark.parametrize("record", ["", "0 ", "0 []", '0 {"state": "claimed"}', "0 7"])
def test_what_is_no_claim_is_reported(redis_server: RedisServer, prefix: str, record: str) -> None:
    redis_server.command("SET", Names(prefix).claim("c1" * 32), record)
    with (
        closing(open_redis(redis_server.url, prefix)) as storage,
        pytest.raises(StorageUnavailable, match="another program uses the same"),
    ):
        storage.claim("c1" * 32)


# --- Logins -------------------------------------------------------------------------------------


def test_a_password_is_needed_and_used(tmp_path: Path, server: RedisServer) -> None:
    host = f"127.0.0.1:{server.port}"
    assert server.command("CONFIG", "SET", "requirepass", PASSWORD) == "+OK"
    advice = f"Redis at {host} refuses the user or the password; check those in redis.url"
    assert advice in refusal(tmp_path, f"redis://{host}")
    assert advice in refusal(tmp_path, f"redis://:{QUOTED}no@{host}")
    storage_of(tmp_path, url=f"redis://:{QUOTED}@{host}").close()


COMMANDS = (
    "+get +set +mget +del +zadd +zrem +zrange +zrangebyscore +zscore +zremrangebyrank"
    " +hget +hset +hdel +hincrby +lindex +llen +lpop +rpush +pexpire"
    " +eval +evalsha +ping +client|setname"
)
CLUSTER_COMMANDS = "+cluster|slots +asking +command"
HOW_TO = Path(__file__).parents[3] / "docs/how-to/redis.md"


def allow(server: RedisServer, *rules: str) -> str:
    """The URL of a user who may do this and nothing else."""
    told = server.command("ACL", "SETUSER", "payments", "reset", "on", f">{PASSWORD}", *rules)
    assert told == "+OK"
    return f"redis://payments:{QUOTED}@127.0.0.1:{server.port}"


def test_a_user_needs_few_rights(tmp_path: Path, server: RedisServer) -> None:
    url = allow(server, "~{x402}:*", *COMMANDS.split())
    with closing(storage_of(tmp_path, url=url)) as storage:
        claim = example_claim(state=ClaimState.REJECTED)
        storage.add_claim(claim)
        storage.change_claim(claim.changed())
        storage.add_claim(example_claim(transaction_id="d1" * 32))
        storage.remove_claim(example_claim(transaction_id="d1" * 32))
        assert list(storage.open_claims()) == []
        assert storage.forget_claims(now=1e9) == 1
        storage.reserve(example_reservation(), 0.0, 1)
        storage.reserve(example_reservation("d1" * 32), 100.0, 1)
        storage.release("d1" * 32)
        storage.bind_key("key", "first", 1.0, 0.0)
        assert isinstance(storage, SharesOutputs)
        storage.lead(NETWORK, "one", 0.0, 1.0)
        storage.share_outputs(NETWORK, {"aa#0": SharedOutput(0, b"")}, 4e9)
        storage.publish(NETWORK, "one", 1, b"", ["aa#0"], 1)
        storage.published(NETWORK, 0)
        storage.published(NETWORK, -1)
        storage.shared_outputs(NETWORK, ["aa#0"])
        storage.resign(NETWORK, "one")
    clock = ManualClock(0.0)
    server_of_limiter = Server(parse_address(url), timeout_seconds=10.0)
    limits = RateLimitSettings()
    with closing(RedisRateLimiter(server_of_limiter, Names("x402"), limits, clock)) as limiter:
        for _ in range(2):
            assert limiter.hit("a", sensitive=True).allowed
            clock.advance(61)


@pytest.mark.skipif(not HOW_TO.exists(), reason="needs a checkout: no docs/ here")
def test_the_rights_are_documented() -> None:
    text = " ".join(HOW_TO.read_text().split())
    assert COMMANDS in text
    assert f"`{CLUSTER_COMMANDS}`" in text


@pytest.mark.parametrize(
    "rules", [("~other:*", "+@all"), ("~*", "+@all", "-evalsha"), ("~*", "+@all", "-set")]
)
def test_a_user_who_may_not_is_told(
    tmp_path: Path, server: RedisServer, rules: tuple[str, ...]
) -> None:
    complaint = "forbids this user a command or a key that the facilitator needs"
    assert complaint in refusal(tmp_path, allow(server, *rules))


def test_a_user_of_a_cluster_needs_a_few_more(redis_cluster: Cluster, prefix: str) -> None:
    for node in redis_cluster.nodes:
        allow(node, f"~{{{prefix}}}:*", *COMMANDS.split(), *CLUSTER_COMMANDS.split())
    url = redis_cluster.url.replace("//", f"//payments:{QUOTED}@")
    with closing(open_redis(url, prefix)) as storage:
        assert storage.add_claim(example_claim()) == example_claim()
        assert list(storage.open_claims()) == [example_claim()]


def test_sentinels_have_a_login_of_their_own(redis_replicated: Replicated, prefix: str) -> None:
    allow(redis_replicated.primary, "~*", "+@all")
    told = redis_replicated.sentinel.command(
        "ACL", "SETUSER", "scout", "reset", "on", ">hid", "+@all"
    )
    assert told == "+OK"
    url = redis_replicated.url.replace("//", f"//payments:{QUOTED}@")
    login = "?sentinel_username=scout&sentinel_password="
    with closing(open_redis(f"{url}{login}hid", prefix)) as storage:
        assert storage.add_claim(example_claim()) == example_claim()
    with (
        closing(open_redis(f"{url}{login}hidden", prefix)) as storage,
        pytest.raises(StorageUnavailable, match="accept the login") as caught,
    ):
        storage.ping()
    assert "hid" not in "".join(traceback.format_exception(caught.value))


# --- TLS ----------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a certificate for 127.0.0.1 that nobody has signed but itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis")])
    now = datetime.datetime.now(datetime.UTC)
    host = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "redis.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


def test_tls_is_spoken_and_checked(
    tmp_path: Path, redis_server: RedisServer, certificate: Path
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with proxy(redis_server.port, tls) as line:
        url = f"rediss://127.0.0.1:{line.port}"
        assert "certificate verify failed: self-signed certificate" in refusal(tmp_path, url)
        trusted = f"{url}?ssl_ca_certs={certificate}"
        storage_of(tmp_path, url=trusted, prefix="tls").close()


# --- Sentinel and Cluster -----------------------------------------------------------------------


def test_a_slot_that_moves_is_followed(redis_cluster: Cluster, prefix: str) -> None:
    with closing(open_redis(redis_cluster.url, prefix)) as storage:
        claim = storage.add_claim(example_claim())
        storage.remove_claim(claim)
        redis_cluster.move_slot_of(Names(prefix).open_claims)
        assert storage.add_claim(claim) == claim
        assert list(storage.open_claims()) == [claim]


# --- What is warned of --------------------------------------------------------------------------


def warnings_at_start(folder: Path, url: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        storage_of(folder, url=url).close()
    return [record.getMessage() for record in caplog.records]


def test_a_redis_that_may_lose_claims_is_warned_of(
    tmp_path: Path, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    assert warnings_at_start(tmp_path, server.url, caplog) == []
    server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    server.command("CONFIG", "SET", "appendonly", "no")
    evicts, forgets = warnings_at_start(tmp_path, server.url, caplog)
    assert "maxmemory-policy allkeys-lru" in evicts
    assert "set appendonly to yes" in forgets
    restricted = allow(server, "~{x402}:*", *COMMANDS.split())
    assert warnings_at_start(tmp_path, restricted, caplog) == []


def test_a_storage_that_was_closed_holds_no_connection(server: RedisServer) -> None:
    storage = open_redis(server.url)
    storage.ping()
    assert "connected_clients:2" in server.command("INFO", "clients")
    storage.close()
    eventually(lambda: "connected_clients:1" in server.command("INFO", "clients"))
    with pytest.raises(StorageUnavailable, match="is closed"):
        storage.ping()
