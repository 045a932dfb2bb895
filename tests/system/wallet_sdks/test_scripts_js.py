"""Wallets in JavaScript pay to scripts and spend from them, evaluated by the devnet."""

import json
from collections.abc import Callable
from pathlib import Path

import cbor2
import pytest

from facilitator.cardano.addresses.address import format_address
from support.script_spends import GOOD, OLD, V2, Script
from wallet_sdks.open_devnet import OpenDevnet
from wallet_sdks.program import Program

PACKAGES = Path(__file__).parents[3] / "examples" / "pay-with-javascript"
SCRIPTS = Path(__file__).parent / "scripts_js"
PARTS = {"V3": GOOD, "V2": OLD[V2]}
"""One that always succeeds, and one that compares datum and redeemer."""


@pytest.fixture
def javascript(program: Callable[..., Program]) -> Program:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    return program(PACKAGES, SCRIPTS)


def history(devnet: OpenDevnet, script: Script) -> list[str]:
    """The transactions at the script, of which it holds nothing any more."""
    address = format_address(script.address)
    assert devnet.get(f"/addresses/{address}/utxos") == []
    return [row["tx_hash"] for row in devnet.get(f"/addresses/{address}/transactions")]


def test_lucid(devnet: OpenDevnet, javascript: Program) -> None:
    """Its own evaluator finds the same units."""
    devnet.fund(javascript.run("lucid.mjs", "address"), 100_000_000, {})
    words = [word for version, script in PARTS.items() for word in (version, script.code.hex())]
    answers = json.loads(javascript.run("lucid.mjs", *words))
    assert len(answers) == len(PARTS)
    for answer, script in zip(answers, PARTS.values(), strict=True):
        assert answer["own"] == answer["provided"]
        assert len(history(devnet, script)) == 2


def test_mesh(devnet: OpenDevnet, javascript: Program) -> None:
    devnet.fund(javascript.run("mesh.mjs", "address"), 100_000_000, {})
    codes = {version: cbor2.dumps(script.code).hex() for version, script in PARTS.items()}
    words = [word for part in codes.items() for word in part]
    spent = json.loads(javascript.run("mesh.mjs", *words))
    assert [history(devnet, script)[-1] for script in PARTS.values()] == spent
