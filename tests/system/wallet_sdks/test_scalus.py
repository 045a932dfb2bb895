"""The validator of channels, by an evaluator of other people: each verdict and each unit."""

import json
from pathlib import Path

import cbor2
import pytest

from facilitator_channels.transactions.plan import Plan, ScriptWitness
from facilitator_channels.transactions.wire import NewOutput
from facilitator_channels.validator import load_code
from facilitator_devnet.genesis import PARAMETERS
from support.channel_steps import ERAS, World, encoded, outcomes
from support.channel_verdicts import ACCEPTED, REFUSED, WANTED_DIFFERENCES
from support.npm import install_or_skip
from wallet_sdks.program import Program

PROJECT = Path(__file__).parent / "scalus_js"
CASES = {**ACCEPTED, **REFUSED, **WANTED_DIFFERENCES}


def spent(plan: Plan) -> bytes:
    """The outputs that the plan spends, by reference."""
    return cbor2.dumps(
        {
            tuple(ref): NewOutput(output.address, output.value, output.datum).primitive()
            for ref, output in plan.inputs.items()
        }
    )


def test_scalus_says_the_same(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    cache = pytestconfig.rootpath / ".pytest_cache" / "npm"
    cache.mkdir(parents=True, exist_ok=True)
    folder = tmp_path / "program"
    folder.mkdir()
    program = Program(PROJECT, install_or_skip(PROJECT, cache), folder)
    world = World(ScriptWitness(load_code()))
    plans = {name: case(world) for name, case in CASES.items()}
    (era,) = ERAS.eras
    asked = {
        "slots": {"start_ms": era.start_ms, "start_slot": era.start_slot, "slot_ms": era.slot_ms},
        "costs": [
            list(PARAMETERS.cost_models[language]) for language in sorted(PARAMETERS.cost_models)
        ],
        "cases": [
            {"transaction": encoded(plan).hex(), "outputs": spent(plan).hex()}
            for plan in plans.values()
        ],
    }
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(asked))
    said = dict(zip(plans, json.loads(program.run("evaluate.mjs", str(path))), strict=True))
    for name, plan in plans.items():
        found = outcomes(plan)
        units = sorted([each.item, each.outcome.memory, each.outcome.steps] for each in found)
        failed = any(each.outcome.error is not None for each in found)
        assert (said[name] and sorted(said[name])) == (None if failed else units), name
