"""Plutus scripts on the devnet's ledger: who may spend, and what a failure costs."""

from dataclasses import replace
from fractions import Fraction
from hashlib import blake2b
from typing import Any

import cbor2
import pytest

from facilitator.cardano.phase2 import evaluator as phase2
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import NotFound, Spent, SubmissionRejected, Unspent
from facilitator.testing.clock import ManualClock
from facilitator_devnet import scripts
from facilitator_devnet.cost_models import COST_MODELS
from facilitator_devnet.devnet import Devnet
from support.script_spends import (
    ALICE,
    BAD,
    BUDGET,
    CERTIFY,
    ENDLESS,
    FAILS,
    FEE,
    GOOD,
    LOCKED,
    MINT,
    OLD,
    REWARD,
    SPEND,
    V1,
    V2,
    V3,
    Script,
    Spend,
    held,
    language_views,
    lock,
    lovelace_at,
    output,
    submit,
    unlock,
)


@pytest.fixture(autouse=True)
def plutus() -> None:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")


def refusal(devnet: Devnet, spend: Spend) -> str:
    with pytest.raises(SubmissionRejected) as refused:
        devnet.submit(spend.raw)
    return str(refused.value)


def datum_hash(datum: Any) -> bytes:
    return blake2b(cbor2.dumps(datum), digest_size=32).digest()


def test_the_cost_models_are_those_of_version_10() -> None:
    """The script data hashes of mainnet's transactions follow from these values."""
    assert [len(COST_MODELS[language]) for language in (0, 1, 2)] == [166, 175, 297]
    hashes = [blake2b(language_views({each}), digest_size=8).hexdigest() for each in (V1, V2, V3)]
    assert hashes == ["ce6c3725c0cdeec6", "c8cd6234a6edac98", "78dad176500dbda2"]


def test_a_v3_script_lets_an_output_be_spent(devnet: Devnet) -> None:
    (ref,) = lock(devnet, output(GOOD.address, LOCKED))
    collateral = held(devnet)[-1]
    made = OutputRef(submit(devnet, unlock(devnet, ref, GOOD)), 0)
    assert lovelace_at(devnet, made) == LOCKED - FEE
    assert devnet.outputs([ref]) == {ref: Spent(made.transaction_id.hex())}
    assert collateral in devnet.outputs_at(ALICE.address)


@pytest.mark.parametrize("language", [V1, V2])
def test_an_old_script_compares_the_datum_with_the_redeemer(devnet: Devnet, language: int) -> None:
    script, datum = OLD[language], [7, b"seven"]
    (ref,) = lock(devnet, output(script.address, LOCKED, datum_hash=datum_hash(datum)))
    wrong = unlock(devnet, ref, script, datums=[datum], redeemers={(SPEND, 0): 8})
    assert refusal(devnet, wrong) == (
        "ValidationTagMismatch: Plutus scripts fail: spending 0: it ends in an error"
    )
    assert refusal(devnet, replace(wrong, datums=[8])).startswith("MissingRequiredDatums")
    submit(devnet, replace(wrong, redeemers={(SPEND, 0): datum}))


def test_a_v2_script_reads_an_inline_datum(devnet: Devnet) -> None:
    (ref,) = lock(devnet, output(OLD[V2].address, LOCKED, datum=42))
    submit(devnet, unlock(devnet, ref, OLD[V2]))


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (BAD.code, "it ends in an error"),
        (FAILS, "it does not return a unit, as Plutus V3 scripts must"),
        (ENDLESS, "it needs more than its budget"),
    ],
)
def test_a_failing_script_is_refused_unless_it_is_flagged(
    devnet: Devnet, code: bytes, why: str
) -> None:
    """Its collateral is then all that changes hands, to the lovelace."""
    script = Script(V3, code)
    (ref,) = lock(devnet, output(script.address, LOCKED))
    spend = unlock(devnet, ref, script)
    assert refusal(devnet, spend).endswith(f"Plutus scripts fail: spending 0: {why}")
    (collateral,) = spend.collateral
    name = submit(devnet, replace(spend, is_valid=False))
    assert devnet.outputs([collateral]) == {collateral: Spent(name.hex())}
    assert isinstance(devnet.outputs([ref])[ref], Unspent)
    assert devnet.outputs([OutputRef(name, 0)]) == {OutputRef(name, 0): Spent()}


def test_a_flagged_transaction_whose_scripts_succeed_is_refused(devnet: Devnet) -> None:
    (ref,) = lock(devnet, output(GOOD.address, LOCKED))
    spend = replace(unlock(devnet, ref, GOOD), is_valid=False)
    assert refusal(devnet, spend) == (
        "ValidationTagMismatch: it is marked as failing its scripts, but none of them fails"
    )
    plain = held(devnet)[0]
    left = lovelace_at(devnet, plain) - FEE
    without = Spend([plain], [output(ALICE.address, left)], is_valid=False)
    assert refusal(devnet, without).startswith("ValidationTagMismatch")


def test_what_is_left_of_collateral_comes_back(devnet: Devnet) -> None:
    """It has the index after the outputs that are not made; a rollback undoes it all."""
    (ref,) = lock(devnet, output(BAD.address, LOCKED))
    collateral = held(devnet)[-1]
    back = lovelace_at(devnet, collateral) - 2 * FEE
    more = {16: output(ALICE.address, back), 17: 2 * FEE}
    spend = unlock(devnet, ref, BAD, is_valid=False, collateral=[collateral], more=more)
    off = replace(spend, more={16: output(ALICE.address, back), 17: 2 * FEE - 1})
    assert refusal(devnet, off).startswith("IncorrectTotalCollateralField")
    returned = OutputRef(submit(devnet, spend), 1)
    assert lovelace_at(devnet, returned) == back
    assert returned in devnet.outputs_at(ALICE.address)
    with devnet.chain() as chain:
        before, after = (made.totals for made in chain.blocks[-2:])
        assert after.fees - before.fees == 2 * FEE
        assert after.output - before.output == back
        assert chain.tip.spent == {collateral}

    devnet.rollback(1, drop=True)
    assert isinstance(devnet.transaction(returned.transaction_id.hex()), NotFound)
    assert devnet.outputs([returned]) == {returned: Spent()}
    assert collateral in devnet.outputs_at(ALICE.address)
    onward = Spend([collateral], [output(ALICE.address, back + FEE)])
    submit(devnet, onward)


def test_the_return_of_collateral_in_the_mempool_can_be_spent(devnet: Devnet) -> None:
    (ref,) = lock(devnet, output(BAD.address, LOCKED))
    collateral = held(devnet)[-1]
    back = lovelace_at(devnet, collateral) - 2 * FEE
    more = {16: output(ALICE.address, back)}
    spend = unlock(devnet, ref, BAD, is_valid=False, collateral=[collateral], more=more)
    name = bytes.fromhex(devnet.submit(spend.raw))
    onward = Spend([OutputRef(name, 1)], [output(ALICE.address, back - FEE)])
    second = devnet.submit(onward.raw)
    assert devnet.produce_block().transactions == (name.hex(), second)


def test_nothing_that_a_failing_transaction_asks_for_happens(devnet: Devnet) -> None:
    """It mints nothing and registers nobody."""
    ref, collateral = held(devnet)[0], held(devnet)[-1]
    minted = {BAD.hash: {b"coin": 5}}
    left = lovelace_at(devnet, ref) - FEE - 2_000_000
    registers = [[0, [0, ALICE.reward_address[1:]]]]
    spend = Spend(
        [ref],
        [output(ALICE.address, left, assets=minted)],
        scripts=[BAD],
        redeemers={(MINT, 0): 0},
        collateral=[collateral],
        more={9: minted, 4: registers},
    )
    assert "minting 0: it ends in an error" in refusal(devnet, spend)
    submit(devnet, replace(spend, is_valid=False))
    with devnet.chain() as chain:
        assert not chain.index.mints[BAD.hash + b"coin"]
        assert not any(chain.ledger.accounts.values())


def test_a_script_mints(devnet: Devnet) -> None:
    ref, collateral = held(devnet)[0], held(devnet)[-1]
    minted = {GOOD.hash: {b"coin": 5}}
    left = lovelace_at(devnet, ref) - FEE
    spend = Spend(
        [ref],
        [output(ALICE.address, left, assets=minted)],
        scripts=[GOOD],
        redeemers={(MINT, 0): 0},
        collateral=[collateral],
        more={9: minted},
    )
    made = OutputRef(submit(devnet, spend), 0)
    found = devnet.outputs([made])[made]
    assert isinstance(found, Unspent)
    assert found.output.value.assets == {GOOD.hash + b"coin": 5}


def test_a_script_registers_and_withdraws_nothing(devnet: Devnet) -> None:
    """The usual way to run a script once for many inputs."""
    owner = [1, GOOD.hash]
    first = held(devnet)[0]
    left = lovelace_at(devnet, first) - FEE - 2_000_000
    submit(
        devnet,
        Spend(
            [first],
            [output(ALICE.address, left)],
            scripts=[GOOD],
            redeemers={(CERTIFY, 0): 0},
            collateral=held(devnet)[-1:],
            more={4: [[12, owner, [2], 2_000_000]]},
        ),
    )
    second = held(devnet)[0]
    withdraws = Spend(
        [second],
        [output(ALICE.address, lovelace_at(devnet, second) - FEE)],
        scripts=[GOOD],
        redeemers={(REWARD, 0): 0},
        collateral=held(devnet)[-1:],
        more={5: {GOOD.reward_address: 0}},
    )
    submit(devnet, withdraws)


def test_a_reference_script_runs_and_has_its_price(devnet: Devnet) -> None:
    """15 lovelace a byte, as long as there are no more than 25,600."""
    locked, carried = lock(
        devnet,
        output(GOOD.address, LOCKED),
        output(ALICE.address, LOCKED, script=GOOD),
    )
    spend = unlock(devnet, locked, GOOD, scripts=[], languages=[V3], more={18: [[*carried]]})
    parameters = devnet.parameters()
    prices = BUDGET[0] * parameters.price_memory + BUDGET[1] * parameters.price_steps
    size = len(spend.raw) - 1
    least = (
        parameters.min_fee_a * size
        + parameters.min_fee_b
        + -(-prices.numerator // prices.denominator)
        + 15 * len(GOOD.code)
    )
    assert prices == Fraction(BUDGET[0] * 577, 10_000) + Fraction(BUDGET[1] * 721, 10_000_000)
    short = replace(spend, fee=least - 1, outputs=[output(ALICE.address, LOCKED - least + 1)])
    assert refusal(devnet, short).startswith("FeeTooSmallUTxO")
    submit(devnet, replace(spend, fee=least, outputs=[output(ALICE.address, LOCKED - least)]))
    assert isinstance(devnet.outputs([carried])[carried], Unspent)


def test_phase_1_comes_first(devnet: Devnet, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a node would not run is not run, and its scripts are no further reason."""
    (ref,) = lock(devnet, output(BAD.address, LOCKED))
    spend = unlock(devnet, ref, BAD)
    monkeypatch.setattr(phase2, "run_scripts", None)
    faults: dict[str, Spend] = {
        "PPViewHashesDontMatch": replace(spend, more={11: bytes(32)}),
        "MissingScriptWitnessesUTXOW": replace(spend, scripts=[]),
        "NoCollateralInputs": replace(spend, collateral=[]),
        "ScriptsNotPaidUTxO": replace(spend, collateral=[ref]),
        "ExUnitsTooBigUTxO": replace(spend, budget=(16_500_001, 1)),
        "MissingVKeyWitnessesUTXOW": replace(spend, signed=False),
    }
    for rule, faulty in faults.items():
        said = refusal(devnet, faulty)
        assert rule in said
        assert "NotJudged" not in said
        assert "ValidationTagMismatch" not in said


def test_scripts_run_once(devnet: Devnet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not again for the block, nor after a rollback, but under another protocol version."""
    (ref,) = lock(devnet, output(GOOD.address, LOCKED))
    runs = 0

    def counted(*details: Any, **more: Any) -> Any:
        nonlocal runs
        runs += 1
        return run_scripts(*details, **more)

    run_scripts = phase2.run_scripts
    monkeypatch.setattr(phase2, "run_scripts", counted)
    name = devnet.submit(unlock(devnet, ref, GOOD).raw)
    devnet.produce_block()
    devnet.rollback(1)
    assert runs == 1
    devnet.fork(0, version=11)
    assert name in devnet.produce_block().transactions
    assert runs == 2


def test_the_verdicts_are_not_kept_for_ever(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "REMEMBERED", 1)
    refs = lock(devnet, *[output(GOOD.address, LOCKED)] * 2)
    for ref in refs:
        devnet.submit(unlock(devnet, ref, GOOD).raw)
    with devnet.chain() as chain:
        assert len(chain._judge._known) == 1
    assert len(devnet.produce_block().transactions) == 2
    devnet.load({})
    with devnet.chain() as chain:
        assert not chain._judge._known


def test_scripts_that_take_too_long_are_not_judged(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ref,) = lock(devnet, output(GOOD.address, LOCKED))
    monkeypatch.setattr("time.thread_time", iter(range(0, 1000, 10)).__next__)
    said = refusal(devnet, unlock(devnet, ref, GOOD))
    assert said == (
        "NotJudged: its Plutus scripts cannot be evaluated (they take too long); what they say is"
        " not judged here, so the transaction is refused"
    )
    monkeypatch.undo()
    submit(devnet, unlock(devnet, ref, GOOD))


def test_without_the_extra_it_says_what_it_lacks(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name, name="uplc.ast")

    (ref,) = lock(devnet, output(GOOD.address, LOCKED))
    monkeypatch.setattr(phase2, "import_module", absent)
    said = refusal(devnet, unlock(devnet, ref, GOOD))
    assert said.startswith("NotJudged: its Plutus scripts cannot be evaluated (the extra")
    assert "x402-cardano-facilitator[plutus] is not installed" in said


def test_a_chain_in_a_file_keeps_what_failed(devnet: Devnet, tmp_path: Any) -> None:
    path = str(tmp_path / "devnet.sqlite")
    kept = Devnet(devnet.network, devnet._clock, path=path)
    (ref,) = lock(kept, output(BAD.address, LOCKED))
    collateral = held(kept)[-1]
    back = lovelace_at(kept, collateral) - 2 * FEE
    more = {16: output(ALICE.address, back)}
    returned = OutputRef(
        submit(kept, unlock(kept, ref, BAD, is_valid=False, collateral=[collateral], more=more)), 1
    )
    kept.close()
    again = Devnet(devnet.network, devnet._clock, path=path)
    assert lovelace_at(again, returned) == back
    assert isinstance(again.outputs([ref])[ref], Unspent)
    again.close()


@pytest.mark.parametrize("version", [9, 11, 12])
def test_scripts_run_under_every_known_version(devnet: Devnet, version: int) -> None:
    devnet.fork(0, version=version)
    good, old, bad = lock(
        devnet,
        output(GOOD.address, LOCKED),
        output(OLD[V2].address, LOCKED, datum=42),
        output(BAD.address, LOCKED),
    )
    submit(devnet, unlock(devnet, good, GOOD))
    submit(devnet, unlock(devnet, old, OLD[V2]))
    assert "ValidationTagMismatch" in refusal(devnet, unlock(devnet, bad, BAD))


def test_dijkstra_takes_nothing_that_is_flagged(devnet: Devnet, clock: ManualClock) -> None:
    """What waits for a block at the hard fork is dropped."""
    (ref,) = lock(devnet, output(BAD.address, LOCKED))
    flagged = unlock(devnet, ref, BAD, is_valid=False)
    name = devnet.submit(flagged.raw)
    devnet.fork(devnet.tip().point.slot + 1)
    clock.advance(1)
    assert name not in devnet.produce_block().transactions
    assert isinstance(devnet.transaction(name), NotFound)
    assert "FalseValidityFlag" in refusal(devnet, flagged)
