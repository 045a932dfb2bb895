"""The transfer method keeps the contract of transfer methods."""

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.plugin import TransferMethod
from facilitator.roles.chain import AssetState
from facilitator.roles.payment import UNKNOWN_ORIGIN
from facilitator.testing.payments import request_body
from facilitator.testing.running import Running
from facilitator.testing.transfer_method import Paid, TransferMethodContract
from facilitator.x402.messages import parse_payment_request
from facilitator_masumi.deployment import Deployments
from facilitator_masumi.method import MasumiTransfer
from support.masumi import lock, offer


class TestMasumi(TransferMethodContract):
    @pytest.fixture
    def method(self) -> TransferMethod:
        return MasumiTransfer(Deployments(), look_up=lambda *_: AssetState({}, None))

    @pytest.fixture
    def paid(self, asked: Running) -> Paid:
        wanted = offer()
        raw = lock(wanted, ttl=asked.slot + 300)
        request = parse_payment_request(request_body(raw, wanted))
        payment = asked.facilitator.schemes.by_name["exact"].read(request, UNKNOWN_ORIGIN)
        return Paid(payment.terms, decode_transaction(raw))
