"""What is wrong with a request is told as Blockfrost tells it."""

import http.client
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import wallets
from facilitator_devnet.wallet import Wallet
from support.blockfrost_api_client import BlockfrostApiClient

Payment = Callable[..., bytes]
ALICE = wallets("cardano:preprod")["alice"].bech32
SUBMIT = "/tx/submit"


@pytest.mark.parametrize(
    ("project", "message"),
    [
        (None, "Missing project token. Please include project_id in your request."),
        ("", "Missing project token. Please include project_id in your request."),
        ("mainnetSomething", "Network token mismatch."),
        ("previewSomething", "Network token mismatch."),
    ],
)
def test_a_project_id_is_needed(api: BlockfrostApi, project: str | None, message: str) -> None:
    with BlockfrostApiClient(api.url, project=project) as client:
        reply = client.ask("/blocks/latest")
    assert reply.status == 403
    assert reply.json == {"status_code": 403, "error": "Forbidden", "message": message}


@pytest.mark.parametrize("root", ["/api/v0", "/v0"])
def test_there_are_two_roots_as_at_blockfrost(api: BlockfrostApi, root: str) -> None:
    with BlockfrostApiClient(api.url, root) as client:
        for path in ("", "/", "/health", "/health/"):
            assert client.ask(path).status == 200


@pytest.mark.parametrize("project", [None, "", "mainnetSomething"])
def test_the_bare_url_needs_no_project_id(api: BlockfrostApi, project: str | None) -> None:
    with BlockfrostApiClient(api.url, "", project) as client:
        for path in ("", "/", "/blocks/latest"):
            assert client.ask(path).status == 200
        assert client.ask("/nothing").status == 400


@pytest.mark.parametrize("path", ["/blocks", "/nothing", "/addresses/a/b/c/d", "/blocks//txs"])
def test_other_paths_are_invalid(client: BlockfrostApiClient, path: str) -> None:
    reply = client.ask(path)
    assert reply.status == 400
    assert reply.json["message"].startswith("Invalid path.")


def test_endpoints_take_one_method(client: BlockfrostApiClient) -> None:
    assert client.ask("/blocks/latest", b"").status == 400
    assert client.ask(SUBMIT).status == 400


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("count=0", "querystring/count must be >= 1"),
        ("count=101", "querystring/count must be <= 100"),
        ("count=ten", "querystring/count must be integer"),
        ("count=", "querystring/count must be integer"),
        ("page=0", "querystring/page must be >= 1"),
        ("page=-1", "querystring/page must be >= 1"),
        ("page=21474837", "querystring/page must be <= 21474836"),
        ("order=up", "querystring/order must be equal to one of the allowed values"),
    ],
)
@pytest.mark.parametrize("path", [f"/addresses/{ALICE}/utxos", "/blocks/latest/txs", "/mempool"])
def test_paging_is_checked(
    client: BlockfrostApiClient, path: str, query: str, message: str
) -> None:
    reply = client.ask(f"{path}?{query}")
    assert reply.status == 400
    assert reply.json == {"status_code": 400, "error": "Bad Request", "message": message}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/addresses/addr_test1nonsense", "Invalid address"),
        (f"/addresses/{Wallet('alice', 1).bech32}", "Invalid address"),
        ("/addresses/addr_vkh1nonsense/utxos", "Invalid address"),
        (f"/addresses/{ALICE}/utxos/xyz", "Invalid or malformed asset"),
        (f"/addresses/{ALICE}/transactions?from=x", "Invalid (malformed or out of range)"),
        ("/accounts/stake_test1nonsense", "Invalid or malformed stake address"),
        (f"/accounts/{ALICE}", "Invalid or malformed stake address"),
        ("/assets/abc", "Invalid or malformed asset"),
        ("/assets/policy/abc", "Invalid or malformed policy"),
        ("/blocks/-1", "Missing, out of range or malformed block number"),
        ("/blocks/2147483648", "Missing, out of range or malformed block number"),
        ("/blocks/latest/next", "Missing or malformed block hash"),
        ("/blocks/slot/x", "Missing, out of range or malformed slot_number"),
        ("/epochs/x", "Missing, out of range or malformed epoch_number"),
    ],
)
def test_malformed_names_are_told_from_unknown_ones(
    client: BlockfrostApiClient, path: str, message: str
) -> None:
    reply = client.ask(path)
    assert (reply.status, reply.json["error"]) == (400, "Bad Request")
    assert reply.json["message"].startswith(message)


@pytest.mark.parametrize(
    "path",
    [
        f"/txs/{'ab' * 32}",
        f"/txs/{'ab' * 32}/cbor",
        "/txs/nonsense/utxos",
        f"/blocks/{'ab' * 32}",
        "/epochs/999999",
        f"/addresses/{Wallet('nobody').bech32}",
        f"/addresses/{Wallet('nobody').bech32}/transactions",
        f"/assets/{'ab' * 28}",
        f"/assets/{'ab' * 28}/addresses",
        f"/assets/policy/{'ab' * 28}",
        f"/scripts/{'ab' * 28}/cbor",
        "/scripts/nonsense",
        f"/scripts/datum/{'ab' * 32}",
        f"/mempool/{'ab' * 32}",
    ],
)
def test_what_is_not_there_is_404(client: BlockfrostApiClient, path: str) -> None:
    reply = client.ask(path)
    assert reply.status == 404
    assert reply.json == {
        "status_code": 404,
        "error": "Not Found",
        "message": "The requested component has not been found.",
    }


def test_bytes_must_be_sent_as_cbor(client: BlockfrostApiClient, payment: Payment) -> None:
    assert client.ask(SUBMIT, payment(), "application/octet-stream").status == 415
    assert client.ask(SUBMIT, payment(), "application/cbor; charset=x").status == 200


def test_what_is_no_transaction_is_refused_by_the_decoder(client: BlockfrostApiClient) -> None:
    told = _refusal(client, b"\x84\xa0")
    assert told["contents"]["tag"] == "TxCmdTxReadError"
    assert told["contents"]["contents"][0].startswith("DecoderErrorDeserialiseFailure")


def test_a_spent_input_among_others_is_named(
    client: BlockfrostApiClient, devnet: Devnet, payment: Payment
) -> None:
    first = payment(900_000_000)
    second = payment(1_900_000_000)
    (shared, *_), refs = (
        decode_transaction(first).body.inputs,
        decode_transaction(second).body.inputs,
    )
    assert shared in refs
    assert len(refs) > 1
    client.ask(SUBMIT, first)
    (bad, *_) = _errors(client, second)
    name = shared.transaction_id.hex()
    assert bad == (
        "ConwayUtxowFailure (UtxoFailure (BadInputsUTxO (fromList [TxIn (TxId {unTxId = SafeHash "
        f'"{name}"}}) (TxIx {{unTxIx = {shared.index}}})])))'
    )
    devnet.produce_block()
    assert _errors(client, second)[0] == bad


def test_what_has_no_input_left_is_refused_by_the_mempool(
    client: BlockfrostApiClient, devnet: Devnet, payment: Payment
) -> None:
    raw = payment()
    client.ask(SUBMIT, raw)
    for _ in range(2):
        (error,) = _errors(client, raw)
        assert error.startswith("ConwayMempoolFailure")
        assert "already been included" in error
        devnet.produce_block()


def test_a_wrong_signature_is_refused_as_a_witness(
    client: BlockfrostApiClient, payment: Payment
) -> None:
    raw = payment()
    at = -10  # in the signature, which is the last but the flag and the missing metadata
    (error,) = _errors(client, raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    assert error.startswith("ConwayUtxowFailure (InvalidWitnessesUTXOW ")


def test_an_expired_transaction_is_refused_by_its_interval(
    client: BlockfrostApiClient, devnet: Devnet, payment: Payment
) -> None:
    raw = payment()
    for _ in range(1001):
        devnet.produce_block()
    (error,) = _errors(client, raw)
    assert error.startswith("ConwayUtxowFailure (UtxoFailure (OutsideValidityIntervalUTxO")


@pytest.mark.parametrize(("path", "result"), [("", "EvaluationResult"), ("?version=6", "result")])
def test_a_payment_without_scripts_evaluates_to_nothing(
    client: BlockfrostApiClient, payment: Payment, path: str, result: str
) -> None:
    raw = payment()
    body = orjson.dumps({"cbor": raw.hex(), "additionalUtxoSet": []})
    for reply in (
        client.ask(f"/utils/txs/evaluate{path}", raw.hex().encode()),
        client.ask(f"/utils/txs/evaluate/utxos{path}", body, "application/json"),
    ):
        assert reply.status == 200
        assert not (reply.json["result"] if path else reply.json["result"][result])


@pytest.mark.parametrize("body", [b"", b"zz", b"[]", b'{"cbor": 1}', b'{"cbor": "00"}'])
def test_what_cannot_be_evaluated_is_a_bad_request(
    client: BlockfrostApiClient, body: bytes
) -> None:
    for path in ("/utils/txs/evaluate", "/utils/txs/evaluate/utxos"):
        assert client.ask(path, body).status == 400


def test_bodies_have_a_known_and_bounded_length(api: BlockfrostApi) -> None:
    parts = urlsplit(api.url)
    for headers, status in (
        ({"Transfer-Encoding": "chunked"}, 411),
        ({"Content-Length": "x"}, 411),
        ({"Content-Length": "9999999"}, 413),
    ):
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        connection.putrequest("POST", "/api/v0/tx/submit")
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == status
        connection.close()


def _refusal(client: BlockfrostApiClient, raw: bytes) -> dict[str, Any]:
    reply = client.ask(SUBMIT, raw)
    assert reply.status == 400
    told: dict[str, Any] = orjson.loads(reply.json["message"])
    assert told["tag"] == "TxSubmitFail"
    return told


def _errors(client: BlockfrostApiClient, raw: bytes) -> list[str]:
    found = _refusal(client, raw)
    for _ in range(3):
        found = found["contents"]
    assert found["kind"] == "ShelleyTxValidationError"
    errors: list[str] = found["error"]
    return errors
