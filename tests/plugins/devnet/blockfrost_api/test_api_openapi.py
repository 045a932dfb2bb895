"""Every answer has the shape that Blockfrost's own OpenAPI description gives it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.blockfrost.routes import ENDPOINTS
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import TEST_TOKEN, wallets
from support.blockfrost_api_client import BlockfrostApiClient, Reply
from support.npm import install_or_skip
from support.rich_devnet import DATUM, Rich, rich_transaction

Check = Callable[[str, Reply], Any]

ALICE = wallets("cardano:preprod")["alice"]
PROJECT = Path(__file__).parent / "openapi"


@pytest.fixture(scope="session")
def schemas(pytestconfig: pytest.Config) -> Mapping[str, Any]:
    """The JSON schemas of responses by path template and status."""
    assert pytestconfig.cache is not None
    modules = install_or_skip(PROJECT, pytestconfig.cache.mkdir("npm"))
    package = modules / "@blockfrost" / "openapi"
    described: dict[str, Any] = json.loads((package / "json-schema.json").read_text())
    return {path: described[path]["response"] for path in described}


@pytest.fixture
def check(schemas: Mapping[str, Any]) -> Check:
    """Hold a reply to the schema of its path template and status; its JSON."""

    def hold(template: str, reply: Reply) -> Any:
        schema = _closed(schemas[template][str(reply.status)])
        Draft202012Validator(schema).validate(reply.json)
        return reply.json

    return hold


def _closed(schema: Any) -> Any:
    """With OpenAPI's ``nullable`` in JSON Schema's words, and no members but those described."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items() if key != "example"}
    properties = closed.get("properties")
    if isinstance(properties, dict) and properties and "additionalProperties" not in closed:
        closed["additionalProperties"] = False
    if closed.pop("nullable", False) is True:
        return {"anyOf": [closed, {"type": "null"}]}
    return closed


class Sample:
    """A chain with something for every endpoint: a rich transaction in a block, one waiting."""

    def __init__(self, devnet: Devnet, client: BlockfrostApiClient, waiting: bytes) -> None:
        self.rich: Rich = rich_transaction(devnet, ALICE)
        self.spent = decode_transaction(self.rich.raw).body.inputs[0].transaction_id.hex()
        self.id = client.ask("/tx/submit", self.rich.raw).json
        self.before = client.get("/blocks/latest")["hash"]
        self.block = devnet.produce_block()
        self.after = devnet.produce_block()
        self.waiting = client.ask("/tx/submit", waiting).json
        devnet.fork(devnet.now() + 1_000_000, 12)
        self.asset = (self.rich.policy + b"token").hex()

    def paths(self) -> Mapping[str, list[str]]:
        """Paths to ask, by template; of each, all that show another part of the shape."""
        holder = format_address(b"\x70" + self.rich.policy)
        stake = format_address(ALICE.reward_address)
        block, script = self.block.point.block, self.rich.policy.hex()
        datum = self.rich.datum_hash.hex()
        people = [ALICE.bech32, holder, format_address(ALICE.enterprise_address)]
        return {
            "/": ["/"],
            "/health": ["/health"],
            "/health/clock": ["/health/clock"],
            "/genesis": ["/genesis"],
            "/network": ["/network"],
            "/network/eras": ["/network/eras"],
            "/epochs/latest": ["/epochs/latest"],
            "/epochs/latest/parameters": ["/epochs/latest/parameters"],
            "/epochs/{number}": [f"/epochs/{self.epoch}"],
            "/epochs/{number}/parameters": [f"/epochs/{self.epoch}/parameters"],
            "/blocks/latest": ["/blocks/latest"],
            "/blocks/latest/txs": ["/blocks/latest/txs"],
            "/blocks/latest/txs/cbor": ["/blocks/latest/txs/cbor"],
            "/blocks/slot/{slot_number}": [f"/blocks/slot/{self.block.point.slot}"],
            "/blocks/{hash_or_number}": [f"/blocks/{block}", "/blocks/0", "/blocks/1"],
            "/blocks/{hash_or_number}/next": ["/blocks/0/next"],
            "/blocks/{hash_or_number}/previous": [f"/blocks/{block}/previous"],
            "/blocks/{hash_or_number}/txs": [f"/blocks/{block}/txs", "/blocks/0/txs"],
            "/blocks/{hash_or_number}/txs/cbor": ["/blocks/0/txs/cbor", "/blocks/1/txs/cbor"],
            "/addresses/{address}": [f"/addresses/{each}" for each in people],
            "/addresses/{address}/utxos": [f"/addresses/{each}/utxos" for each in people],
            "/addresses/{address}/utxos/{asset}": [f"/addresses/{holder}/utxos/{self.asset}"],
            "/addresses/{address}/transactions": [f"/addresses/{holder}/transactions"],
            "/accounts/{stake_address}": [f"/accounts/{stake}"],
            "/accounts/{stake_address}/utxos": [f"/accounts/{stake}/utxos"],
            "/assets/policy/{policy_id}": [f"/assets/policy/{TEST_TOKEN[:28].hex()}"],
            "/assets/{asset}": [f"/assets/{self.asset}", f"/assets/{TEST_TOKEN.hex()}"],
            "/assets/{asset}/addresses": [f"/assets/{TEST_TOKEN.hex()}/addresses"],
            "/txs/{hash}": [f"/txs/{self.id}", f"/txs/{self.spent}"],
            "/txs/{hash}/utxos": [f"/txs/{self.id}/utxos", f"/txs/{self.spent}/utxos"],
            "/txs/{hash}/cbor": [f"/txs/{self.id}/cbor", f"/txs/{self.spent}/cbor"],
            "/txs/{hash}/metadata": [f"/txs/{self.id}/metadata", f"/txs/{self.spent}/metadata"],
            "/scripts/{script_hash}": [f"/scripts/{script}"],
            "/scripts/{script_hash}/cbor": [f"/scripts/{script}/cbor"],
            "/scripts/{script_hash}/json": [f"/scripts/{script}/json"],
            "/scripts/datum/{datum_hash}": [f"/scripts/datum/{datum}"],
            "/scripts/datum/{datum_hash}/cbor": [f"/scripts/datum/{datum}/cbor"],
            "/governance/proposals": ["/governance/proposals"],
            "/governance/proposals/{tx_hash}/{cert_index}": [
                f"/governance/proposals/{bytes(32).hex()}/0"
            ],
            "/mempool": ["/mempool"],
            "/mempool/{hash}": [f"/mempool/{self.waiting}"],
            "/mempool/addresses/{address}": [f"/mempool/addresses/{ALICE.bech32}"],
        }

    epoch = 314


@pytest.fixture
def sample(devnet: Devnet, client: BlockfrostApiClient, payment: Callable[..., bytes]) -> Sample:
    return Sample(devnet, client, payment(sender="bob"))


def test_every_lookup_has_the_described_shape(
    sample: Sample, client: BlockfrostApiClient, check: Check
) -> None:
    sample.epoch = client.get("/epochs/latest")["epoch"]
    for template, paths in sample.paths().items():
        for path in paths:
            reply = client.ask(path)
            assert reply.status == 200, (path, reply.json)
            check(template, reply)


def test_no_endpoint_is_left_out(sample: Sample) -> None:
    posts = {"POST /tx/submit", "POST /utils/txs/evaluate", "POST /utils/txs/evaluate/utxos"}
    assert {f"GET {template}" for template in sample.paths()} | posts == set(ENDPOINTS)


def test_submitting_and_its_refusal_have_the_described_shape(
    client: BlockfrostApiClient, payment: Callable[..., bytes], check: Check
) -> None:
    raw = payment()
    check("/tx/submit", client.ask("/tx/submit", raw))
    check("/tx/submit", client.ask("/tx/submit", raw))


@pytest.mark.parametrize("status", [400, 403, 418, 425, 429, 500])
def test_errors_have_the_described_shape(
    api: BlockfrostApi, client: BlockfrostApiClient, check: Check, status: int
) -> None:
    api.faults.answer(status)
    assert check("/tx/submit", client.ask("/tx/submit", b""))["status_code"] == status


def test_what_is_not_there_has_the_described_shape(
    client: BlockfrostApiClient, check: Check
) -> None:
    for template, path in (
        ("/txs/{hash}/utxos", f"/txs/{'ab' * 32}/utxos"),
        ("/blocks/{hash_or_number}", "/blocks/99"),
        ("/scripts/{script_hash}", f"/scripts/{'ab' * 28}"),
    ):
        reply = client.ask(path)
        assert reply.status == 404
        check(template, reply)


def test_the_sample_shows_what_is_rare(sample: Sample, client: BlockfrostApiClient) -> None:
    made = client.get(f"/txs/{sample.id}/utxos")["outputs"][0]
    assert made["inline_datum"] == DATUM.hex()
    assert made["reference_script_hash"] == sample.rich.policy.hex()
    told = client.get(f"/txs/{sample.id}")
    assert (told["stake_cert_count"], told["asset_mint_or_burn_count"]) == (1, 1)
    assert told["deposit"] == "2000000"
