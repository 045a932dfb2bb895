"""What becomes of a submitted transaction: taken, refused, not sent, or not known."""

import socket
from collections.abc import Callable
from threading import Event

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.refusals import Proof
from facilitator.roles.chain_errors import ChainUnavailable, SubmissionRejected, SubmissionUnknown
from facilitator_blockfrost.provider import Blockfrost
from support.refusal_catalogue import CATALOGUE
from support.refusals import shown, submit_api
from support.upstream import CUT, Asked, Raw, Reply, Silence, Upstream, problem, reply

Start = Callable[[Callable[[Asked], Reply]], Upstream]
ProviderOf = Callable[..., Blockfrost]

TRANSACTION = bytes.fromhex(
    f"84a300d9010281825820{'01' * 32}00018182581d60{'07' * 28}1a004c4b400200a0f5f6"
)
ID = decode_transaction(TRANSACTION).id.hex()


@pytest.mark.parametrize(
    "answer",
    [reply(200, ID), reply(202, ID), reply(200, ID.encode()), reply(200, f" {ID}\n".encode())],
)
def test_the_own_id_is_a_success_in_every_form(
    upstream: Start, provider_of: ProviderOf, answer: Reply
) -> None:
    assert provider_of(upstream(lambda _: answer)).submit(TRANSACTION) == ID


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
    assert not isinstance(error.value, SubmissionUnknown)
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
    assert not isinstance(error.value, SubmissionUnknown)


# --- Refusals ---------------------------------------------------------------------------------


def raised(upstream: Start, provider_of: ProviderOf, answer: Reply) -> Exception:
    with pytest.raises((SubmissionRejected, ChainUnavailable)) as error:
        provider_of(upstream(lambda _: answer)).submit(TRANSACTION)
    return error.value


BODIES = [(case.text, case.proves) for case in CATALOGUE if "Invalid path" not in case.text]
SOME = [*BODIES[::40], *[each for each in BODIES if each[1] is Proof.NOTHING]]


@pytest.mark.parametrize(("body", "proves"), SOME)
def test_a_400_proves_what_the_node_says(
    upstream: Start, provider_of: ProviderOf, body: str, proves: Proof
) -> None:
    for reply_of in (reply(400, body.encode()), problem(400, body)):
        error = raised(upstream, provider_of, reply_of)
        if proves is Proof.NOTHING:
            assert type(error) is SubmissionUnknown
        else:
            assert isinstance(error, SubmissionRejected)
            assert error.proves is proves


@pytest.mark.parametrize("status", [404, 422, 500, 503])
def test_at_another_status_a_rule_proves_nothing(
    upstream: Start, provider_of: ProviderOf, status: int
) -> None:
    """What stands before the node has judged nothing; that inputs are missing it may know."""
    refused = submit_api(shown("FeeTooSmallUTxO"))
    error = raised(upstream, provider_of, problem(status, refused))
    assert not isinstance(error, SubmissionRejected)
    spent = submit_api(shown("BadInputsUTxO"))
    error = raised(upstream, provider_of, problem(status, spent))
    assert isinstance(error, SubmissionRejected)
    assert error.proves is Proof.INPUTS


@pytest.mark.parametrize("body", [b"", b"DuplicateTx", b"{}"])
def test_a_409_says_that_it_is_known(upstream: Start, provider_of: ProviderOf, body: bytes) -> None:
    error = raised(upstream, provider_of, reply(409, body))
    assert isinstance(error, SubmissionRejected)
    assert error.proves is Proof.INPUTS


def test_a_server_without_the_path_has_sent_nothing(
    upstream: Start, provider_of: ProviderOf
) -> None:
    text = "Invalid path. Please check https://docs.blockfrost.io/"
    error = raised(upstream, provider_of, problem(400, text))
    assert isinstance(error, ChainUnavailable)
    assert not isinstance(error, SubmissionUnknown)


def test_a_nodes_refusal_is_told_in_words(upstream: Start, provider_of: ProviderOf) -> None:
    refused = submit_api(shown("ValueNotConservedUTxO"), shown("BadInputsUTxO"))
    text = str(raised(upstream, provider_of, problem(400, refused)))
    assert text.startswith("inputs and outputs do not balance (ValueNotConservedUTxO)")
    assert "; an input is spent already or was never there (BadInputsUTxO): " in text


def test_what_is_not_understood_is_logged_and_not_shown(
    upstream: Start, provider_of: ProviderOf, caplog: pytest.LogCaptureFixture
) -> None:
    error = raised(upstream, provider_of, problem(400, "no backend at http://10.0.0.1:8090"))
    assert "10.0.0.1" not in str(error)
    assert "says nothing of the transaction: 400 no backend at http://10.0.0.1:8090" in caplog.text
