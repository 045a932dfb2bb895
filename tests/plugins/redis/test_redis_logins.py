"""Logins: passwords, users and their rights, and TLS."""

import datetime
import ipaddress
import ssl
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from facilitator.roles.claim import ClaimState
from facilitator.roles.sharing import SharedOutput, SharesOutputs
from facilitator.roles.storage import HasServerTime, StorageUnavailable
from facilitator.settings import RateLimitSettings
from facilitator.testing.clock import ManualClock
from facilitator.testing.examples import example_claim, example_reservation
from facilitator_redis.address import parse_address
from facilitator_redis.names import Names
from facilitator_redis.rate_limits import RedisRateLimiter
from support.proxies import proxy
from support.redis_plugin import COMMANDS, PASSWORD, QUOTED, allow, refusal, storage_of
from support.redis_servers import Cluster, RedisServer, Replicated, needs_redis, running
from support.redis_storages import ServerAtTime, open_redis

pytestmark = needs_redis

NETWORK = "cardano:preprod"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running(tmp_path / "server") as server:
        yield server


def test_a_password_is_needed_and_used(tmp_path: Path, server: RedisServer) -> None:
    host = f"127.0.0.1:{server.port}"
    assert server.command("CONFIG", "SET", "requirepass", PASSWORD) == "+OK"
    advice = f"Redis at {host} refuses the user or the password; check those in redis.url"
    assert advice in refusal(tmp_path, f"redis://{host}")
    assert advice in refusal(tmp_path, f"redis://:{QUOTED}no@{host}")
    storage_of(tmp_path, url=f"redis://:{QUOTED}@{host}").close()


CLUSTER_COMMANDS = "+cluster|slots +asking +command"
HOW_TO = Path(__file__).parents[3] / "docs/how-to/redis.md"


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
        verified = example_reservation("e1" * 32, ["bb#0"], is_settling=False)
        for limit in (1, 1, 0):
            storage.reserve(verified, 0.0, limit)
        storage.is_reserved("e1" * 32, 0.0)
        storage.cancel("e1" * 32)
        storage.bind_key("key", "first", 100.0, 0.0)
        storage.bound_to("key", 0.0)
        storage.change_key("key", "first", "second", 100.0)
        storage.change_key("key", "second", None, 0.0)
        assert isinstance(storage, HasServerTime)
        storage.server_time()
        assert isinstance(storage, SharesOutputs)
        storage.lead(NETWORK, "one", 0.0, 1.0)
        storage.share_outputs(NETWORK, {"aa#0": SharedOutput(0, b"")}, 4e9)
        storage.publish(NETWORK, "one", 1, b"", ["aa#0"], 1)
        storage.published(NETWORK, 0)
        storage.published(NETWORK, -1)
        storage.shared_outputs(NETWORK, ["aa#0"])
        storage.resign(NETWORK, "one")
    clock = ManualClock(100.0)
    clocked = ServerAtTime(parse_address(url), clock)
    with closing(RedisRateLimiter(clocked, Names("x402"), RateLimitSettings())) as limiter:
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
    for server in (redis_replicated.primary, redis_replicated.replica):  # which may take over
        allow(server, "~*", "+@all")
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
        pytest.raises(StorageUnavailable, match="cannot be reached") as caught,
    ):
        storage.ping()
    assert "accept the login" in caught.value.detail
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
