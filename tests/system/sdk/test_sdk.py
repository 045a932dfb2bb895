"""The official Python SDK drives the facilitator, unmodified."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from x402 import PaymentFlowConfig, x402ResourceServerSync
from x402.http import (
    FacilitatorConfig,
    HTTPFacilitatorClient,
    HTTPFacilitatorClientSync,
)
from x402.schemas import (
    AbortResult,
    AssetAmount,
    PaymentPayload,
    PaymentRequirements,
    VerifyResultContext,
)

from facilitator.testing.payments import BOB, Payer, identified, requirements, transaction_id
from facilitator.testing.running import Running

Run = Callable[..., Running]


class ExactCardano:
    """What the SDK's resource server must know of a scheme that it has no mechanism for."""

    scheme = "exact"
    default_asset_transfer_method = "default"
    payment_flows: Mapping[str, PaymentFlowConfig] = {
        "default": PaymentFlowConfig(supported=("authorization",), default="authorization")
    }

    def parse_price(self, price: Any, network: str) -> AssetAmount:
        raise NotImplementedError(f"{price} on {network}")

    def enhance_payment_requirements(
        self, requirements: PaymentRequirements, *_: Any
    ) -> PaymentRequirements:
        return requirements


@pytest.fixture
def running(run: Run) -> Running:
    return run(settlement__wait_seconds=20)


def config(running: Running) -> FacilitatorConfig:
    return FacilitatorConfig(url=running.url)


def models(body: Mapping[str, Any]) -> tuple[PaymentPayload, PaymentRequirements]:
    return (
        PaymentPayload.model_validate(body["paymentPayload"]),
        PaymentRequirements.model_validate(body["paymentRequirements"]),
    )


def blocks_once_submitted(running: Running, body: Mapping[str, Any]) -> threading.Thread:
    """Makes two blocks as soon as the payment is in the mempool."""
    submitted = threading.Event()
    submit = running.devnet.submit

    def noticing(transaction: bytes) -> str:
        taken = submit(transaction)
        submitted.set()
        return taken

    running.devnet.submit = noticing  # type: ignore[method-assign]

    def make() -> None:
        assert submitted.wait(20), body
        running.next_block()
        running.next_block()

    thread = threading.Thread(target=make)
    thread.start()
    return thread


def test_supported(running: Running) -> None:
    with HTTPFacilitatorClientSync(config(running)) as client:
        supported = client.get_supported()
    (kind,) = supported.kinds
    assert (kind.x402_version, kind.scheme, kind.network) == (2, "exact", "cardano:preprod")
    assert kind.extra == {
        "assetTransferMethods": ["default", "script"],
        "areFeesSponsored": False,
        "acceptsSponsorWitnesses": True,
        "l1Confirmations": {"minimum": 0, "maximum": 20},
        "devnet": True,
    }
    assert supported.extensions == ["payment-identifier"]
    assert supported.signers == {"cardano:*": []}


def test_verify_and_settle(running: Running) -> None:
    body = Payer(running).body()
    payload, terms = models(body)
    blocks = blocks_once_submitted(running, body)
    with HTTPFacilitatorClientSync(config(running)) as client:
        verdict = client.verify(payload, terms)
        settled = client.settle(payload, terms)
        again = client.settle(payload, terms)
    blocks.join()
    assert verdict.is_valid is True
    assert verdict.payer
    assert settled.success is True
    assert settled.extra == {"status": "confirmed", "confirmations": 1}
    assert (again.success, again.error_reason) == (False, "duplicate_settlement")


def test_a_payment_identifier_repeats_no_success(running: Running) -> None:
    """Its payer wrote it, and may show it to any number of resource servers."""
    body = identified(Payer(running).body(), "pay_7d5d747be160e280")
    payload, terms = models(body)
    blocks = blocks_once_submitted(running, body)
    with HTTPFacilitatorClientSync(config(running)) as client:
        assert client.verify(payload, terms).is_valid is True
        settled = client.settle(payload, terms)
        again = client.settle(payload, terms)
        verdict = client.verify(payload, terms)
    blocks.join()
    assert settled.success is True
    assert (again.success, again.error_reason) == (False, "duplicate_settlement")
    assert again.transaction == settled.transaction
    assert again.extra == {
        "status": "confirmed",
        "transactionId": settled.transaction,
        "confirmations": 1,
    }
    assert (verdict.is_valid, verdict.invalid_reason) == (False, "duplicate_settlement")


def test_a_second_payment_under_an_identifier_is_refused(running: Running) -> None:
    payer, identifier = Payer(running), "pay_7d5d747be160e280"
    first, second = (models(identified(payer.body(), identifier)) for _ in range(2))
    with HTTPFacilitatorClientSync(config(running)) as client:
        blocks = blocks_once_submitted(running, payer.body())
        settled = client.settle(*first)
        verdict, refused = client.verify(*second), client.settle(*second)
    blocks.join()
    assert settled.success is True
    assert (verdict.is_valid, verdict.invalid_reason) == (False, "duplicate_settlement")
    assert settled.transaction in (verdict.invalid_message or "")
    assert (refused.success, refused.error_reason) == (False, "duplicate_settlement")
    assert refused.extra == {"status": "confirmed", "transactionId": settled.transaction}


def test_a_hold_for_another_recipient_leaves_the_verdict(running: Running) -> None:
    here, elsewhere = requirements(), requirements(pay_to=BOB.address)
    bodies = Payer(running).rivals(here, elsewhere)
    with HTTPFacilitatorClientSync(config(running)) as client:
        verdicts = [client.verify(*models(body)) for body in bodies]
    assert [verdict.is_valid for verdict in verdicts] == [True, True]
    first, second = (verdict.extra for verdict in verdicts)
    assert first is None
    held = {"reserved": False, "heldFor": transaction_id(bodies[0]), "heldSeconds": 120}
    assert second == held


def test_a_resource_server_may_refuse_what_is_held_elsewhere(running: Running) -> None:
    """By the SDK's own hook, where the facilitator only advises."""
    bodies = Payer(running).rivals(requirements(), requirements(pay_to=BOB.address))

    def only_free_inputs(context: VerifyResultContext) -> AbortResult | None:
        held = (context.result.extra or {}).get("heldFor")
        return AbortResult("input_held_elsewhere", f"held for {held}") if held else None

    with HTTPFacilitatorClientSync(config(running)) as client:
        server = x402ResourceServerSync(client)
        server.register("cardano:preprod", ExactCardano())
        server.on_after_verify(only_free_inputs)
        server.initialize()
        verdicts = [server.verify_payment(*models(body)) for body in bodies]
    assert [verdict.is_valid for verdict in verdicts] == [True, False]
    assert verdicts[1].invalid_reason == "input_held_elsewhere"


def test_an_invalid_payment(running: Running) -> None:
    payload, terms = models(Payer(running).body(seconds=0))
    with HTTPFacilitatorClientSync(config(running)) as client:
        verdict = client.verify(payload, terms)
        settled = client.settle(payload, terms)
    assert verdict.is_valid is False
    assert verdict.invalid_reason == "invalid_exact_cardano_payload_ttl_expired"
    assert "slot" in (verdict.invalid_message or "")
    assert (settled.success, settled.error_reason) == (False, verdict.invalid_reason)


def test_the_async_client(running: Running) -> None:
    body = Payer(running).body()
    payload, terms = models(body)
    blocks = blocks_once_submitted(running, body)

    async def drive() -> tuple[Any, Any]:
        async with HTTPFacilitatorClient(config(running)) as client:
            assert client.get_supported().kinds
            verdict = await client.verify(payload, terms)
            return verdict, await client.settle(payload, terms)

    verdict, settled = asyncio.run(drive())
    blocks.join()
    assert verdict.is_valid is True
    assert settled.success is True


def test_the_sdk_resumes_a_pending_settlement_by_itself(run: Run) -> None:
    """Its resource server calls again, once, and gets the success that was still to come."""
    running = run(settlement__wait_seconds=20)
    body = Payer(running).body()
    payload, terms = models(body)
    answers: list[Any] = []

    class Impatient(HTTPFacilitatorClientSync):
        """Notes what comes back, and lets blocks come only after the first answer."""

        def settle(self, *args: Any) -> Any:
            answers.append(super().settle(*args))
            running.next_block()
            running.next_block()
            return answers[-1]

        def _get_settle_headers(self) -> dict[str, str]:
            wait = "wait=20" if answers else "wait=0"
            return {**super()._get_settle_headers(), "Prefer": wait}

    with Impatient(config(running)) as client:
        server = x402ResourceServerSync(client)
        server.register("cardano:preprod", ExactCardano())
        server.initialize()
        assert server.verify_payment(payload, terms).is_valid is True
        settled = server.settle_payment(payload, terms)
    assert answers[0].error_reason == "settlement_pending"
    assert answers[0].extra["transactionId"] == answers[0].transaction
    assert settled.success is True
    assert settled.transaction == answers[0].transaction
    assert len(answers) == 2
