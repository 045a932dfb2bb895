"""Sellers that claim to be registered agents: what the registry says decides."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facilitator.testing.payments import ALICE, BOB, Payer, request_body
from facilitator.testing.running import NETWORK, Running
from facilitator.x402.reasons import Reason
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import TEST_TOKEN
from support.masumi import ESCROW, SELLER, lock, offer
from support.masumi_refusals import REQUIREMENTS, put

PLUGINS = "devnet,memory,masumi"
AGENT = "67ab0c92c4ac1610895a1c965ee50aba41a8f1513b15240723b3bd0b" + "10" + "ab" * 28 + "000000"
AGENT_REASON = REQUIREMENTS + "agent_identifier"
TOKEN_UNIT = TEST_TOKEN.hex()


def source(**changes: Any) -> dict[str, Any]:
    """An entry of ``supported_payment_sources``, whose long texts come in parts."""
    return {
        "chain": "Cardano",
        "network": "Preprod",
        "settlement": {
            "paymentSourceType": "Web3CardanoV2",
            "address": [ESCROW[:60], ESCROW[60:]],
        },
        "pricing": {"pricingType": "Fixed", "fixed": [{"asset": "", "amount": "6000000"}]},
        **changes,
    }


def fixed(*prices: tuple[str, str]) -> dict[str, Any]:
    amounts = [{"asset": asset, "amount": amount} for asset, amount in prices]
    return source(pricing={"pricingType": "Fixed", "fixed": amounts})


def metadata(*sources: Any) -> dict[str, Any]:
    return {"name": "an agent", "supported_payment_sources": list(sources)}


def register(devnet: Devnet, holder: bytes = SELLER.address, said: Any = None) -> None:
    devnet.fund(holder, 2_000_000, {bytes.fromhex(AGENT): 1})
    devnet.describe(bytes.fromhex(AGENT), metadata(source()) if said is None else said)


def claim(number: int = 0, **how: Any) -> dict[str, Any]:
    """An offer of the seller as the agent."""
    return offer(number, before=put("extra", "terms", "agentIdentifier", value=AGENT), **how)


def body(running: Running, terms: dict[str, Any], **how: Any) -> dict[str, Any]:
    return request_body(lock(terms, ttl=running.slot + 300, **how), terms)


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(plugins=PLUGINS, settlement__wait_seconds="0", reservation__ttl_seconds="0")


class Asked:
    """Counts what is asked of the registry by the chain provider."""

    def __init__(self, devnet: Devnet, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        ask = devnet.asset

        def count(asset: bytes) -> Any:
            self.times += 1
            return ask(asset)

        monkeypatch.setattr(devnet, "asset", count)


def test_a_payment_to_a_registered_seller_settles(running: Running) -> None:
    register(running.devnet)
    request = body(running, claim())
    assert running.verify(request) == {"isValid": True, "payer": ALICE.bech32}
    assert running.settle(request)["errorReason"] == "settlement_pending"
    running.next_block()
    running.next_block()
    assert running.settle_until(request, lambda answer: bool(answer["success"]))


def test_the_price_in_a_token(running: Running) -> None:
    register(running.devnet, said=metadata(fixed((TOKEN_UNIT, "6000000"))))
    assert running.verify(body(running, claim(asset=TEST_TOKEN)))["isValid"] is True


FITTING = {
    "one source among others": metadata({}, fixed(("", "1")), None, source(), source(chain="EVM")),
    "a price of each offer": metadata(source(pricing={"pricingType": "Dynamic"})),
    "a price in parts": metadata(fixed(("", "1000000"), ("lovelace", "5000000"))),
    "a number": metadata(
        source(pricing={"pricingType": ["Fix", "ed"], "fixed": [{"amount": 6_000_000}]})
    ),
}


@pytest.mark.parametrize("said", FITTING.values(), ids=FITTING)
def test_metadata_that_fits(running: Running, said: Any) -> None:
    register(running.devnet, said=said)
    assert running.verify(body(running, claim()))["isValid"] is True


ELSEWHERE = {"paymentSourceType": "Web3CardanoV2", "address": BOB.bech32}
FIRST = {"paymentSourceType": "Web3CardanoV1", "address": ESCROW}
OFFERS, PRICE = "offers no payments to this escrow", "registered price is not the amount"
WRONG = {
    "no metadata": ("nothing", OFFERS),
    "no sources": ({"name": "an agent"}, OFFERS),
    "sources that are none": ({"supported_payment_sources": "x"}, OFFERS),
    "another chain": (metadata(source(chain="EVM")), OFFERS),
    "another network": (metadata(source(network="Mainnet")), OFFERS),
    "another escrow": (metadata(source(settlement=ELSEWHERE)), OFFERS),
    "another contract": (metadata(source(settlement=FIRST)), OFFERS),
    "no settlement": (metadata(source(settlement=None)), OFFERS),
    "another amount": (metadata(fixed(("", "5999999"))), PRICE),
    "another asset": (metadata(fixed((TOKEN_UNIT, "6000000"))), PRICE),
    "two assets": (metadata(fixed(("", "6000000"), (TOKEN_UNIT, "1"))), PRICE),
    "no price": (metadata(fixed()), PRICE),
    "a price that is none": (metadata(fixed(("", "-6000000"))), PRICE),
    "for free": (metadata(source(pricing={"pricingType": "Free"})), PRICE),
    "without pricing": (metadata(source(pricing=None)), PRICE),
}


@pytest.mark.parametrize(("said", "named"), WRONG.values(), ids=WRONG)
def test_metadata_that_does_not_fit(running: Running, said: Any, named: str) -> None:
    register(running.devnet, said=said)
    request = body(running, claim())
    answer = running.verify(request)
    assert (answer["isValid"], answer["invalidReason"]) == (False, AGENT_REASON)
    assert named in answer["invalidMessage"]
    assert running.settle(request)["errorReason"] == AGENT_REASON


def test_an_agent_that_another_holds(running: Running) -> None:
    register(running.devnet, BOB.address)
    answer = running.verify(body(running, claim()))
    assert answer["invalidReason"] == AGENT_REASON
    assert "not held by the key of terms.sellerAddress" in answer["invalidMessage"]


def test_the_sellers_key_decides_not_its_stake(running: Running) -> None:
    register(running.devnet, SELLER.enterprise_address)
    assert running.verify(body(running, claim()))["isValid"] is True


def test_an_agent_that_is_not_there(running: Running) -> None:
    answer = running.verify(body(running, claim()))
    assert answer["invalidReason"] == AGENT_REASON
    assert "no such agent is registered" in answer["invalidMessage"]


def test_an_inspection_has_a_row_for_it(run: Callable[..., Running]) -> None:
    running = run(plugins=PLUGINS, inspect__enabled="true")
    _, report = running.call("POST", "/inspect", body(running, claim()))
    (row,) = [row for row in report["checks"] if row["name"] == "holds on the chain"]
    assert (row["result"], row["rule"]) == ("fail", AGENT_REASON)


# --- What is asked, and when --------------------------------------------------------------------


def test_an_answer_is_used_for_a_while(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(running.devnet, monkeypatch)
    register(running.devnet)
    request = body(running, claim())
    running.verify(request)
    running.settle(request)
    assert running.verify(body(running, claim(1), number=1))["isValid"] is True
    assert asked.times == 1
    assert running.clock is not None
    running.clock.advance(61)
    running.devnet.produce_block()
    running.devnet.describe(bytes.fromhex(AGENT), None)
    late = body(running, claim(2), number=2)
    assert running.verify(late)["invalidReason"] == AGENT_REASON
    assert asked.times == 2


def test_others_cost_no_question(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither do payments that something else refuses."""
    asked = Asked(running.devnet, monkeypatch)
    assert running.verify(body(running, offer()))["isValid"] is True
    assert running.verify(Payer(running).body())["isValid"] is True
    late = request_body(lock(claim(), ttl=running.slot + 601), claim())
    assert running.verify(late)["invalidReason"].endswith("_deadline")
    assert running.verify(body(running, claim(), change=list.reverse))["isValid"] is False
    assert asked.times == 0


def test_what_is_not_known_may_be_tried_again(running: Running) -> None:
    register(running.devnet)
    request = body(running, claim())
    running.devnet.faults.fail("asset", 2)
    answer = running.verify(request)
    assert (answer["isValid"], answer["invalidReason"]) == (False, Reason.CHAIN_LOOKUP_FAILED)
    assert running.settle(request)["errorReason"] == Reason.CHAIN_LOOKUP_FAILED
    assert running.verify(request)["isValid"] is True


# --- By other plugins ---------------------------------------------------------------------------

LOOKS_UP = """
from facilitator.plugin import AssetState, Unknown, hookimpl
from facilitator.cardano.addresses.address import parse_address

SAID = {said!r}
HELD = {{parse_address("{seller}"): 1}}

@hookimpl
def masumi_registry(network, agent):
    assert (network, agent) == ("{network}", "{agent}")
    return {answer}
"""


def looking_up(folder: Path, answer: str) -> str:
    said = metadata(source())
    (folder / "registrar.py").write_text(
        LOOKS_UP.format(
            said=said, seller=SELLER.bech32, network=NETWORK, agent=AGENT, answer=answer
        )
    )
    return PLUGINS + ",./registrar.py"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("AssetState(HELD, SAID)", None),
        ("AssetState({}, None)", AGENT_REASON),
        ("Unknown('it is away')", Reason.CHAIN_LOOKUP_FAILED),
        ("1 / 0", Reason.CHAIN_LOOKUP_FAILED),
        ("'registered'", Reason.CHAIN_LOOKUP_FAILED),
    ],
)
def test_a_plugin_answers_instead_of_the_chain(
    run: Callable[..., Running],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    reason: str | None,
) -> None:
    running = run(plugins=looking_up(tmp_path, answer))
    asked = Asked(running.devnet, monkeypatch)
    assert running.verify(body(running, claim())).get("invalidReason") == reason
    assert asked.times == 0


def test_a_plugin_may_leave_it_to_the_chain(run: Callable[..., Running], tmp_path: Path) -> None:
    running = run(plugins=looking_up(tmp_path, "None"))
    register(running.devnet)
    assert running.verify(body(running, claim()))["isValid"] is True


def test_without_any_look_up_it_is_refused(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = running.facilitator.context.reader
    monkeypatch.setattr(type(reader), "asset", lambda *_: None)
    answer = running.verify(body(running, claim()))
    assert answer["invalidReason"] == AGENT_REASON
    assert "no way to look up agents" in answer["invalidMessage"]
