"""Faults of ours reach every error reporter once, and none of them changes an answer."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.payments import Payer
from facilitator.testing.running import Running


class Reporter:
    def __init__(self) -> None:
        self.reports: list[tuple[str, dict[str, str]]] = []

    def report(self, error: BaseException, context: Mapping[str, str]) -> None:
        self.reports.append((str(error), dict(context)))

    def flush(self, timeout: float) -> None:
        assert timeout > 0


class Broken(Reporter):
    def report(self, error: BaseException, context: Mapping[str, str]) -> None:
        raise OSError(f"cannot send {error} {context}")


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(settlement__wait_seconds=0)


def test_a_fault_in_a_request_is_500_and_reported(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter = Reporter()
    running.facilitator.faults.reporters[:] = [("broken", Broken()), ("good", reporter)]

    def fail(_: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(running.facilitator.service._schemes, "check", fail)
    status, answer = running.call("POST", "/verify", Payer(running).body())
    assert (status, answer["isValid"], answer["invalidReason"]) == (500, False, "internal_error")
    assert "a bug" not in str(answer)
    ((error, context),) = reporter.reports
    assert error == "a bug"
    assert context["requestId"]
    assert (context["method"], context["path"]) == ("POST", "/verify")
    assert (context["url"], context["status"]) == (f"{running.url}/verify", "500")


def test_a_provider_s_fault_is_reported_and_following_goes_on(running: Running) -> None:
    reporter = Reporter()
    running.facilitator.faults.reporters[:] = [("good", reporter)]
    body = Payer(running).body()
    running.settle(body)
    blocks_after = running.devnet.blocks_after
    faults = iter([RuntimeError("a bug")])

    def fail_once(point: Any) -> Any:
        for fault in faults:
            raise fault
        return blocks_after(point)

    running.devnet.blocks_after = fail_once  # type: ignore[method-assign]
    running.next_block()
    running.next_block()
    assert running.settle_until(body, lambda answer: bool(answer["success"]))
    ((error, context),) = reporter.reports
    assert (error, context) == ("a bug", {"plugin": "devnet", "hook": "blocks_after"})


def test_without_the_storage_payments_are_verified_and_none_is_settled(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = Payer(running).body()

    def fail(*_: Any, **__: Any) -> Any:
        raise StorageUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        for method in ("add_claim", "claim", "reserve"):
            patch.setattr(running.facilitator.storage, method, fail)
        verdict = running.verify(body)
        assert (verdict["isValid"], verdict["extra"]) == (True, {"reserved": False})
        status, answer = running.call("POST", "/settle", body)
        assert (status, answer["errorReason"]) == (
            503,
            "exact_cardano_facilitator_evidence_unavailable",
        )
        assert "the disk is full" in str(answer)
    assert "extra" not in running.verify(body)
