"""What the validator accepts and refuses, by the evaluator that judges payments."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator_channels.transactions.plan import Plan, ScriptWitness
from facilitator_channels.validator import SCRIPT_HASH, load_code
from support.channel_steps import World, is_accepted, outcomes
from support.channel_verdicts import ACCEPTED, REFUSED, WANTED_DIFFERENCES
from support.plutus_programs import program
from support.plutus_runs import UNIT

OURS = World(ScriptWitness(load_code()))
SUBBIT = "FACILITATOR_SUBBIT_VALIDATOR"
"""Names a file with the hex of Subbit's validator, as in a witness set."""
Case = Callable[[World], Plan]
FURTHER, MIXED = WANTED_DIFFERENCES.values()


def test_its_hash_is_that_of_its_bytes() -> None:
    assert OURS.script.hash == SCRIPT_HASH


@pytest.mark.parametrize("case", ACCEPTED.values(), ids=ACCEPTED)
def test_a_good_step_is_accepted(case: Case) -> None:
    assert is_accepted(case(OURS))


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_step_with_a_fault_is_refused(case: Case) -> None:
    assert not is_accepted(case(OURS))


def test_each_fault_is_for_the_validator_to_find() -> None:
    """One that accepts everything lets all of them pass."""
    careless = World(ScriptWitness(program(("lam", UNIT))))
    assert [name for name, case in REFUSED.items() if not is_accepted(case(careless))] == []


def test_steps_of_two_signers_in_any_order() -> None:
    assert is_accepted(MIXED(OURS))


def test_a_claim_makes_no_further_channel() -> None:
    assert not is_accepted(FURTHER(OURS))


@pytest.mark.parametrize(
    ("name", "memory", "steps"),
    [
        ("sub ada", 546_858, 188_977_861),
        ("sub tokens", 633_037, 209_296_501),
        ("batch of 10", 5_242_860, 1_893_324_655),
    ],
)
def test_it_costs_what_the_reference_says(name: str, memory: int, steps: int) -> None:
    found = [each.outcome for each in outcomes(ACCEPTED[name](OURS))]
    assert (sum(each.memory for each in found), sum(each.steps for each in found)) == (
        memory,
        steps,
    )


def test_subbit_says_the_same_but_for_the_wanted_differences() -> None:
    path = os.environ.get(SUBBIT)
    if not path:
        pytest.skip(f"{SUBBIT} names no file")
    subbit = World(ScriptWitness(bytes.fromhex(Path(path).read_text())))
    ours = dict.fromkeys(ACCEPTED, True) | dict.fromkeys(REFUSED, False)
    theirs = {name: is_accepted(case(subbit)) for name, case in {**ACCEPTED, **REFUSED}.items()}
    assert theirs == ours
    assert is_accepted(FURTHER(subbit))
