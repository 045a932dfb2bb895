"""What plugins read of claims and chains."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.cli import main
from facilitator.errors import PluginError
from facilitator.plugin.reader import Reader
from facilitator.roles.allowance import current_allowance
from facilitator.roles.chain import InMempool, Unspent
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.claim import ClaimState
from facilitator.roles.refused import Refused
from facilitator.testing.border import unguarded
from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.running import NETWORK, Running

READS = """
    from facilitator.plugin import hookimpl
    early = None

    class Resource:
        def __init__(self, context):
            self._reader = context.reader
        def on_get(self, req, resp):
            claim = self._reader.claim(req.get_param("transaction"))
            resp.media = {"state": claim and claim.state.value, "early": early}

    @hookimpl
    def storage(context):
        global early
        try:
            context.reader.open_claims()
        except Exception as error:
            early = str(error)

    @hookimpl
    def routes(context):
        return {"/shelf": Resource(context)}
"""


TRIED = """
    @hookimpl
    def startup(context):
        claims, tip = context.reader.open_claims(), context.reader.tip("cardano:preprod")
        if context.is_trial:
            print(f"tried at block {tip.height} with {len(claims)} claims")
"""


class Shelf(Protocol):
    def add(self, name: str, source: str = "") -> str: ...


def test_a_route_reads_the_claim_of_a_payment(run: Callable[..., Running], shelf: Shelf) -> None:
    shelf.add("shelf", READS)
    running = run(plugins="devnet,memory,shelf")
    body = Payer(running).body()
    path = f"/shelf?transaction={transaction_id(body)}"
    early = "claims and chains can be read from the hook startup on"
    assert running.call("GET", path) == (200, {"state": None, "early": early})
    running.settle(body, Prefer="wait=0")
    assert running.call("GET", path) == (200, {"state": "submitted", "early": early})


def test_it_reads_claims_and_the_chain(run: Callable[..., Running]) -> None:
    running = run()
    reader = running.facilitator.context.reader
    body = Payer(running).body()
    text, _, index = body["paymentPayload"]["payload"]["nonce"].partition("#")
    nonce = OutputRef(bytes.fromhex(text), int(index))
    assert isinstance(reader.outputs(NETWORK, [nonce])[nonce], Unspent)
    running.settle(body, Prefer="wait=0")
    (claim,) = reader.open_claims()
    assert (claim.transaction_id, claim.state) == (transaction_id(body), ClaimState.SUBMITTED)
    assert reader.claim(claim.transaction_id) == claim
    assert isinstance(reader.transaction(NETWORK, claim.transaction_id), InMempool)
    assert reader.tip(NETWORK) == running.devnet.tip()


def test_it_reports_on_the_transaction_of_a_claim(run: Callable[..., Running]) -> None:
    running = run()
    reader = running.facilitator.context.reader
    running.settle(Payer(running).body(), Prefer="wait=0")
    (claim,) = reader.open_claims()
    report = reader.report(claim)
    assert (report["input"], report["transaction"]["id"]) == ("transaction", claim.transaction_id)
    assert {check["result"] for check in report["checks"]} == {"pass"}
    with pytest.raises(PluginError, match="'cardano:preview' is not served here"):
        reader.report(replace(claim, network="cardano:preview"))
    with pytest.raises(Refused):
        reader.report(replace(claim, transaction=b"\x84"))


def test_reports_of_claims_count_as_one_clients(
    run: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    running, clients = run(), set[str]()
    running.settle(Payer(running).body(), Prefer="wait=0")
    (claim,) = running.facilitator.context.reader.open_claims()

    def outputs(_: object) -> Any:
        allowance = current_allowance()
        assert allowance is not None
        clients.add(allowance.client)
        raise ChainUnavailable("on purpose")

    monkeypatch.setattr(unguarded(running.devnet), "outputs", outputs)
    report = running.facilitator.context.reader.report(claim)
    assert (clients, report["result"]) == ({Reader.CLIENT}, "not judged")


def test_its_questions_count_as_one_clients(
    run: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    running, clients = run(), []

    def tip() -> Any:
        allowance = current_allowance()
        assert allowance is not None
        clients.append(allowance.client)
        raise ChainUnavailable("on purpose")

    monkeypatch.setattr(unguarded(running.devnet), "tip", tip)
    with pytest.raises(ChainUnavailable):
        running.facilitator.context.reader.tip(NETWORK)
    assert clients == [Reader.CLIENT]


def test_another_network_is_named(run: Callable[..., Running]) -> None:
    reader = run().facilitator.context.reader
    with pytest.raises(PluginError, match="'cardano:preview' is not served here"):
        reader.tip("cardano:preview")


def test_a_plugin_that_is_tried_reads_and_knows_that_it_is_tried(
    shelf: Shelf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shelf.add("shelf", TRIED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACILITATOR_PLUGINS", "devnet,memory,shelf")
    monkeypatch.setenv("FACILITATOR_SERVER__PORT", "0")
    assert main(["check"]) == 0
    assert "tried at block 0 with 0 claims" in capsys.readouterr().out
