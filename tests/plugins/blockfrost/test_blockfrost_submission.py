"""What becomes of a submitted transaction: taken, refused, not sent, or not known."""

import socket
from collections.abc import Callable
from threading import Event

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.roles.chain import ChainUnavailable, SubmissionRejected, SubmissionUnknown
from facilitator_blockfrost.provider import Blockfrost
from facilitator_blockfrost.rejection import LONGEST, is_verdict, rejection
from support.upstream import CUT, Asked, Raw, Reply, Silence, Upstream, problem, reply

Start = Callable[[Callable[[Asked], Reply]], Upstream]
ProviderOf = Callable[..., Blockfrost]

TRANSACTION = bytes.fromhex(
    f"84a300d9010281825820{'01' * 32}00018182581d60{'07' * 28}1a004c4b400200a0f5f6"
)
ID = decode_transaction(TRANSACTION).id.hex()


def test_the_exact_bytes_are_posted_once(upstream: Start, provider_of: ProviderOf) -> None:
    server = upstream(lambda _: reply(200, ID))
    assert provider_of(server).submit(TRANSACTION) == ID
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/v0/tx/submit")
    assert asked.headers["content-type"] == "application/cbor"
    assert asked.body == TRANSACTION


@pytest.mark.parametrize("reported", ["ab" * 32, None, {"id": ID}, b"not JSON", b""])
def test_another_id_is_not_believed(
    upstream: Start, provider_of: ProviderOf, reported: object
) -> None:
    with pytest.raises(SubmissionUnknown, match="another transaction id"):
        provider_of(upstream(lambda _: reply(200, reported))).submit(TRANSACTION)


@pytest.mark.parametrize("status", [402, 403, 404, 418, 425, 429])
def test_what_blockfrost_refuses_itself_was_not_sent_to_a_node(
    upstream: Start, provider_of: ProviderOf, status: int
) -> None:
    server = upstream(lambda _: problem(status))
    with pytest.raises(ChainUnavailable) as error:
        provider_of(server).submit(TRANSACTION)
    assert type(error.value) is ChainUnavailable
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        problem(500),
        problem(502),
        problem(503, Retry_After="0"),
        problem(504),
        CUT,
        Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 66\r\n\r\n", then_close=True),
        Raw(b"gibberish\r\n\r\n", then_close=True),
    ],
)
def test_what_may_have_been_sent_is_not_known_and_not_sent_again(
    upstream: Start, provider_of: ProviderOf, answer: Reply
) -> None:
    server = upstream(lambda _: answer)
    with pytest.raises(SubmissionUnknown, match="may have been sent"):
        provider_of(server).submit(TRANSACTION)
    assert len(server.asked) == 1


def test_no_answer_in_time_leaves_it_unknown(upstream: Start, provider_of: ProviderOf) -> None:
    done = Event()
    server = upstream(lambda _: Silence(done))
    with pytest.raises(SubmissionUnknown, match="did not answer in time"):
        provider_of(server, timeout=0.1).submit(TRANSACTION)
    done.set()


def test_nothing_is_sent_where_nobody_listens(provider_of: ProviderOf) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        upstream = Upstream(lambda _: CUT, port=listener.getsockname()[1])
    with pytest.raises(ChainUnavailable, match="cannot connect") as error:
        provider_of(upstream).submit(TRANSACTION)
    assert type(error.value) is ChainUnavailable


# --- Refusals ---------------------------------------------------------------------------------

NODE = (
    '"transaction submit error ShelleyTxValidationError ShelleyBasedEraConway (ApplyTxError'
    " (ConwayUtxowFailure (UtxoFailure (ValueNotConservedUTxO (Mismatch {mismatchSupplied ="
    " MaryValue (Coin 0) (MultiAsset (fromList [])), mismatchExpected = MaryValue (Coin 2000000)"
    " (MultiAsset (fromList []))}))) :| [ConwayUtxowFailure (UtxoFailure (BadInputsUTxO (fromList"
    ' [TxIn (TxId {unTxId = SafeHash "01"}) (TxIx {unTxIx = 0})])))]))"'
)


def test_a_nodes_refusal_is_told_in_words(upstream: Start, provider_of: ProviderOf) -> None:
    with pytest.raises(SubmissionRejected) as error:
        provider_of(upstream(lambda _: problem(400, NODE))).submit(TRANSACTION)
    text = str(error.value)
    assert text.startswith("inputs and outputs do not balance (ValueNotConservedUTxO)")
    assert "; an input is spent already or was never there (BadInputsUTxO): " in text
    assert "mismatchExpected" in text


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("FeeTooSmallUTxO", "the fee is too small (FeeTooSmallUTxO): FeeTooSmallUTxO"),
        ("something else", "something else"),
        ("two\nlines\x00\x1b[31m", "two lines [31m"),
    ],
)
def test_refusals_are_one_line(message: str, told: str) -> None:
    assert rejection(message) == told


def test_refusals_are_bounded() -> None:
    told = rejection("x" * 100_000)
    assert len(told) == LONGEST
    assert told.endswith("…")


@pytest.mark.parametrize(
    "message",
    [
        "TxCmdSocketEnvError",
        "TxSubmitConnectionError: connection refused",
        "connect ECONNREFUSED 127.0.0.1:8090",
        "Request timed out",
    ],
)
def test_a_node_that_could_not_be_asked_has_not_refused(
    upstream: Start, provider_of: ProviderOf, message: str
) -> None:
    assert not is_verdict(message)
    assert is_verdict(f"{message} BadInputsUTxO")
    with pytest.raises(SubmissionUnknown):
        provider_of(upstream(lambda _: problem(400, message))).submit(TRANSACTION)


@pytest.mark.parametrize("body", [b"<html>400 Bad Request</html>", b"{}", b'{"message":7}', b"[]"])
def test_a_400_without_a_reason_is_no_nodes_refusal(
    upstream: Start, provider_of: ProviderOf, body: bytes
) -> None:
    with pytest.raises(ChainUnavailable, match="did not understand") as error:
        provider_of(upstream(lambda _: reply(400, body))).submit(TRANSACTION)
    assert type(error.value) is ChainUnavailable
