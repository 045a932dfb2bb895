"""A plugin's scheme that misbehaves in one method: payments end as they should, it is named."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from facilitator.testing.payments import Payer
from facilitator.testing.pytest_plugin import RunFacilitator
from facilitator.testing.running import Running
from support import tip

PLANT = """
import functools, sys, threading
from dataclasses import replace
from facilitator.plugin import Answer, Verified, UniqueTerms
from facilitator.x402.networks import PREVIEW
forever = threading.Event()
def plant(own):
    @functools.wraps(own)
    def planted(self, *given):
        {act}
    return planted
TipScheme.{method} = plant(TipScheme.{method})
"""
FAILS = {
    "raises": "raise RuntimeError('on purpose')",
    "exits": "sys.exit(3)",
    "interrupts": "raise KeyboardInterrupt",
    "hangs": "forever.wait()",
    "returns nonsense": "return object()",
}
PAYMENTS = {
    "a foreign network": "replace(own(self, *given), terms="
    "replace(own(self, *given).terms, network=PREVIEW))",
    "a bad id": "replace(own(self, *given), transaction_id='AB')",
    "an id without bytes": "replace(own(self, *given), transaction=b'')",
    "a long record": "replace(own(self, *given), record=bytes(5000))",
    "no terms": "replace(own(self, *given), terms=None)",
}
ANSWERS = {
    "verify": "own(self, *given)._replace(extra={'x': object()})",
    "unique_terms": "UniqueTerms('x', float('nan'))",
    "answer": "Answer('much', {})",
}
CASES = [
    *((method, act) for method in ("read", "check", "unique_terms", "verify") for act in FAILS),
    *((method, act) for method in ("prepare", "answer") for act in FAILS),
    *((method, act) for method in ("read", "prepare") for act in PAYMENTS),
    *((method, "wrong") for method in ANSWERS),
]
ERROR = "invalid_exact_cardano_payload_verification_error"


def act_of(method: str, act: str) -> str:
    if act in FAILS:
        return FAILS[act]
    return f"return {PAYMENTS[act] if act in PAYMENTS else ANSWERS[method]}"


@pytest.fixture
def start(tmp_path: Path, run_facilitator: RunFacilitator) -> Iterator[Callable[..., Running]]:
    with ExitStack() as stack:

        def run(method: str, act: str) -> Running:
            own = Path(str(tip.__file__)).read_text()
            plant = PLANT.replace("{method}", method).replace("{act}", act_of(method, act))
            (tmp_path / "tip.py").write_text(own + plant)
            limits: Mapping[str, Any] = {}
            if act == "hangs":
                limits = {"hooks__gate_seconds": 1, "hooks__scheme_seconds": 1}
            running = run_facilitator(plugins="devnet,memory,./tip.py", **limits)
            schemes = running.facilitator.schemes.by_name
            module = __import__("sys").modules[type(schemes["tip"].part).__module__]  # type: ignore[attr-defined]
            stack.callback(module.forever.set)
            return running

        yield run


@pytest.mark.parametrize(("method", "act"), CASES)
def test_payments_end_as_they_should(start: Callable[..., Running], method: str, act: str) -> None:
    running = start(method, act)
    payer = Payer(running)
    body = payer.body(scheme="tip", confirmations=0)
    if method == "answer":
        assert running.settle(body, Prefer="wait=0")["errorReason"] == "settlement_pending"
        running.next_block()
        answer = running.settle_until(body, lambda each: bool(each["success"]))
        assert answer["amount"] == "2000000"
        assert "note" not in answer["extra"]
        assert running.settle(body)["errorReason"] == "duplicate_settlement"
    else:
        assert running.settle(body, Prefer="wait=0")["errorReason"] == ERROR
        if method != "prepare":
            assert running.verify(body)["invalidReason"] == ERROR
        assert running.facilitator.storage.open_claims() == []
    dependencies = running.call("GET", "/health")[1]["dependencies"]
    assert dependencies["plugin tip"]["error"].endswith(f"in {method}")
    assert payer.pay()["success"]
