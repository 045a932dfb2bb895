"""Histories of scripts that succeed and fail, with rollbacks: no lovelace is lost or made."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.plugin import Unspent
from facilitator.testing.clock import ManualClock
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import GENESIS_VALUES, WALLETS
from support.script_spends import (
    ALICE,
    BAD,
    FEE,
    GOOD,
    LOCKED,
    Script,
    Spend,
    held,
    lovelace_at,
    output,
    unlock,
)

GENESIS = len(WALLETS) * sum(value.lovelace for value in GENESIS_VALUES)
SCRIPTS = (GOOD, BAD)
STEP = st.tuples(
    st.sampled_from(["lock", "unlock", "fail", "block", "roll back", "drop"]), st.integers(0, 3)
)


def lock_one(devnet: Devnet, number: int) -> None:
    ref = held(devnet)[0]
    change = lovelace_at(devnet, ref) - FEE - LOCKED
    made = [output(SCRIPTS[number % 2].address, LOCKED), output(ALICE.address, change)]
    devnet.submit(Spend([ref], made).raw)


def spend_one(devnet: Devnet, script: Script, number: int) -> None:
    """Spend what the script holds, if it holds something; what fails returns collateral or not."""
    refs = list(devnet.outputs_at(script.address))
    collateral = held(devnet)[-1]
    if not refs:
        return
    spend = unlock(devnet, refs[number % len(refs)], script, collateral=[collateral])
    if script is BAD:
        spend = replace(spend, is_valid=False)
        if number % 2:
            back = lovelace_at(devnet, collateral) - 2 * FEE
            spend = replace(spend, more={16: output(ALICE.address, back), 17: 2 * FEE})
    devnet.submit(spend.raw)


def take(devnet: Devnet, step: tuple[str, int]) -> None:
    kind, number = step
    if kind == "block":
        devnet.produce_block()
    elif kind in ("roll back", "drop"):
        if devnet.tip().height:
            blocks = min(number + 1, devnet.tip().height)
            devnet.rollback(blocks, drop=kind == "drop")
    elif len([each for each in held(devnet) if lovelace_at(devnet, each) > 10 * LOCKED]) > 1:
        if kind == "lock":
            lock_one(devnet, number)
        else:
            spend_one(devnet, GOOD if kind == "unlock" else BAD, number)


def state(devnet: Devnet) -> dict[str, Any]:
    """Everything that look-ups read, after a check of what must hold in any state."""
    with devnet.chain() as chain:
        unspent = {
            ref: found.output
            for ref, found in chain.ledger.outputs.items()
            if isinstance(found, Unspent)
        }
        fees = chain.blocks[-1].totals.fees
        assert sum(each.value.lovelace for each in unspent.values()) + fees == GENESIS
        for address in {each.address for each in unspent.values()}:
            indexed = {ref for _, ref in chain.index.unspent(("address", address))}
            assert indexed == {ref for ref, each in unspent.items() if each.address == address}
        assert not unspent.keys() & chain.index.consumers.keys()
        spent = {ref for made in chain.blocks for ref in made.block.spent}
        assert spent == chain.index.consumers.keys()
        return {"unspent": unspent, "fees": fees, "waiting": list(chain.waiting)}


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(STEP, max_size=25))
def test_histories_keep_every_lovelace(
    steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """And a chain in a file comes back as it was."""
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    path: Path = tmp_path_factory.mktemp("history") / "devnet.sqlite"
    clock = ManualClock(1.79e9)
    with closing(Devnet("cardano:preprod", clock, path=str(path))) as devnet:
        for step in steps:
            take(devnet, step)
            clock.advance(1)
            kept = state(devnet)
        kept = state(devnet)
    with closing(Devnet("cardano:preprod", clock, path=str(path))) as again:
        assert state(again) == kept
