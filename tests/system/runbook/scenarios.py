"""What brings about each message that the runbook quotes; returns all that was said."""

import json
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from facilitator.clock import SystemClock
from facilitator.testing.http import call
from facilitator.testing.running import NETWORK
from facilitator.testing.waiting import eventually
from facilitator_channels.seller.record import KeptNotice
from facilitator_channels.seller.store import Records
from facilitator_channels.seller.stores.sqlite import SqliteStore
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from support import skewed
from support.channel_records import record
from support.process import ServeProcess
from support.redis_servers import RedisServer, free_port, needs_redis, running
from workers.fleet import payment

Scenario: TypeAlias = Callable[[Path], str]

SCENARIOS: list[Any] = []
"""Name of the message and what brings it about, as parameters of a test."""

PASSWORD = "the-password-of-the-runbook"


def shows(name: str, *marks: pytest.MarkDecorator) -> Callable[[Scenario], Scenario]:
    """Have the scenario bring about the message of that name."""

    def add(scenario: Scenario) -> Scenario:
        SCENARIOS.append(pytest.param(name, scenario, id=name, marks=marks))
        return scenario

    return add


# --- It does not start ----------------------------------------------------------------------------


def refused_start(folder: Path, **settings: str) -> str:
    """What is said by a start that ends with exit code 1."""
    environ = {key if key.isupper() else variable(key): text for key, text in settings.items()}
    with closing(ServeProcess(folder, environ)) as process:
        assert process.wait() == 1
        return "".join(process.lines)


def variable(key: str) -> str:
    return f"FACILITATOR_{key.upper()}"


@shows("settings")
def _(folder: Path) -> str:
    return refused_start(folder, plugins="blockfrost,sqlite")


@shows("unknown setting")
def _(folder: Path) -> str:
    return refused_start(folder, server__prot="80")


@shows("mainnet guard")
def _(folder: Path) -> str:
    return refused_start(folder, network="cardano:mainnet")


@shows("plugin")
def _(folder: Path) -> str:
    return refused_start(folder, plugins="devnet,rediss")


@shows("devnet in production")
def _(folder: Path) -> str:
    return refused_start(folder, FACILITATOR_ENV="production", network="cardano:preprod")


@shows("address")
def _(folder: Path) -> str:
    with serving(folder) as first:
        return refused_start(folder, server__port=str(first.port), plugins="devnet,memory")


@shows("redis refused")
def _(folder: Path) -> str:
    url = f"redis://127.0.0.1:{free_port()}/0"
    return refused_start(folder, plugins="devnet,redis", redis__url=url)


@shows("redis password", needs_redis)
def _(folder: Path) -> str:
    with running(folder / "redis", "--requirepass", PASSWORD) as server:
        url = f"redis://:wrong@127.0.0.1:{server.port}/0"
        return refused_start(folder, plugins="devnet,redis", redis__url=url)


@shows("workers")
def _(folder: Path) -> str:
    return refused_start(folder, plugins="devnet,memory", server__workers="2")


@shows("sqlite damaged")
def _(folder: Path) -> str:
    (folder / "facilitator.db").write_bytes(b"damaged " * 1000)
    return refused_start(folder)


@shows("sqlite mark removed")
def _(folder: Path) -> str:
    with serving(folder):  # and killed
        (folder / "facilitator.db-mark").unlink()
    return refused_start(folder)


# --- It runs --------------------------------------------------------------------------------------


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[ServeProcess]:
    environ = {variable(key): text for key, text in settings.items()}
    with closing(ServeProcess(folder, environ)) as process:
        assert process.port
        yield process


def post(process: ServeProcess, path: str, body: Mapping[str, Any], **headers: str) -> str:
    """The answer as it came."""
    return shown(call(process.port, "POST", path, body, headers))


def shown(answered: tuple[int, Any]) -> str:
    return json.dumps(answered[1], separators=(",", ":"), ensure_ascii=False)


def without_storage(folder: Path, stop: Callable[[RedisServer], object]) -> tuple[str, str]:
    """The message of /settle once the server has been stopped, and the log."""
    with (
        running(folder / "redis") as server,
        serving(folder, plugins="devnet,redis", redis__url=server.url) as process,
    ):
        stop(server)
        eventually(lambda: "reserved" in post(process, "/verify", payment(0)))
        status, answer = call(process.port, "POST", "/settle", payment(0))
        assert status == 503
        eventually(lambda: any("Redis at" in line for line in list(process.lines)))
        return str(answer["errorMessage"]), "".join(process.lines)


@shows("storage away", needs_redis)
def _(folder: Path) -> str:
    return without_storage(folder, RedisServer.kill)[0]


@shows("storage away in the log", needs_redis)
def _(folder: Path) -> str:
    return without_storage(folder, RedisServer.kill)[1]


@shows("ledger away", needs_redis)
def _(folder: Path) -> str:
    url = f"postgresql://127.0.0.1:{free_port()}/facilitator"
    with (
        running(folder / "redis") as server,
        serving(
            folder,
            plugins="devnet,redis,postgres",
            redis__url=server.url,
            postgres__url=url,
            postgres__storage="false",
        ) as process,
    ):
        return "".join(process.lines)


@shows("storage demoted", needs_redis)
def _(folder: Path) -> str:
    def demote(server: RedisServer) -> None:
        assert server.command("REPLICAOF", "127.0.0.1", str(free_port())) == "+OK"

    return without_storage(folder, demote)[1]


@contextmanager
def watching(folder: Path) -> Iterator[ServeProcess]:
    """A facilitator with a channel that its consumer has closed, and that elapses in a minute."""
    path, now = folder / "channels.db", int(SystemClock().time())
    kept = record(1, "ab" * 32 + "#0")
    requested = now - kept.config.withdraw_delay + 60
    view = replace(kept.view, withdraw_requested_at=requested)
    closed = replace(kept, view=view, notices=(KeptNotice("closed", 1),))
    with closing(SqliteStore(str(path))) as store:
        Records(store).change(kept.channel_id, lambda _: (closed, None))
    with serving(
        folder, plugins="devnet,memory,channels_watcher", channels_watcher__store=f"sqlite://{path}"
    ) as process:
        yield process


@shows("channel closed")
def _(folder: Path) -> str:
    with watching(folder) as process:
        eventually(lambda: any("elapses at" in line for line in list(process.lines)))
        return "".join(process.lines)


@shows("channels due")
def _(folder: Path) -> str:
    with watching(folder) as process:
        found: list[str] = []

        def is_due() -> bool:
            found[:] = [shown(call(process.port, "GET", "/health"))]
            return "not settled" in found[0]

        eventually(is_due)
        return found[0]


@shows("rate limit")
def _(folder: Path) -> str:
    limits = {"rate_limit__sensitive_per_minute": "1", "server__trusted_proxies": "127.0.0.1"}
    with serving(folder, **limits) as process:
        forwarded = {"X-Forwarded-For": "203.0.113.7"}
        path = f"/status/{'ab' * 32}"
        answers = [call(process.port, "GET", path, headers=forwarded) for _ in range(2)]
        assert [status for status, _ in answers] == [200, 429]
        return shown(answers[1])


@shows("pending")
def _(folder: Path) -> str:
    with serving(folder, devnet__block_seconds="0") as process:
        return post(process, "/settle", payment(0), Prefer="wait=0")


@shows("sqlite file removed")
def _(folder: Path) -> str:
    with serving(folder) as process:
        (folder / "facilitator.db-wal").unlink()
        post(process, "/settle", payment(0))
        eventually(lambda: any("its -wal or -shm was" in line for line in list(process.lines)))
        return "".join(process.lines)


@shows("duplicate")
def _(folder: Path) -> str:
    with serving(folder, devnet__block_seconds="0.2") as process:
        body = payment(0)
        assert '"success":true' in post(process, "/settle", body)
        return post(process, "/settle", body)


def asking_blockfrost(folder: Path, prepare: Callable[[BlockfrostApi], object]) -> str:
    """The answer of /verify when Blockfrost is as it was prepared to be."""
    with closing(Devnet(NETWORK, SystemClock())) as devnet, BlockfrostApi(devnet) as api:
        prepare(api)
        with serving(folder, **over(api)) as process:
            return post(process, "/verify", payment(0))


def over(api: BlockfrostApi) -> dict[str, str]:
    """The settings of a facilitator over that Blockfrost."""
    return {
        "plugins": "blockfrost,sqlite",
        "blockfrost__base_url": f"{api.url}/api/v0",
        "blockfrost__project_id": "preprodOfTheRunbook",
    }


@shows("blockfrost key")
def _(folder: Path) -> str:
    with closing(Devnet(NETWORK, SystemClock())) as devnet, BlockfrostApi(devnet) as api:
        api.faults.answer(403)
        return refused_start(folder, **over(api))


@shows("blockfrost quota")
def _(folder: Path) -> str:
    return asking_blockfrost(folder, lambda api: api.faults.quota(0))


@shows("blockfrost banned")
def _(folder: Path) -> str:
    return asking_blockfrost(folder, lambda api: api.faults.answer(418))


@shows("blockfrost rate")
def _(folder: Path) -> str:
    return asking_blockfrost(folder, lambda api: api.faults.answer(429))


@shows("blockfrost unreachable")
def _(folder: Path) -> str:
    with socket.socket() as held:  # does not listen, and keeps others from the port
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def leave(api: BlockfrostApi) -> None:
            api.close()
            held.bind(("127.0.0.1", int(api.url.rpartition(":")[2])))

        return asking_blockfrost(folder, leave)


@shows("clocks differ")
def _(folder: Path) -> str:
    with (
        closing(Devnet(NETWORK, SystemClock(), block_seconds=1.0)) as devnet,
        BlockfrostApi(devnet) as api,
    ):
        environ = {
            variable("plugins"): "blockfrost,sqlite",
            variable("blockfrost__base_url"): f"{api.url}/api/v0",
            variable("blockfrost__project_id"): "preprodOfTheRunbook",
            variable("blockfrost__poll_seconds"): "1",
            variable("rate_limit__enabled"): "false",
        }
        with closing(ServeProcess(folder, environ, (skewed.__file__, "-60"))) as process:

            def is_said() -> bool:
                post(process, "/verify", payment(0))
                return any("clocks differ" in line for line in list(process.lines))

            eventually(is_said)
            return "".join(process.lines)


# --- Its settings are read again ------------------------------------------------------------------


def reloading(folder: Path, settings: str, word: str) -> str:
    """The log once it holds the word, after the settings were changed to these."""
    (folder / "settings.toml").write_text('[default.auth.api_keys]\nshop = "the-key-of-a-shop"\n')
    with serving(folder) as process:
        (folder / "settings.toml").write_text(settings)
        process.process.send_signal(signal.SIGHUP)
        eventually(lambda: any(word in line for line in list(process.lines)))
        return "".join(process.lines)


@shows("settings not taken")
def _(folder: Path) -> str:
    return reloading(folder, "[default.auth.api_keys]\nshop = 7\n", "not taken")


@shows("settings need a restart")
def _(folder: Path) -> str:
    return reloading(folder, "[default.server]\nthreads = 64\n", "need a restart")
