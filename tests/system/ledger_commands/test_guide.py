"""Every command that the guide to payments shows runs as it says."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.testing.payments import ALICE, Payer, transaction_id
from facilitator.testing.running import Running

GUIDE = Path(__file__).parents[3] / "docs/how-to/look-at-payments.md"
SHOWN_ID = "eb4e788b"

pytestmark = pytest.mark.skipif(not GUIDE.exists(), reason="needs a checkout: no docs/ here")


def test_the_guide(running: Running, payments: Callable[..., tuple[int, str, str]]) -> None:
    body = Payer(running).body(confirmations=1)
    running.settle(body)
    running.next_block()
    running.next_block()
    running.settle_until(body, lambda answer: answer["success"])
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text(), re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) > 10
    for line in lines:
        words = shlex.split(re.sub(r" > \S+", "", line))
        assert words[:2] == ["facilitator", "payments"]
        words = [transaction_id(body)[:8] if word == SHOWN_ID else word for word in words[2:]]
        if words[0] == "watch":  # which does not end
            continue
        code, out, err = payments(*words, stdin="y\n")
        assert code == 0, (line, err)
        assert out or "jsonl" in line  # nothing was paid since then
    assert ALICE.bech32 in GUIDE.read_text()
