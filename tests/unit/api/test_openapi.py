"""The description at ``/openapi.json`` says what is: routes, requests, answers and examples."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from falcon.inspect import inspect_routes

from facilitator.api.openapi import examples
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.signatures import signature_holds
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.errors import PluginError
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import BOB, Payer, identified, transaction_id
from facilitator.testing.payments import requirements as terms
from facilitator.testing.running import NOW, Running
from facilitator.x402.reasons import Reason
from facilitator_devnet.genesis import TEST_TOKEN
from support.described import Described
from support.web import Client, payment, requirements, serving

Run = Callable[..., Running]

POSTED = "paths", "/verify", "post", "requestBody", "content", "application/json", "schema"


def described(running: Running) -> dict[str, Any]:
    status, document = running.call("GET", "/openapi.json")
    assert status == 200
    return dict(document)


def at(document: Any, *names: str) -> Any:
    for name in names:
        document = document[name]
    return document


@pytest.fixture
def running(run: Run) -> Running:
    return run(inspect__enabled="true", settlement__wait_seconds=0)


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_every_route_is_described_and_none_else(run: Run, enabled: str) -> None:
    running = run(inspect__enabled=enabled)
    routes = {
        (route.path, method.method.lower())
        for route in inspect_routes(running.facilitator.app)
        for method in route.methods
        if not method.internal
    }
    paths = described(running)["paths"]
    assert {(path, method) for path, item in paths.items() for method in item} == routes


def test_the_examples_are_what_is_answered(running: Running) -> None:
    """At the moment when the payment in them was signed."""
    settle = {"Prefer": "wait=0"}
    assert running.verify(examples.PAYMENT) == examples.VALID
    assert running.settle(examples.PAYMENT, **settle) == examples.PENDING
    running.next_block()
    running.next_block()
    settled = running.settle_until(examples.PAYMENT, lambda answer: answer["success"])
    assert settled == examples.SETTLED
    assert running.settle(examples.PAYMENT, **settle) == examples.DUPLICATE
    assert running.call("GET", f"/status/{examples.TRANSACTION}") == (200, examples.STATUS)
    assert running.call("GET", "/supported") == (200, examples.SUPPORTED)


def test_the_examples_of_giving_up_are_what_is_answered(running: Running) -> None:
    running.verify(examples.PAYMENT)
    for example in (examples.CANCELLED, examples.NOT_CANCELLED):
        assert running.call("POST", "/cancel", examples.PAYMENT) == (200, example)


def test_the_example_of_a_hold_is_what_is_answered(running: Running) -> None:
    """25 seconds after another recipient was offered the same output."""
    (earlier,) = Payer(running).rivals(terms(pay_to=BOB.address))
    running.verify(earlier)
    assert running.clock is not None
    running.clock.advance(25)
    answer = running.verify(examples.PAYMENT)
    assert answer["extra"].pop("heldFor") == transaction_id(earlier)
    assert answer == {**examples.HELD, "extra": {"reserved": False, "heldSeconds": 95}}
    assert set(examples.HELD["extra"]) == {"reserved", "heldFor", "heldSeconds"}


def test_the_example_of_an_identifier_is_what_is_answered(running: Running) -> None:
    payer = Payer(running)
    payer.body()  # out of the output that the example spends
    earlier = identified(payer.body(), "chosen-by-the-payer-0001")
    running.settle(earlier)
    answer = running.verify(identified(examples.PAYMENT, "chosen-by-the-payer-0001"))
    expected = json.dumps(examples.NAMED).replace(examples.EARLIER, transaction_id(earlier))
    assert answer == json.loads(expected)


def test_the_example_of_an_invalid_payment_is_what_is_answered_an_hour_later(run: Run) -> None:
    assert run(clock=ManualClock(NOW + 3600)).verify(examples.PAYMENT) == examples.EXPIRED


POSTED_EXAMPLE = (*POSTED[:-1], "examples", "payment")


def test_the_payment_that_is_described_is_valid_at_that_time(run: Run) -> None:
    """Also the next one, once the first is settled; and every example is about it."""
    running = run(clock=ManualClock(NOW + 10_000_000))
    seen = []
    for _ in range(2):
        document = described(running)
        example = at(document, *POSTED_EXAMPLE)
        assert "valid for 600 seconds" in example["summary"]
        assert running.verify(example["value"]) == examples.VALID
        identifier = transaction_id(example["value"])
        assert identifier not in seen
        seen.append(identifier)
        assert at(document, "components", "parameters", "Transaction", "example") == identifier
        text = json.dumps(document)
        assert examples.TRANSACTION not in text
        assert str(examples.PAYMENT["paymentPayload"]["payload"]["transaction"]) not in text
        running.settle(example["value"], Prefer="wait=0")
        running.next_block()
        running.next_block()
        settled = running.settle_until(example["value"], lambda answer: answer["success"])
        assert settled["transaction"] == identifier


def test_examples_are_of_the_network_that_is_served(run: Run) -> None:
    running = run(network="cardano:preview")
    document = described(running)
    assert running.verify(at(document, *POSTED_EXAMPLE, "value"))["isValid"]
    assert "cardano:preprod" in at(document, "components", "schemas", "Network", "enum")


def test_the_payment_is_in_time_without_a_devnet(client: Client) -> None:
    """Else who tries the page out first learns of an old example, and of nothing else."""
    example = at(client.call("GET", "/openapi.json").json, *POSTED_EXAMPLE)
    assert "only a devnet has" in example["summary"]
    assert ends_in_time(example["value"], time.time())


def test_the_payment_is_in_time_while_the_devnet_does_not_answer(running: Running) -> None:
    running.devnet.faults.fail("parameters")
    example = at(described(running), *POSTED_EXAMPLE)["value"]
    assert running.clock is not None
    assert ends_in_time(example, running.clock.time())
    assert running.verify(example) == examples.VALID  # its input is one of the devnet's genesis


def ends_in_time(body: dict[str, Any], now: float) -> bool:
    """Return True if the payment is signed, and ends within its terms."""
    transaction = decode_transaction(
        base64.b64decode(body["paymentPayload"]["payload"]["transaction"])
    )
    assert transaction.body.invalid_hereafter is not None
    end = KNOWN_ERAS["cardano:preprod"].start_ms(transaction.body.invalid_hereafter) / 1000
    latest: float = now + body["paymentRequirements"]["maxTimeoutSeconds"]
    (witness,) = transaction.witnesses.vkeys
    assert signature_holds(witness.vkey, transaction.id, witness.signature)
    return now < end <= latest


def test_examples_are_as_the_schemas_say(running: Running) -> None:
    document = described(running)
    hold = Described(document).validate
    shown = 0
    for item in document["paths"].values():
        for operation in item.values():
            for part in (operation.get("requestBody", {}), *operation["responses"].values()):
                for content in part.get("content", {}).values():
                    for example in content.get("examples", {}).values():
                        hold(content["schema"], example["value"])
                        shown += 1
    assert shown > 10


def test_every_example_of_a_request_is_taken(running: Running) -> None:
    for path, item in described(running)["paths"].items():
        if "post" in item:
            content = at(item, "post", "requestBody", "content", "application/json")
            for example in content["examples"].values():
                assert running.call("POST", path, example["value"])[0] == 200


def test_real_answers_are_as_described(running: Running) -> None:
    """Of payments good and bad, in ada and in a token; ``conftest.py`` looks at every answer."""
    client, payer = Client(running.server.port), Payer(running)
    bodies = [payer.body(), payer.body(asset=TEST_TOKEN, amount=5), payer.body(seconds=0)]
    bodies += [payment(), payment(paymentRequirements=requirements(network="x"))]
    for path in ("/verify", "/cancel", "/inspect", "/settle", "/settle", "/cancel", "/verify"):
        for body in bodies:
            assert client.call("POST", path, body).status == 200
        running.next_block()
    for body in bodies[:3]:
        assert client.call("GET", f"/status/{transaction_id(body)}").status == 200
    for path in ("/", "/supported", "/health", "/health/live", "/health/ready"):
        assert client.call("GET", path).status == 200


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({}, True),
        ({"x402Version": 2.0}, True),
        ({"x402Version": 1}, False),
        ({"paymentRequirements": requirements(maxTimeoutSeconds=300.0)}, True),
        ({"paymentRequirements": requirements(maxTimeoutSeconds=2**53 - 1)}, True),
        ({"paymentRequirements": requirements(maxTimeoutSeconds=2**53)}, False),
        ({"paymentRequirements": requirements(maxTimeoutSeconds=2**64)}, False),
        ({"paymentRequirements": requirements(maxTimeoutSeconds=0.5)}, False),
        ({"paymentRequirements": requirements(extra=None)}, True),
        ({"paymentRequirements": requirements(extra=[])}, False),
        ({"paymentRequirements": requirements(amount="-1", asset="x", scheme="y")}, True),
        ({"more": 1}, True),
        *(
            ({"paymentPayload": {**payment()["paymentPayload"], "extensions": extensions}}, taken)
            for extensions, taken in [
                (None, True),
                ({"payment-identifier": None}, True),
                ({"payment-identifier": {"info": {"id": None}}}, True),
                ({"payment-identifier": {"info": {"id": "-" * 16}}}, True),
                ({"payment-identifier": {"info": {"id": "-" * 15}}}, False),
                ({"payment-identifier": {"info": {"id": "é" * 16}}}, False),
                ({"payment-identifier": {"info": {"id": 1}}}, False),
            ]
        ),
    ],
)
def test_a_request_is_taken_just_when_its_schema_holds(
    client: Client, change: dict[str, Any], taken: bool
) -> None:
    document = client.call("GET", "/openapi.json").json
    body = payment(**change)
    answer = client.call("POST", "/verify", body)
    assert answer.status == (200 if taken else 400)
    described = Described(document, closed=False)
    assert described.holds(at(document, *POSTED), body) is taken


def enums(part: Any) -> Iterator[list[Any]]:
    if isinstance(part, dict):
        yield from [part["enum"]] if isinstance(part.get("enum"), list) else []
    for inner in part.values() if isinstance(part, dict) else part:
        if isinstance(inner, dict | list):
            yield from enums(inner)


def test_no_value_is_named_twice(running: Running) -> None:
    """Generators of clients make a constant of each."""
    document = described(running)
    assert "/payments" in document["paths"]
    found = list(enums(document))
    assert len(found) > 100
    assert [each for each in found if len(each) != len({json.dumps(one) for one in each})] == []


def test_reasons_are_those_of_the_code(client: Client) -> None:
    document = client.call("GET", "/openapi.json").json
    known, further = at(document, "components", "schemas", "Reason", "anyOf")
    assert known["enum"] == sorted(Reason)
    assert further == {"type": "string"}


@pytest.mark.parametrize("keys", [{}, {"auth__api_keys__shop": "key"}])
def test_keys_are_asked_for_where_they_are_needed(tmp_path: Path, keys: dict[str, str]) -> None:
    needed = bool(keys)
    with serving(tmp_path, None, api=None, **keys) as client:
        paths = client.call("GET", "/openapi.json").json["paths"]
        assert client.call("POST", "/verify", payment()).status == (401 if needed else 200)
    assert ({} in paths["/verify"]["post"]["security"]) is not needed
    assert "security" not in paths["/status"]["post"]


def test_a_plugins_route_may_describe_itself(tmp_path: Path) -> None:
    class Tea:
        openapi = {"get": {"responses": {"200": {"description": "Tea."}}}}  # noqa: RUF012

        def on_get(self, req: Any, resp: Any, pot: int) -> None: ...

    class Secret:
        def on_get(self, req: Any, resp: Any) -> None: ...

    routes = {"/tea/{pot:int}": Tea(), "/secret": Secret()}
    with serving(tmp_path, api={"routes": routes}) as client:
        document = client.call("GET", "/openapi.json").json
        assert client.call("GET", "/tea/1").status == 200
    assert document["paths"]["/tea/{pot}"] == Tea.openapi
    assert "/secret" not in document["paths"]


def test_a_description_of_none_is_none(tmp_path: Path) -> None:
    """As where a base class has one, and a class derived from it does not."""

    class Tea:
        openapi: Any = None

        def on_get(self, req: Any, resp: Any) -> None: ...

    with serving(tmp_path, api={"routes": {"/tea": Tea()}}) as client:
        assert client.call("GET", "/tea").status == 200
        assert "/tea" not in client.call("GET", "/openapi.json").json["paths"]


@pytest.mark.parametrize(
    "description", ["text", [], 1, dict, {"get": {1, 2}}, {1: {}}, {"get": float}, object()]
)
def test_a_description_that_cannot_be_shown_stops_the_start(
    tmp_path: Path, description: object
) -> None:
    class Tea:
        openapi = description

        def on_get(self, req: Any, resp: Any) -> None: ...

    with (
        pytest.raises(PluginError, match=r"the route /tea, whose openapi cannot be shown: \w"),
        serving(tmp_path, api={"routes": {"/tea": Tea()}}),
    ):
        pass


def test_a_description_may_be_any_mapping(tmp_path: Path) -> None:
    class Tea:
        openapi: Any = MappingProxyType({"get": MappingProxyType({"summary": "Tea"})})

        def on_get(self, req: Any, resp: Any) -> None: ...

    with serving(tmp_path, api={"routes": {"/tea": Tea()}}) as client:
        paths = client.call("GET", "/openapi.json").json["paths"]
    assert paths["/tea"] == {"get": {"summary": "Tea"}}


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("/openapi.json", "application/json"), ("/docs", "text/html; charset=utf-8")],
)
def test_documents_are_sent_once_and_then_only_when_they_changed(
    client: Client, path: str, media_type: str
) -> None:
    first = client.call("GET", path)
    assert (first.status, first.headers["content-type"]) == (200, media_type)
    assert first.headers["cache-control"] == "no-cache"
    again = client.call("GET", path, If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    other = client.call("GET", path, If_None_Match='"other"')
    assert (other.status, other.body) == (200, first.body)


def test_the_page_may_run_only_what_is_its_own(client: Client) -> None:
    answer = client.call("GET", "/docs")
    policy = dict(
        rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert policy["script-src"].startswith("'sha256-")
    assert policy["style-src"].startswith("'sha256-")
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert b"://" not in answer.body
