"""A facilitator whose plugins raise what their roles do not name, over HTTP."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from facilitator.api import probe
from facilitator.plugin.loading import load_plugins
from facilitator.roles.claim import ClaimState
from facilitator.testing.border import unguarded
from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.running import NETWORK, Running
from support.paired import Paired, installed
from support.web import payment, serving

LOOKUP_FAILED = "exact_cardano_facilitator_chain_lookup_failed"
UNAVAILABLE = "exact_cardano_facilitator_evidence_unavailable"


class Shelf(Protocol):
    def add(self, name: str, source: str = "") -> str: ...


Patch = pytest.MonkeyPatch


class Own(BaseException):
    """An exception that no handler of ``Exception`` sees."""


@pytest.fixture(autouse=True)
def every_look_is_new(monkeypatch: Patch) -> None:
    monkeypatch.setattr(probe, "FRESH_SECONDS", 0)


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(settlement__wait_seconds=0)


def breaks(patch: Patch, part: object, method: str, error: BaseException) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    patch.setattr(unguarded(part), method, fail)


def dependency(running: Running, name: str) -> dict[str, Any]:
    status, document = running.call("GET", "/health")
    assert (status, document["status"]) == (200, "degraded")
    return dict(document["dependencies"][name])


@pytest.mark.parametrize("error", [KeyError("row"), SystemExit(3), Own()], ids=repr)
def test_a_provider_that_raises_is_a_chain_that_cannot_be_asked(
    running: Running, monkeypatch: Patch, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    body = Payer(running).body()
    with monkeypatch.context() as patch:
        breaks(patch, running.devnet, "outputs", error)
        assert running.verify(body)["invalidReason"] == LOOKUP_FAILED
        assert running.settle(body)["errorReason"] == LOOKUP_FAILED
    (line,) = (each for each in caplog.records if each.name == "facilitator.plugins")
    assert line.getMessage() == "plugin devnet failed in outputs"
    assert line.exc_info is not None
    told = dependency(running, "plugin devnet")
    assert (told["status"], told["error"]) == ("down", "failed in outputs")
    assert running.call("GET", "/health/ready")[0] == 200
    assert running.verify(body)["isValid"]


@pytest.mark.parametrize("answer", [None, {}, 5], ids=repr)
def test_a_wrong_answer_is_a_chain_that_cannot_be_asked(
    running: Running, monkeypatch: Patch, answer: object
) -> None:
    body = Payer(running).body()
    monkeypatch.setattr(running.devnet, "outputs", lambda _: answer)
    assert running.verify(body)["invalidReason"] == LOOKUP_FAILED
    assert dependency(running, "plugin devnet")["status"] == "down"


@pytest.mark.parametrize("error", [KeyError("id"), SystemExit(1)], ids=repr)
def test_a_submission_that_raises_may_have_been_sent(
    running: Running, monkeypatch: Patch, error: BaseException
) -> None:
    body = Payer(running).body()
    with monkeypatch.context() as patch:
        breaks(patch, running.devnet, "submit", error)
        assert running.settle(body)["errorReason"] == "settlement_pending"
    claim = running.facilitator.storage.claim(transaction_id(body))
    assert claim is not None
    assert claim.state is ClaimState.SUBMITTED


@pytest.mark.parametrize("error", [RuntimeError("disk"), SystemExit(1), Own()], ids=repr)
@pytest.mark.parametrize("method", ["claim", "add_claim", "reserve"])
def test_a_storage_that_raises_is_away(
    running: Running,
    monkeypatch: Patch,
    caplog: pytest.LogCaptureFixture,
    method: str,
    error: BaseException,
) -> None:
    body = Payer(running).body()
    breaks(monkeypatch, running.facilitator.storage, method, error)
    assert running.verify(body)["isValid"]
    status, answer = running.call("POST", "/settle", body, {"Idempotency-Key": "order-1001"})
    assert (status, answer["errorReason"]) == (503, UNAVAILABLE)
    assert "disk" not in answer["errorMessage"]
    assert f"plugin memory failed in {method}" in caplog.text
    assert dependency(running, "plugin memory")["error"] == f"failed in {method}"


def test_a_standby_steps_in_at_once(tmp_path: Path, monkeypatch: Patch) -> None:
    devnet = ("CountedDevnet", NETWORK)
    settings = {"FACILITATOR_PLUGINS": "alpha,beta,memory", "FACILITATOR_CHAIN__FALLBACK": "beta"}
    with installed(tmp_path / "site", alpha=devnet, beta=devnet):
        running = Paired(tmp_path, settings=settings)
        try:
            breaks(monkeypatch, running.devnet, "outputs", KeyError("row"))
            body = Payer(running).body()
            for _ in range(3):
                assert running.verify(body)["isValid"]
            assert running.dependencies()["(alpha)"]["status"] == "down"
            assert dependency(running, "plugin alpha")["error"] == "failed in outputs"
        finally:
            running.close()


@pytest.mark.parametrize("error", ["KeyError('token')", "SystemExit(1)"])
def test_an_authenticator_that_raises_refuses_for_now(
    shelf: Shelf, tmp_path: Path, error: str
) -> None:
    shelf.add("gate", f"@hookimpl\ndef authenticate(): raise {error}")
    plugins = load_plugins(["gate"])
    api = {"authenticate": plugins.authenticate, "faults": plugins.recent_faults}
    with serving(tmp_path, api=api) as client:
        answer = client.call("POST", "/verify", payment())
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        told = client.call("GET", "/health").json["dependencies"]["plugin gate"]
    assert told["error"] == "failed in authenticate"
