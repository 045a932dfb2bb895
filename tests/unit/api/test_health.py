"""``/health``: true, quick, and never a burden."""

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from facilitator import __version__
from facilitator.api import probe
from facilitator.observability.advice import Advice, Concern, Need, Needed
from facilitator.roles.chain_errors import ChainUnavailable
from support.web import Client, ScriptedService, serving

Check = Callable[[], float | None]


class FixedClock:
    def time(self) -> float:
        return 1_700_000_000.25


def up() -> None:
    pass


def down() -> None:
    raise ChainUnavailable("the quota of today is used up")


def broken() -> None:
    raise OSError("cannot reach redis://:hunter2@db:6379")


def no_thread(thread: threading.Thread) -> None:
    raise RuntimeError(f"can't start {thread.name}")


@contextmanager
def watching(folder: Path, **checks: Check) -> Iterator[Client]:
    service = ScriptedService(checks=checks)
    with serving(folder, service, api={"clock": FixedClock()}) as client:
        yield client


@pytest.mark.parametrize(
    ("checks", "status", "code", "ready"),
    [
        ({}, "healthy", 200, 200),
        ({"storage": up, "chain": up}, "healthy", 200, 200),
        ({"storage": up, "chain": down}, "degraded", 200, 503),
        ({"storage": broken, "chain": down}, "unhealthy", 503, 503),
    ],
)
def test_health_and_readiness(
    tmp_path: Path, checks: dict[str, Check], status: str, code: int, ready: int
) -> None:
    with watching(tmp_path, **checks) as client:
        health, readiness = client.call("GET", "/health"), client.call("GET", "/health/ready")
        assert client.call("GET", "/health/live").status == 200
        assert client.call("HEAD", "/health").status == code
    assert (health.status, health.json["status"]) == (code, status)
    assert readiness.status == ready
    assert readiness.json["status"] == ("ready" if ready == 200 else "not_ready")
    assert set(health.json["dependencies"]) == set(readiness.json["dependencies"]) == set(checks)


def behind() -> None:
    raise Concern("this clock is 60 s behind")


@pytest.mark.parametrize(
    ("checks", "status", "code", "ready"),
    [
        ({"storage": up, "clock": Advice(up)}, "healthy", 200, 200),
        ({"storage": up, "clock": Advice(behind)}, "degraded", 200, 200),
        ({"storage": down, "clock": Advice(behind)}, "unhealthy", 503, 503),
        ({"storage": down, "clock": Advice(up)}, "unhealthy", 503, 503),
        ({"clock": Advice(behind)}, "degraded", 200, 200),
    ],
)
def test_what_no_request_depends_on_keeps_none_away(
    tmp_path: Path, checks: dict[str, Check], status: str, code: int, ready: int
) -> None:
    with watching(tmp_path, **checks) as client:
        health, readiness = client.call("GET", "/health"), client.call("GET", "/health/ready")
    assert (health.status, health.json["status"], readiness.status) == (code, status, ready)
    clock = health.json["dependencies"]["clock"]
    assert clock.get("error") == (
        "this clock is 60 s behind" if clock["status"] == "down" else None
    )


def test_what_logs_its_own_changes_is_not_logged_twice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with watching(tmp_path, clock=Advice(behind)) as client:
        assert client.call("GET", "/health").json["status"] == "degraded"
    assert not [each for each in caplog.records if each.name == "facilitator.health"]


def test_what_health_tells(tmp_path: Path) -> None:
    with watching(tmp_path, storage=up, chain=down) as client:
        document = client.call("GET", "/health").json
    assert document["version"] == __version__
    assert document["timestamp"] == "2023-11-14T22:13:20.250Z"
    moment = datetime.fromisoformat(document["timestamp"])
    assert moment == datetime.fromtimestamp(FixedClock().time(), UTC)
    assert document["uptime"] >= 0
    storage, chain = document["dependencies"]["storage"], document["dependencies"]["chain"]
    assert storage.pop("latency") >= 0
    assert chain.pop("latency") >= 0
    assert storage == {"status": "up"}
    assert chain == {"status": "down", "error": "the quota of today is used up"}


def test_a_check_may_tell_how_long_it_took_when_it_last_asked(tmp_path: Path) -> None:
    service = ScriptedService(checks={"chain": lambda: 1.25})
    with serving(tmp_path, service) as client:
        document = client.call("GET", "/health").json
    assert document["dependencies"]["chain"] == {"status": "up", "latency": 1250.0}


def test_only_texts_meant_for_it_are_shown(tmp_path: Path) -> None:
    with watching(tmp_path, redis=broken) as client:
        answer = client.call("GET", "/health")
    assert answer.json["dependencies"]["redis"]["error"] == "OSError"
    assert b"hunter2" not in answer.body


def test_a_check_that_hangs_is_down_and_runs_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "WAIT_SECONDS", 0.05)
    release, calls = threading.Event(), []

    def hang() -> None:
        calls.append(1)
        release.wait(60)

    try:
        with watching(tmp_path, storage=up, chain=hang) as client:
            for _ in range(3):
                document = client.call("GET", "/health").json
                assert document["status"] == "degraded"
                assert document["dependencies"]["chain"]["error"] == "no answer in time"
                assert document["dependencies"]["storage"]["status"] == "up"
    finally:
        release.set()
    assert calls == [1]


def test_health_is_answered_when_no_thread_can_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's limit is reached, as by callers that wait."""
    with watching(tmp_path, storage=up, chain=up) as client, monkeypatch.context() as patched:
        assert client.call("GET", "/health/live").status == 200
        patched.setattr(threading.Thread, "start", no_thread)
        assert client.call("GET", "/health").json["status"] == "healthy"


def test_a_check_without_a_thread_is_down_until_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe, "FRESH_SECONDS", 0)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        checked = probe.Probes({"chain": up})
        outcome = checked.outcomes()["chain"]
        assert (outcome.is_up, outcome.error) == (False, "no thread can start to check it")
    assert checked.outcomes()["chain"].is_up


@pytest.mark.parametrize("ends", [SystemExit(3), KeyboardInterrupt(), MemoryError()])
def test_no_check_ends_its_thread(ends: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "FRESH_SECONDS", 0)
    outcomes: list[BaseException | None] = [ends, None]

    def check() -> None:
        if (error := outcomes.pop(0)) is not None:
            raise error

    checked = probe.Probes({"chain": check})
    assert checked.outcomes()["chain"].error == type(ends).__name__
    assert checked.outcomes()["chain"].is_up


def test_a_thread_ends_with_its_probe() -> None:
    checked = probe.Probes({"a check of this test": up})
    assert checked.outcomes()["a check of this test"].is_up
    [thread] = [one for one in threading.enumerate() if one.name == "health-a check of this test"]
    del checked
    gc.collect()
    thread.join(60)
    assert not thread.is_alive()


def test_an_answer_takes_less_than_two_seconds() -> None:
    assert probe.WAIT_SECONDS < 2


def test_a_dependency_is_not_asked_for_every_request(tmp_path: Path) -> None:
    calls = []
    with watching(tmp_path, chain=lambda: calls.append(1)) as client:
        for _ in range(5):
            client.call("GET", "/health")
            client.call("GET", "/health/ready")
    assert len(calls) < 10


def test_a_dependency_that_comes_back_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(probe, "FRESH_SECONDS", 0)
    caplog.set_level("INFO")
    outcomes = iter([down, down, up])
    with watching(tmp_path, chain=lambda: next(outcomes)()) as client:
        statuses = [client.call("GET", "/health").json["status"] for _ in range(3)]
    assert statuses == ["unhealthy", "unhealthy", "healthy"]
    changes = [one.getMessage() for one in caplog.records if one.name == "facilitator.health"]
    assert changes == ["chain is down: the quota of today is used up", "chain is up"]
    assert not any(one.exc_info for one in caplog.records if one.name == "facilitator.health")


@pytest.mark.parametrize(
    ("checks", "ready"),
    [
        ({"storage": Needed(down, Need.SOME), "chain": Needed(up, Need.ONE_OF)}, 200),
        ({"storage": Needed(up, Need.SOME), "chain": Needed(down, Need.ONE_OF)}, 503),
        ({"first": Needed(down, Need.ONE_OF), "standby": Needed(up, Need.ONE_OF)}, 200),
        ({"first": Needed(down, Need.ONE_OF), "standby": Needed(down, Need.ONE_OF)}, 503),
        ({"gate": down, "chain": Needed(up, Need.ONE_OF)}, 503),
    ],
)
def test_it_is_ready_while_payments_can_be_judged(
    tmp_path: Path, checks: dict[str, Check], ready: int
) -> None:
    with watching(tmp_path, **checks) as client:
        assert client.call("GET", "/health/ready").status == ready


def test_probes_are_logged_for_who_looks_for_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Machines ask every few seconds. An answer that keeps requests away is a warning."""
    caplog.set_level("DEBUG")
    with watching(tmp_path, chain=down) as client:
        for path in ("/health/live", "/health/ready", "/supported"):
            client.call("GET", path)
    levels = [one.levelname for one in caplog.records if one.getMessage() == "request completed"]
    assert levels == ["DEBUG", "WARNING", "INFO"]


def test_liveness_asks_nobody(tmp_path: Path) -> None:
    calls = []
    with watching(tmp_path, chain=lambda: calls.append(1)) as client:
        assert client.call("GET", "/health/live").json == {"status": "alive"}
    assert calls == []
