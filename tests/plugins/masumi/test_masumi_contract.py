"""The transfer method keeps the contract of transfer methods."""

from collections.abc import Callable
from typing import Any

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.plugin import TransferMethod
from facilitator.roles.chain import AssetState
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.payment import UNKNOWN_ORIGIN
from facilitator.testing.payments import request_body
from facilitator.testing.running import Running
from facilitator.testing.transfer_method import Paid, TransferMethodContract
from facilitator.x402.messages import parse_payment_request
from facilitator_masumi.deployment import Deployments
from facilitator_masumi.method import MasumiTransfer
from support.masumi import ESCROW, SELLER, lock, offer
from support.masumi_refusals import put

AGENT = "67ab0c92c4ac1610895a1c965ee50aba41a8f1513b15240723b3bd0b" + "10" + "ab" * 28 + "000000"


class TestMasumi(TransferMethodContract):
    @pytest.fixture
    def method(self) -> TransferMethod:
        return MasumiTransfer(Deployments(), look_up=lambda *_: AssetState({}, None))

    @pytest.fixture
    def paid(self, asked: Running) -> Paid:
        return self.paid_for(asked, offer())

    @staticmethod
    def paid_for(asked: Running, wanted: dict[str, Any]) -> Paid:
        raw = lock(wanted, ttl=asked.slot + 300)
        request = parse_payment_request(request_body(raw, wanted))
        payment = asked.facilitator.schemes.by_name["exact"].read(request, UNKNOWN_ORIGIN)
        return Paid(payment.terms, decode_transaction(raw))


class TestMasumiOfAnAgent(TestMasumi):
    """The seller claims to be a registered agent, which is looked up."""

    @pytest.fixture
    def registry(self) -> dict[str, AssetState]:
        pricing = {"pricingType": "Fixed", "fixed": [{"asset": "", "amount": "6000000"}]}
        settlement = {
            "paymentSourceType": "Web3CardanoV2",
            "address": [ESCROW[:60], ESCROW[60:]],
        }
        source = {
            "chain": "Cardano",
            "network": "Preprod",
            "settlement": settlement,
            "pricing": pricing,
        }
        said = {"name": "an agent", "supported_payment_sources": [source]}
        return {AGENT: AssetState({SELLER.address: 1}, said)}

    @pytest.fixture
    def method(self, registry: dict[str, AssetState]) -> TransferMethod:
        def look_up(_: str, asset: bytes) -> AssetState:
            if not registry:
                raise ChainUnavailable("the chain is away")
            return registry[asset.hex()]

        return MasumiTransfer(Deployments(), look_up)

    @pytest.fixture
    def cut(self, registry: dict[str, AssetState]) -> Callable[[], None]:
        return registry.clear

    @pytest.fixture
    def paid(self, asked: Running) -> Paid:
        named = put("extra", "terms", "agentIdentifier", value=AGENT)
        return self.paid_for(asked, offer(before=named))
