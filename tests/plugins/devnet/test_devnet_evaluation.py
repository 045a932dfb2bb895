"""What scripts use, asked of each face of the devnet, and submissions that run scripts."""

import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import cbor2
import orjson
import pytest

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.phase2 import evaluator as phase2
from facilitator.cardano.transaction import OutputRef
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.koios.api import ROOT, KoiosApi
from facilitator_devnet.ogmios.api import OgmiosApi
from facilitator_ogmios.connection import Connection, Target
from support.blockfrost_api_client import BlockfrostApiClient
from support.script_spends import (
    ALICE,
    BAD,
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
    lock,
    lovelace_at,
    output,
    unlock,
)

Ask = Callable[..., Any]
Evaluate = Callable[[bytes], Any]

ALWAYS = {"memory": 500, "cpu": 64_100}
"""Of ``GOOD``: a startup of 100 and 100, and four steps of 100 and 16,000."""
TRACES = Script(V3, FAILS)


@pytest.fixture(autouse=True)
def plutus() -> None:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")


@pytest.fixture
def blockfrost(devnet: Devnet) -> Iterator[BlockfrostApiClient]:
    with BlockfrostApi(devnet) as api, BlockfrostApiClient(api.url) as client:
        yield client


@pytest.fixture
def ogmios(devnet: Devnet) -> Iterator[Ask]:
    with OgmiosApi(devnet) as api, closing(Connection(Target(api.url, {}, 2**24))) as connection:
        yield lambda method, **params: connection.ask(method, params, 60)


def version_5(client: BlockfrostApiClient, raw: bytes, *additional: Any) -> Any:
    """The result by both paths, which must be the same."""
    body = orjson.dumps({"cbor": raw.hex(), "additionalUtxoSet": additional})
    found = client.ask("/utils/txs/evaluate/utxos", body, "application/json").json["result"]
    if not additional:
        assert client.ask("/utils/txs/evaluate", raw.hex().encode()).json["result"] == found
    return found


def version_6(client: BlockfrostApiClient, raw: bytes, *additional: Any) -> Mapping[str, Any]:
    body = orjson.dumps({"cbor": raw.hex(), "additionalUtxoSet": additional})
    path = "/utils/txs/evaluate/utxos?version=6"
    answer: Mapping[str, Any] = client.ask(path, body, "application/json").json
    return answer


def failure(client: BlockfrostApiClient, spend: Spend) -> tuple[int, Any]:
    """The code and the data of the only fault, or of the whole."""
    error = version_6(client, spend.raw)["error"]
    if error["code"] != 3010:
        return error["code"], error["data"]
    (only,) = error["data"]
    return only["error"]["code"], only["error"]["data"]


def test_every_face_says_what_scripts_use(
    devnet: Devnet, blockfrost: BlockfrostApiClient, ogmios: Ask
) -> None:
    """A redeemer's own budget is no limit, and nothing else need be right yet."""
    (ref,) = lock(devnet, output(GOOD.address, LOCKED))
    draft = unlock(
        devnet, ref, GOOD, budget=(0, 0), fee=0, signed=False, collateral=[], more={11: bytes(32)}
    )
    shown = [{"validator": {"purpose": "spend", "index": 0}, "budget": ALWAYS}]
    assert version_6(blockfrost, draft.raw)["result"] == shown
    assert version_5(blockfrost, draft.raw) == {
        "EvaluationResult": {"spend:0": {"memory": 500, "steps": 64_100}}
    }
    transaction = {"cbor": draft.raw.hex()}
    assert ogmios("evaluateTransaction", transaction=transaction)["result"] == shown
    with KoiosApi(devnet) as koios:
        question = {
            "jsonrpc": "2.0",
            "method": "evaluateTransaction",
            "params": {"transaction": transaction},
        }
        body = orjson.dumps(question)
        request = urllib.request.Request(f"{koios.url}{ROOT}/ogmios", body)
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert orjson.loads(answer.read())["result"] == shown


def test_the_units_that_are_told_suffice_to_the_last_one(
    devnet: Devnet, blockfrost: BlockfrostApiClient
) -> None:
    """For a script of each language; one unit less is refused."""
    datum = [1, b"two", {3: 4}]
    refs = lock(
        devnet,
        output(OLD[V2].address, LOCKED, datum=datum),
        output(OLD[V1].address, LOCKED, datum_hash=cbor_hash(datum)),
        output(GOOD.address, LOCKED),
    )
    for ref, script in zip(refs, (OLD[V2], OLD[V1], GOOD), strict=True):
        draft = unlock(
            devnet,
            ref,
            script,
            redeemers={(SPEND, 0): datum},
            datums=[datum] if script is OLD[V1] else [],
        )
        (found,) = version_6(blockfrost, draft.raw)["result"]
        memory, steps = found["budget"]["memory"], found["budget"]["cpu"]
        for short in ((memory - 1, steps), (memory, steps - 1)):
            reply = blockfrost.ask("/tx/submit", replace(draft, budget=short).raw)
            assert reply.status == 400
            assert "UtxosFailure (ValidationTagMismatch" in reply.json["message"]
            assert "it needs more than its budget" in reply.json["message"]
        right = replace(draft, budget=(memory, steps))
        assert blockfrost.ask("/tx/submit", right.raw).status == 200


def cbor_hash(datum: Any) -> bytes:
    return blake2b(cbor2.dumps(datum), digest_size=32).digest()


def test_each_purpose_has_its_name(devnet: Devnet, blockfrost: BlockfrostApiClient) -> None:
    (ref,) = lock(devnet, output(GOOD.address, LOCKED))
    draft = unlock(
        devnet,
        ref,
        GOOD,
        redeemers={(SPEND, 0): 0, (MINT, 0): 0, (CERTIFY, 0): 0, (REWARD, 0): 0},
        more={
            9: {GOOD.hash: {b"coin": 1}},
            4: [[8, [1, GOOD.hash], 2_000_000]],
            5: {GOOD.reward_address: 0},
        },
    )
    result = version_5(blockfrost, draft.raw)["EvaluationResult"]
    assert set(result) == {"spend:0", "mint:0", "certificate:0", "withdrawal:0"}
    purposes = [row["validator"]["purpose"] for row in version_6(blockfrost, draft.raw)["result"]]
    assert set(purposes) == {"spend", "mint", "publish", "withdraw"}


def test_a_failing_script_is_told_with_its_traces(
    devnet: Devnet, blockfrost: BlockfrostApiClient, ogmios: Ask
) -> None:
    good, bad, endless = lock(
        devnet,
        output(GOOD.address, LOCKED),
        output(TRACES.address, LOCKED),
        output(Script(V3, ENDLESS).address, LOCKED),
    )
    place = sorted([good, bad]).index(bad)
    draft = unlock(
        devnet,
        bad,
        TRACES,
        inputs=[good, bad],
        scripts=[GOOD, TRACES],
        redeemers={(SPEND, 0): 0, (SPEND, 1): 0},
    )
    why = "it does not return a unit, as Plutus V3 scripts must"
    answer = ogmios("evaluateTransaction", transaction={"cbor": draft.raw.hex()})
    assert answer["error"]["code"] == 3010
    assert answer["error"]["data"] == [
        {
            "validator": {"purpose": "spend", "index": place},
            "error": {
                "code": 3012,
                "message": "the script fails",
                "data": {"validationError": why, "traces": ["no entry"]},
            },
        }
    ]
    failed = {"validatorFailed": {"error": why, "traces": ["no entry"]}}
    assert version_5(blockfrost, draft.raw) == {
        "EvaluationFailure": {"ScriptFailures": {f"spend:{place}": [failed]}}
    }
    over = unlock(devnet, endless, Script(V3, ENDLESS))
    code, data = failure(blockfrost, over)
    assert (code, data["validationError"]) == (3012, "it needs more than its budget")


def test_what_cannot_run_is_told(devnet: Devnet, blockfrost: BlockfrostApiClient) -> None:
    good, old, inline = lock(
        devnet,
        output(GOOD.address, LOCKED),
        output(OLD[V1].address, LOCKED, datum_hash=cbor_hash(1)),
        output(OLD[V1].address, LOCKED, datum=1),
    )
    pointer = {"purpose": "spend", "index": 0}
    spend = unlock(devnet, good, GOOD)
    assert failure(blockfrost, replace(spend, scripts=[])) == (3011, {"missingScripts": [pointer]})
    plain = replace(spend, inputs=held(devnet)[:1])
    assert failure(blockfrost, plain) == (3110, {"extraneousRedeemers": [pointer]})
    spend_old = unlock(devnet, old, OLD[V1])
    assert failure(blockfrost, spend_old) == (3111, {"missingDatums": [cbor_hash(1).hex()]})
    code, data = failure(blockfrost, unlock(devnet, inline, OLD[V1]))
    assert (code, "inline datums" in data["reason"]) == (3004, True)
    nowhere = OutputRef(bytes(32), 3)
    code, data = failure(blockfrost, replace(spend, inputs=[nowhere]))
    assert (code, str(nowhere) in data["reason"]) == (3004, True)
    old_form = version_5(blockfrost, replace(spend, inputs=[nowhere]).raw)
    assert set(old_form["EvaluationFailure"]) == {"CannotCreateEvaluationContext"}
    raw = Script(V3, cbor2.loads(GOOD.code))
    (bare,) = lock(devnet, output(raw.address, LOCKED))
    code, data = failure(blockfrost, unlock(devnet, bare, raw))
    assert (code, raw.hash.hex() in data["reason"]) == (3004, True)
    late = replace(spend, more={3: devnet.tip().point.slot + 1_000_000})
    code, data = failure(blockfrost, late)
    assert (code, "slots from now" in data["reason"]) == (3004, True)


def test_outputs_of_the_mempool_are_given_along(
    devnet: Devnet, blockfrost: BlockfrostApiClient, ogmios: Ask
) -> None:
    """The chain does not have them yet, neither here nor at Ogmios."""
    ref = held(devnet)[0]
    left = lovelace_at(devnet, ref) - FEE - LOCKED
    lock_it = Spend([ref], [output(OLD[V2].address, LOCKED, datum=42), output(ALICE.address, left)])
    name = devnet.submit(lock_it.raw)
    draft = Spend(
        [OutputRef(bytes.fromhex(name), 0)],
        [output(ALICE.address, LOCKED - FEE)],
        scripts=[OLD[V2]],
        redeemers={(SPEND, 0): 42},
    )
    assert failure(blockfrost, draft)[0] == 3004
    address = address_of(OLD[V2])
    place = {"txId": name, "index": 0}
    made = {"address": address, "value": {"coins": LOCKED}, "datum": "182a", "script": None}
    assert "EvaluationResult" in version_5(blockfrost, draft.raw, [place, made])
    row = {
        "transaction": {"id": name},
        "index": 0,
        "address": address,
        "value": {"ada": {"lovelace": LOCKED}},
        "datum": "182a",
    }
    transaction = {"cbor": draft.raw.hex()}
    answer = ogmios("evaluateTransaction", transaction=transaction, additionalUtxo=[row])
    assert answer["result"][0]["validator"] == {"purpose": "spend", "index": 0}
    devnet.produce_block()
    assert "EvaluationResult" in version_5(blockfrost, draft.raw, [place, made])
    other = made | {"value": {"coins": LOCKED + 1}}
    answer = version_6(blockfrost, draft.raw, [place, other])
    assert answer["error"]["code"] == 3002
    old_form = version_5(blockfrost, draft.raw, [place, other])
    assert set(old_form["EvaluationFailure"]) == {"AdditionalUtxoOverlap"}


def test_additional_outputs_have_scripts_tokens_and_datums(
    blockfrost: BlockfrostApiClient, ogmios: Ask
) -> None:
    """The script is a reference script; its hash follows from its code."""
    name, unit = "ab" * 32, "cd" * 28
    draft = Spend(
        [OutputRef(bytes.fromhex(name), 0)],
        [output(ALICE.address, LOCKED)],
        redeemers={(SPEND, 0): 42},
        datums=[42],
    )
    address, hashed = address_of(OLD[V2]), cbor_hash(42).hex()
    pair = [
        {"txId": name, "index": 0},
        {
            "address": address,
            "value": {"coins": str(LOCKED), "assets": {unit: 1, f"{unit}.abcd": 2}},
            "datumHash": hashed,
            "script": {"plutus:v2": OLD[V2].code.hex()},
        },
    ]
    assert "EvaluationResult" in version_5(blockfrost, draft.raw, pair)
    row = {
        "transaction": {"id": name},
        "index": 0,
        "address": address,
        "value": {"ada": {"lovelace": LOCKED}, unit: {"": 1, "abcd": 2}},
        "datumHash": hashed,
        "script": {"language": "plutus:v2", "cbor": OLD[V2].code.hex()},
    }
    transaction = {"cbor": draft.raw.hex()}
    answer = ogmios("evaluateTransaction", transaction=transaction, additionalUtxo=[row])
    assert "result" in answer
    for wrong in ({}, row | {"address": "x"}, row | {"script": {"language": "x", "cbor": ""}}):
        answer = ogmios("evaluateTransaction", transaction=transaction, additionalUtxo=[wrong])
        assert answer["error"]["code"] == -32_602
    body = orjson.dumps({"cbor": draft.raw.hex(), "additionalUtxoSet": [[1, 2]]})
    assert blockfrost.ask("/utils/txs/evaluate/utxos", body, "application/json").status == 400


def address_of(script: Script) -> str:
    return format_address(script.address)


def test_submissions_that_fail_are_refused_by_every_face(
    devnet: Devnet, blockfrost: BlockfrostApiClient, ogmios: Ask
) -> None:
    (ref,) = lock(devnet, output(BAD.address, LOCKED))
    spend = unlock(devnet, ref, BAD)
    answer = ogmios("submitTransaction", transaction={"cbor": spend.raw.hex()})
    assert answer["error"]["code"] == 3136
    reply = blockfrost.ask("/tx/submit", spend.raw)
    assert (reply.status, "ValidationTagMismatch" in reply.json["message"]) == (400, True)
    wrong = replace(spend, more={11: bytes(32)})
    answer = ogmios("submitTransaction", transaction={"cbor": wrong.raw.hex()})
    assert answer["error"]["code"] == 3113


def test_a_transaction_that_failed_is_shown_as_such(
    devnet: Devnet, blockfrost: BlockfrostApiClient, ogmios: Ask
) -> None:
    (ref,) = lock(devnet, output(BAD.address, LOCKED))
    collateral = held(devnet)[-1]
    back = lovelace_at(devnet, collateral) - 2 * FEE
    more = {16: output(ALICE.address, back)}
    spend = unlock(devnet, ref, BAD, is_valid=False, collateral=[collateral], more=more)
    reply = blockfrost.ask("/tx/submit", spend.raw)
    name = reply.json
    waiting = blockfrost.get(f"/mempool/{name}")
    assert (waiting["tx"]["valid_contract"], waiting["tx"]["fees"]) == (False, str(2 * FEE))
    (made,) = waiting["outputs"]
    assert (made["output_index"], made["amount"][0]["quantity"]) == (1, str(back))
    devnet.produce_block()
    found = blockfrost.get(f"/txs/{name}")
    assert (found["valid_contract"], found["fees"], found["deposit"]) == (False, str(2 * FEE), "0")
    assert found["output_amount"] == [{"unit": "lovelace", "quantity": str(back)}]
    rows = blockfrost.get(f"/txs/{name}/utxos")["outputs"]
    assert [(row["output_index"], row["collateral"]) for row in rows] == [(1, False), (1, True)]
    assert blockfrost.get("/blocks/latest")["fees"] == str(2 * FEE)
    unspent = blockfrost.get(f"/addresses/{ALICE.bech32}/utxos")
    assert (name, 1) in {(row["tx_hash"], row["output_index"]) for row in unspent}
    assert blockfrost.get(f"/txs/{name}/cbor")["cbor"] == spend.raw.hex()

    tip = devnet.blocks_after(devnet_start(devnet))[-2].point
    ogmios("findIntersection", points=[{"slot": tip.slot, "id": tip.block}])
    assert ogmios("nextBlock")["result"]["direction"] == "backward"
    (shown,) = ogmios("nextBlock")["result"]["block"]["transactions"]
    assert shown["spends"] == "collaterals"


def devnet_start(devnet: Devnet) -> Any:
    with devnet.chain() as chain:
        return chain.blocks[0].block.point


def test_without_the_extra_every_face_says_what_is_lacking(
    devnet: Devnet,
    blockfrost: BlockfrostApiClient,
    ogmios: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name, name="uplc.ast")

    (ref,) = lock(devnet, output(GOOD.address, LOCKED))
    spend = unlock(devnet, ref, GOOD)
    monkeypatch.setattr(phase2, "import_module", absent)
    lacking = "the extra x402-cardano-facilitator[plutus] is not installed"
    assert failure(blockfrost, spend) == (3004, {"reason": lacking})
    old_form = version_5(blockfrost, spend.raw)["EvaluationFailure"]
    assert old_form == {"CannotCreateEvaluationContext": {"reason": lacking}}
    answer = ogmios("evaluateTransaction", transaction={"cbor": spend.raw.hex()})
    assert answer["error"]["data"] == {"reason": lacking}
    assert lacking in blockfrost.ask("/tx/submit", spend.raw).json["message"]
