"""Nothing secret and nothing of a payment leaves in an event, wherever it was put."""

import base64
import copy
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.observability.redaction import LEFT_OUT
from facilitator.testing.payments import ALICE, requirements
from facilitator.testing.running import NETWORK
from facilitator_devnet.samples import genesis_output, sign_payment
from facilitator_sentry.scrubbing import MAX_LENGTH, Scrubber

KEY = "f" * 32
SECRETS = ["hunter2", "redis://reader:p%40ss@db:6379/0", "twelve words\nof seed", 'qu"ote\\d']
REF = genesis_output(NETWORK, "alice", 0, None)
TRANSACTION = sign_payment(requirements(), "alice", REF, 300)

SPAN = {
    "trace_id": "ab" * 16,
    "span_id": "cd" * 8,
    "parent_span_id": "ef" * 8,
    "op": "http.client",
    "description": "GET https://blockfrost.example/api/v0/blocks/latest",
    "status": "ok",
    "origin": "auto.http.stdlib",
    "start_timestamp": "2026-11-25T18:00:00.123456Z",
    "timestamp": "2026-11-25T18:00:01.123456Z",
    "data": {"http.method": "GET", "http.response.status_code": 200},
}
EVENT: dict[str, Any] = {
    "event_id": "ab" * 16,
    "timestamp": "2026-11-25T18:00:01.123456Z",
    "start_timestamp": 1764093600.5,
    "platform": "python",
    "level": "error",
    "environment": "production",
    "release": "x402-cardano-facilitator@0.1.0",
    "server_name": "facilitator-7d9f8b6c5d-abcde.shop.example",
    "transaction": "POST /verify",
    "transaction_info": {"source": "route"},
    "sdk": {"name": "sentry.python", "version": "2.75.0"},
    "request": {"method": "POST", "url": "https://pay.example/verify"},
    "tags": {
        "request_id": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "http.status_code": "500",
        "method": "POST",
        "thread": "follower-cardano:preprod",
    },
    "contexts": {
        "trace": {
            **SPAN,
            "dynamic_sampling_context": {
                "trace_id": "ab" * 16,
                "public_key": KEY,
                "sampled": "true",
            },
        },
    },
    "exception": {
        "values": [
            {
                "type": "ChainUnavailable",
                "module": "facilitator.roles.chain",
                "value": "invalid_exact_cardano_payload_verification_error at /var/lib/x402/db",
                "mechanism": {"type": "facilitator", "handled": True},
                "stacktrace": {
                    "frames": [
                        {
                            "filename": "facilitator/settlement/tracking/tracker.py",
                            "function": "_the_submission_that_failed_before_it_was_sent",
                            "module": "facilitator.settlement.tracking.tracker",
                            "lineno": 7,
                            "in_app": True,
                        }
                    ]
                },
            }
        ]
    },
    "spans": [SPAN],
}
FURTHER: dict[str, Any] = {
    "extra": {"payload": {"transaction": "?"}},
    "breadcrumbs": {"values": [{"message": "?", "data": {"url": "?"}}]},
    "user": {"id": "?", "ip_address": "?"},
    "logentry": {"message": "?", "params": ["?"]},
    "modules": {"a": "?"},
    "threads": {"values": [{"name": "?"}]},
    "fingerprint": ["?"],
}
OURS = ("environment", "release", "server_name", "platform")
NAMES = ("filename", "function", "module", "type", "name", "version", "request_id")
"""What may be long: names in code, what we say of ourselves, ids for tracing."""

scrub = Scrubber(SECRETS, KEY)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where there is a text or a number."""
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in entries:
            yield from places(entry, (*path, key))
    else:
        yield path


def put(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A full event with the value in this place."""
    event = full = copy.deepcopy({**EVENT, **FURTHER})
    full["request"] |= {"headers": {"Authorization": "?"}, "data": "?", "query_string": "?"}
    inside: Any = event
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return event


WHOLE = put(("level",), "error")
ANYWHERE = st.sampled_from(list(places(WHOLE)))
PAYMENT = ANYWHERE.filter(lambda path: path[0] not in OURS and path[-1] not in NAMES)
AROUND = st.text(max_size=20)
IN_URL = st.sampled_from(["{}", "https://{}@pay.example/", "https://pay.example/?key={}", "/{}#{}"])


def forms(blob: bytes) -> list[str]:
    encoded = base64.b64encode(blob).decode()
    return [
        blob.hex(),
        blob.hex().upper(),
        encoded,
        base64.urlsafe_b64encode(blob).decode(),
        quote(encoded, safe=""),
        encoded.replace("/", "\\/"),
        repr(blob),
        repr(list(blob)),
        repr(bytearray(blob)),
    ]


def test_an_ordinary_event_stays_as_it_is() -> None:
    assert scrub(copy.deepcopy(EVENT)) == EVENT


def test_what_is_not_listed_is_left_out() -> None:
    assert scrub(copy.deepcopy(WHOLE)) == EVENT


@given(path=ANYWHERE, secret=st.sampled_from(SECRETS), before=AROUND, after=AROUND, url=IN_URL)
def test_no_secret_survives(
    path: tuple[Any, ...], secret: str, before: str, after: str, url: str
) -> None:
    written = [secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret, safe="")]
    if secret.startswith("redis"):
        written += ["p%40ss", "p@ss"]
    for form in written:
        sent = json.dumps(scrub(put(path, before + url.replace("{}", form) + after)))
        assert json.dumps(form)[1:-1] not in sent


@given(path=PAYMENT, blob=st.binary(min_size=40, max_size=400), before=AROUND, after=AROUND)
def test_no_part_of_a_payment_survives(
    path: tuple[Any, ...], blob: bytes, before: str, after: str
) -> None:
    for form in forms(blob):
        sent = json.dumps(scrub(put(path, f"{before} {form} {after}")))
        assert not shared(form, sent), form


@pytest.mark.parametrize("path", [path for path in places(WHOLE) if path[-1] not in NAMES])
def test_a_real_payment_survives_nowhere(path: tuple[Any, ...]) -> None:
    if path[0] in OURS:
        return
    for form in (*forms(TRANSACTION), str(REF), ALICE.bech32):
        sent = json.dumps(scrub(put(path, f"could not read {form}: too long")))
        assert not shared(form, sent)


def shared(form: str, sent: str) -> bool:
    """Whether twenty characters in a row are the same."""
    written = json.dumps(form)[1:-1]
    same_anyway = json.dumps(EVENT)
    windows = (written[start : start + 20] for start in range(len(written) - 19))
    return any(window in sent and window not in same_anyway for window in windows)


@given(path=ANYWHERE, value=st.none() | st.booleans() | st.integers() | st.floats() | st.text())
def test_whatever_an_event_holds_becomes_json(path: tuple[Any, ...], value: object) -> None:
    json.dumps(scrub(put(path, value)))
    json.dumps(scrub(put(path[:1], value)))


def test_a_long_text_is_cut_after_it_was_masked() -> None:
    path = ("exception", "values", 0, "value")
    sent = scrub(put(path, "a " * (MAX_LENGTH // 2 - 2) + "hunter2" + " b" * 100))
    value = sent["exception"]["values"][0]["value"]
    assert len(value) == MAX_LENGTH
    assert "hun" not in value


def test_what_is_left_out_of_a_path_leaves_its_words() -> None:
    url = f"https://blockfrost.example/api/v0/txs/{'ab' * 32}/utxos"
    sent = scrub(put(("spans", 0, "description"), f"GET {url}?page=1"))
    left = f"GET https://blockfrost.example/api/v0/txs/{LEFT_OUT}/utxos?page=1"
    assert sent["spans"][0]["description"] == left
