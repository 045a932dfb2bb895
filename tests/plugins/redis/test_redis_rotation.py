"""A password that is changed while facilitators run."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.examples import example_claim
from facilitator.testing.http import call
from facilitator.testing.waiting import eventually
from facilitator_redis.address import parse_address
from facilitator_redis.server import Server
from facilitator_redis.storage import RedisStorage
from reload.conftest import Service
from support.notices import Notices
from support.redis_calls import works
from support.redis_plugin import COMMANDS
from support.redis_servers import RedisServer, needs_redis, running

pytestmark = needs_redis

FIRST, SECOND = "the-first-password", "the-second-password"
PLUGINS = '[default]\nplugins = ["devnet", "redis"]\n'


class Rotated:
    """A server whose user's passwords change."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.rule("reset", "on", f">{FIRST}", "~*", *COMMANDS.split())

    def rule(self, *rules: str) -> None:
        assert self.server.command("ACL", "SETUSER", "payments", *rules) == "+OK"

    def url(self, password: str) -> str:
        return f"redis://payments:{password}@127.0.0.1:{self.server.port}/0"

    def setting(self, password: str) -> str:
        return f'[default.redis]\nurl = "{self.url(password)}"\n'

    def end_sessions(self) -> None:
        """Have all clients log in again."""
        assert self.server.command("CLIENT", "KILL", "USER", "payments").startswith(":")


@pytest.fixture
def rotated(tmp_path: Path) -> Iterator[Rotated]:
    with running(tmp_path / "redis") as server:
        yield Rotated(server)


@pytest.fixture
def storage(rotated: Rotated) -> Iterator[RedisStorage]:
    storage = RedisStorage(Server(parse_address(rotated.url(FIRST)), 10.0), "x402")
    with closing(storage):
        storage.ping()
        yield storage


def test_sessions_that_are_open_outlive_their_password(
    rotated: Rotated, storage: RedisStorage
) -> None:
    """Redis lets them; only where one ends, the new password is needed."""
    rotated.rule("resetpass", f">{SECOND}")
    for _ in range(3):
        storage.ping()
    rotated.end_sessions()
    with pytest.raises(StorageUnavailable, match="refuses to work") as caught:
        storage.ping()
    assert "refuses the user or the password; check those in redis.url" in caught.value.detail


def test_the_new_login_is_used_at_once(rotated: Rotated, storage: RedisStorage) -> None:
    """Also by a storage whose former login was just refused."""
    claim = storage.add_claim(example_claim())
    rotated.rule("resetpass", f">{SECOND}")
    rotated.end_sessions()
    assert not works(storage.ping)
    storage._server.change_login(parse_address(rotated.url(SECOND)))
    assert storage.claim(claim.transaction_id) == claim


# --- A facilitator --------------------------------------------------------------------------------


@pytest.fixture
def service(tmp_path: Path, rotated: Rotated) -> Iterator[Service]:
    (tmp_path / "settings.toml").write_text(PLUGINS)
    (tmp_path / ".secrets.toml").write_text(rotated.setting(FIRST))
    with ExitStack() as stack:
        notices = stack.enter_context(Notices())
        yield stack.enter_context(closing(Service(tmp_path, notices)))


def storage_health(service: Service) -> dict[str, Any]:
    _, health = call(service.port, "GET", "/health")
    found: dict[str, Any] = health["dependencies"]["storage"]
    return found


def test_a_password_is_rotated_without_a_restart(rotated: Rotated, service: Service) -> None:
    """The server takes both at first, as the page on Redis says."""
    rotated.rule(f">{SECOND}")
    service.read_again(secrets=rotated.setting(SECOND))
    rotated.rule(f"<{FIRST}")
    rotated.end_sessions()
    eventually(lambda: rotated.server.command("CLIENT", "LIST").count("user=payments"))
    for _ in range(3):
        status, _ = call(service.port, "GET", f"/status/{'ab' * 32}")
        assert status == 200
    assert storage_health(service)["status"] == "up"
    assert service.terminate() == 0
    assert "settings read again: redis.url changed" in service.said(30)
    assert not any("Redis" in line for line in service.said(40) + service.said(50))
    assert not any(each in line for line in service.lines for each in (FIRST, SECOND))


def test_a_facilitator_whose_password_is_refused_recovers_by_sighup(
    rotated: Rotated, service: Service
) -> None:
    rotated.rule("resetpass", f">{SECOND}")
    rotated.end_sessions()
    eventually(lambda: storage_health(service)["status"] == "down")
    assert storage_health(service)["error"] == "the storage refuses to work"
    advice = "refuses the user or the password; check those in redis.url"
    eventually(lambda: any(advice in line for line in service.said(50)))
    service.read_again(secrets=rotated.setting(SECOND))
    eventually(lambda: storage_health(service)["status"] == "up")


def test_another_redis_needs_a_restart(tmp_path: Path, rotated: Rotated, service: Service) -> None:
    """Else processes that share records would part."""
    with running(tmp_path / "other") as other:
        url = json.dumps(other.url)
        service.read_again(secrets=f"[default.redis]\nurl = {url}\n")
        warning = "settings that need a restart have changed: redis.url"
        eventually(lambda: warning in service.said(40))
        assert storage_health(service)["status"] == "up"
        assert "user=payments" in rotated.server.command("CLIENT", "LIST")
        assert "x402-facilitator" not in other.command("CLIENT", "LIST")
    service.read_again(secrets=rotated.setting(FIRST))
    eventually(lambda: service.said(30)[-1] == "settings read again: nothing to change")
