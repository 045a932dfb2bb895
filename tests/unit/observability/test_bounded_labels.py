"""Whatever callers send, the values of labels come from small fixed sets."""

import http.client
import json
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from falcon.inspect import inspect_routes
from hypothesis import example, given, settings
from hypothesis import strategies as st

from facilitator.api.metrics import METHODS, NO_ROUTE, OTHER_METHOD
from facilitator.observability.metrics import METRICS
from facilitator.observability.storage_metrics import OPERATIONS
from facilitator.roles.claim import ClaimState
from facilitator.roles.metrics import Histogram
from facilitator.testing.payments import requirements
from facilitator.testing.running import NETWORK, Running
from facilitator.x402.reasons import Reason
from support.exposition import scrape

KEY = "a-key-of-the-shop"
JUNK = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
METHOD = st.sampled_from(sorted(METHODS)) | st.from_regex(r"[A-Z]{1,12}", fullmatch=True)
PATH = st.one_of(
    st.sampled_from(["/", "/verify", "/settle", "/status", "/health", "/metrics"]),
    st.lists(JUNK, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts)),
    st.binary(min_size=32, max_size=32).map(lambda it: f"/status/{it.hex()}"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(JUNK, inner, max_size=3),
    max_leaves=8,
)
ACCEPTED = {"scheme": JUNK, "network": JUNK, "asset": JUNK, "payTo": JUNK, "amount": JUNK}
TERMS = st.fixed_dictionaries({}, optional=ACCEPTED).map(lambda it: {**requirements(), **it})
BODY = JSON | st.builds(
    lambda terms, transaction: {
        "x402Version": 2,
        "paymentRequirements": terms,
        "paymentPayload": {
            "x402Version": 2,
            "accepted": terms,
            "payload": {"transaction": transaction, "nonce": f"{'ab' * 32}#0"},
        },
    },
    TERMS,
    JUNK | st.just("AAAA"),
)


BOUNDS = {bound for metric in METRICS if isinstance(metric, Histogram) for bound in metric.buckets}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = {
        "FACILITATOR_PLUGINS": "devnet,memory,prometheus",
        "FACILITATOR_AUTH__API_KEYS__SHOP": KEY,
    }
    with closing(Running(tmp_path_factory.mktemp("labels"), settings=settings)) as running:
        yield running


def send(port: int, method: str, path: str, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    # Of some answers, such as that to CONNECT, http.client makes nothing.
    with closing(connection), suppress(http.client.HTTPException, OSError):
        headers = {"Content-Type": "application/json", "X-API-Key": KEY}
        connection.request(method, path, body, headers)
        connection.getresponse().read()


def allowed(running: Running) -> dict[str, Collection[str]]:
    routes = {route.path for route in inspect_routes(running.facilitator.app)}
    return {
        "method": METHODS | {OTHER_METHOD},
        "route": routes | {NO_ROUTE},
        "reason": {*Reason, "none"},
        "valid": {"true", "false"},
        "success": {"true", "false"},
        "network": {NETWORK},
        "state": set(ClaimState),
        "operation": set(OPERATIONS),
        "source": {"memory", "fleet", "provider"},
        "endpoints": {"sensitive", "others"},
        "key": {"shop"},
    }


@settings(max_examples=10)
@given(requests=st.lists(st.tuples(METHOD, PATH, BODY), min_size=5, max_size=10))
@example([("POST", "/verify", {}), ("CONNECT", "/", None), ("GET", "/metrics", None)])
def test_junk_makes_no_series(running: Running, requests: list[tuple[str, str, Any]]) -> None:
    port = running.server.port
    for method, path, body in requests:
        data = json.dumps(body).encode()
        send(port, method, path, data)
        send(port, "POST", "/verify", data)
        send(port, "POST", "/settle", data)
    sets = allowed(running)
    for label, value in scrape(port).label_values():
        if label == "status":
            assert value.isdigit()
            assert 100 <= int(value) <= 599
        elif label == "le":
            assert value == "+Inf" or float(value) in BOUNDS
        elif label != "version":
            assert value in sets[label], (label, value)
