"""Escrows with administrators of their own, allowed by settings and by other plugins."""

import json
import logging
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.phase2.data import encode_data
from facilitator.cardano.plutus.application import apply_parameters
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.errors import FacilitatorError
from facilitator.testing.payments import ALICE, request_body
from facilitator.testing.running import NETWORK, NOW, Running
from facilitator.x402.networks import PREVIEW
from facilitator_masumi.blueprint import VALIDATOR, Blueprint
from facilitator_masumi.deployment import CANONICAL, Deployment, escrow_address
from support.masumi import canonical, lock, offer
from support.masumi_refusals import REQUIREMENTS, refusal
from support.plutus_programs import program
from support.script_spends import V3, Script, submit, unlock

PLUGINS = "devnet,memory,masumi"
OWN = {"requiredAdmins": "2", "adminVkeys": ["ab" * 28, "cd" * 28], "cooldownPeriod": "0"}
OURS = Deployment(2, ("ab" * 28, "cd" * 28), 0)
CANONICAL_WIRE = {
    "requiredAdmins": "2",
    "adminVkeys": list(CANONICAL.admin_vkeys),
    "cooldownPeriod": "420000",
}
STAND_IN = program(("lam", ("con", (3,), ""))).hex()
"""A program that takes whatever it is applied to."""


def write_blueprint(path: Path, code: str = STAND_IN) -> str:
    """Write a blueprint of another contract; return its digest."""
    validators = [{"title": VALIDATOR, "compiledCode": code}]
    path.write_text(json.dumps({"validators": validators}))
    return sha256(canonical({"validators": validators})).hexdigest()


@pytest.fixture
def blueprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file that stands in for the canonical blueprint."""
    path = tmp_path / "plutus.json"
    digest = write_blueprint(path)
    monkeypatch.setattr("facilitator_masumi.blueprint.DIGEST", digest)
    return str(path)


def allowing(**by_network: Any) -> str:
    """The setting ``masumi.deployments`` as text."""
    return json.dumps({name: list(map(json.dumps, each)) for name, each in by_network.items()})


def own_offer(network: str, escrow: str, deployment: Any = None, number: int = 0) -> dict[str, Any]:
    """An offer under the escrow of a deployment, by default that of this module."""

    def before(requirements: dict[str, Any]) -> None:
        requirements |= {"network": network, "payTo": escrow}
        requirements["extra"]["deployment"] = OWN if deployment is None else deployment

    return offer(number, before=before)


def test_a_payment_on_preview_by_settings(run: Callable[..., Running], blueprint: str) -> None:
    running = run(
        plugins=PLUGINS,
        network=PREVIEW.id,
        masumi__blueprint=blueprint,
        masumi__deployments=allowing(preview=[OWN]),
        settlement__wait_seconds="0",
    )
    devnet = running.devnet_of(PREVIEW.id)
    devnet.fund(ALICE.address, 50_000_000)
    (*_, (ref, output)) = devnet.outputs_at(ALICE.address).items()
    escrow = escrow_address(PREVIEW, Blueprint(blueprint).script_hash(OURS))
    terms = own_offer(PREVIEW.id, escrow)
    ttl = KNOWN_ERAS[PREVIEW.id].slot_at(int(NOW * 1000)) + 300
    request = request_body(lock(terms, ttl=ttl, known={ref: output}), terms)
    assert running.verify(request) == {"isValid": True, "payer": ALICE.bech32}
    assert running.settle(request)["errorReason"] == "settlement_pending"
    for _ in range(2):
        assert running.clock is not None
        running.clock.advance(1)
        devnet.produce_block()
    answer = running.settle_until(request, lambda answer: bool(answer["success"]))
    assert answer["network"] == PREVIEW.id


def test_what_is_not_allowed_is_refused(run: Callable[..., Running], blueprint: str) -> None:
    asked = run(
        plugins=PLUGINS,
        masumi__blueprint=blueprint,
        masumi__deployments=allowing(**{NETWORK: [OWN]}),
    )
    escrow = escrow_address(PREVIEW, "ab" * 28)
    for deployment, named in (
        (OWN, "payTo must be the deployment's address"),
        ({**OWN, "requiredAdmins": "1"}, "not allowed"),
        ({**OWN, "adminVkeys": OWN["adminVkeys"][::-1]}, "not allowed"),
        ({**OWN, "cooldownPeriod": "1"}, "not allowed"),
    ):
        reason, message = refusal(asked, own_offer(NETWORK, escrow, deployment))
        assert reason == REQUIREMENTS + "deployment"
        assert named in message


def test_the_canonical_parameters_may_be_named(run: Callable[..., Running]) -> None:
    running = run(plugins=PLUGINS)
    terms = own_offer(NETWORK, offer()["payTo"], CANONICAL_WIRE)
    request = request_body(lock(terms, ttl=running.slot + 300), terms)
    assert running.verify(request)["isValid"] is True


BRINGS = """
from facilitator.plugin import hookimpl
from facilitator_masumi import Deployment

@hookimpl
def masumi_deployments(context, network):
    return [{deployment}] if network == "cardano:preprod" else None
"""


def bring(folder: Path, deployment: str) -> str:
    (folder / "bringer.py").write_text(BRINGS.format(deployment=deployment))
    return PLUGINS + ",./bringer.py"


def test_a_plugin_brings_a_deployment(run: Callable[..., Running], tmp_path: Path) -> None:
    """It has derived the script by itself, so that no blueprint is needed."""
    of = f'Deployment(2, ("{"ab" * 28}", "{"cd" * 28}"), 0, "{"12" * 28}")'
    running = run(plugins=bring(tmp_path, of))
    terms = own_offer(NETWORK, escrow_address(PREVIEW, "12" * 28))
    request = request_body(lock(terms, ttl=running.slot + 300), terms)
    assert running.verify(request)["isValid"] is True


def test_the_votes_of_each_key_are_logged(
    run: Callable[..., Running], blueprint: str, caplog: pytest.LogCaptureFixture
) -> None:
    key, other = "ab" * 28, "cd" * 28
    weighted = {**OWN, "adminVkeys": [key, key, other]}
    with caplog.at_level(logging.INFO):
        run(
            plugins=PLUGINS,
            masumi__blueprint=blueprint,
            masumi__deployments=allowing(preprod=[weighted]),
        )
    assert f"2 of 3 votes ({key}: 2, {other}: 1)" in caplog.text


# --- At the start -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"deployments": allowing(preprod=[OWN])}, "masumi.blueprint: is required"),
        ({"deployments": allowing(nowhere=[OWN])}, "names nowhere, which is no known network"),
        ({"deployments": '{"preprod": ["no"]}'}, "has an entry that is no JSON: 'no'"),
        ({"deployments": '{"preprod": ["1"]}'}, "deployment must be an object (for preprod)"),
        (
            {"deployments": allowing(preprod=[{**OWN, "requiredAdmins": "3"}])},
            "deployment.requiredAdmins must be at most the number of adminVkeys",
        ),
        (
            {"deployments": allowing(preprod=[{**OWN, "script": ""}])},
            "deployment.script must be absent",
        ),
        ({"blueprint": "none.json"}, "masumi.blueprint: cannot be read: No such file"),
        ({"blueprint": "other.json"}, "masumi.blueprint: is not the canonical blueprint"),
        ({"blueprint": "junk.json"}, "masumi.blueprint: is not JSON"),
    ],
)
def test_settings_that_cannot_be(
    run: Callable[..., Running], tmp_path: Path, settings: dict[str, str], sentence: str
) -> None:
    write_blueprint(tmp_path / "other.json")
    (tmp_path / "junk.json").write_text("{")
    paths = {name: tmp_path / value for name, value in settings.items() if name == "blueprint"}
    named = {f"masumi__{name}": str(each) for name, each in (settings | paths).items()}
    with pytest.raises(FacilitatorError) as raised:
        run(plugins=PLUGINS, **named)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("deployment", "sentence"),
    [
        ("1", "plugin 'bringer' returns from masumi_deployments a int, no Deployment"),
        ("Deployment(3, ('ab' * 28,), 0)", "plugin 'bringer' brings a Masumi deployment: "),
        ("Deployment(1, 'ab', 0)", "adminVkeys must be"),
        ("Deployment(1, ('ab' * 28,), 0, 'AB')", "script_hash must be a 28-byte hash"),
        ("Deployment(1, ('ab' * 28,), 0)", "masumi.blueprint: is required"),
        ("1 / 0", "plugin 'bringer' failed in masumi_deployments"),
    ],
)
def test_deployments_of_a_plugin_that_cannot_be(
    run: Callable[..., Running], tmp_path: Path, deployment: str, sentence: str
) -> None:
    with pytest.raises(FacilitatorError) as raised:
        run(plugins=bring(tmp_path, deployment))
    assert sentence in str(raised.value)


def test_the_blueprint_must_confirm_a_plugins_script(
    run: Callable[..., Running], tmp_path: Path, blueprint: str
) -> None:
    of = f"Deployment(1, ('ab' * 28,), 0, '{'12' * 28}')"
    with pytest.raises(FacilitatorError) as raised:
        run(plugins=bring(tmp_path, of), masumi__blueprint=blueprint)
    assert "but by masumi.blueprint it is" in str(raised.value)


def test_what_was_locked_is_taken_by_the_contract(
    run: Callable[..., Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the devnet, which runs the script: the lock by HTTP, then the seller's withdrawal."""
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    path = tmp_path / "plutus.json"
    stand_in: Any = ("con", (3,), "")
    for _ in range(4):  # three parameters and the context
        stand_in = ("lam", stand_in)
    digest = write_blueprint(path, program(stand_in).hex())
    monkeypatch.setattr("facilitator_masumi.blueprint.DIGEST", digest)
    running = run(
        plugins=PLUGINS,
        masumi__blueprint=str(path),
        masumi__deployments=allowing(**{NETWORK: [OWN]}),
        settlement__wait_seconds="0",
    )
    keys = tuple(map(bytes.fromhex, OURS.admin_vkeys))
    parameters = [encode_data(each) for each in (OURS.required_admins, keys, OURS.cooldown_ms)]
    script = Script(V3, apply_parameters(program(stand_in), parameters))
    assert script.hash.hex() == Blueprint(str(path)).script_hash(OURS)
    terms = own_offer(NETWORK, format_address(script.address))
    request = request_body(lock(terms, ttl=running.slot + 300), terms)
    assert running.verify(request) == {"isValid": True, "payer": ALICE.bech32}
    assert running.settle(request)["errorReason"] == "settlement_pending"
    running.next_block()
    (locked,) = running.devnet.outputs_at(script.address)
    submit(running.devnet, unlock(running.devnet, locked, script))
    assert not running.devnet.outputs_at(script.address)
    running.next_block()
    assert running.settle_until(request, lambda answer: bool(answer["success"]))
