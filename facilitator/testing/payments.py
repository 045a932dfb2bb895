"""Payments by the devnet's genesis wallets, as request bodies of ``/verify`` and ``/settle``."""

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from facilitator.cardano.addresses.address import format_address, parse_address
from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.transaction import AssetId, Output, OutputRef
from facilitator.testing.running import NETWORK, Running
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN, genesis_outputs, wallets
from facilitator_devnet.wallet import Wallet, pay

ALICE, BOB, CAROL, MERCHANT = wallets(NETWORK).values()
MAX_TIMEOUT_SECONDS = 600


def genesis_utxos(wallet: Wallet) -> dict[OutputRef, Output]:
    """Return the outputs that the wallet holds at first."""
    return {
        ref: output for ref, output in genesis_outputs(NETWORK) if output.address == wallet.address
    }


def requirements(
    *,
    amount: int = 2_000_000,
    asset: AssetId | None = None,
    pay_to: bytes = MERCHANT.address,
    confirmations: int | None = None,
    extra: Mapping[str, Any] = MappingProxyType({}),
    scheme: str = "exact",
) -> dict[str, Any]:
    """Return requirements as a resource server sets them."""
    policy = (
        {} if confirmations is None else {"confirmationPolicy": {"l1Confirmations": confirmations}}
    )
    return {
        "scheme": scheme,
        "network": NETWORK,
        "amount": str(amount),
        "asset": "lovelace" if asset is None else f"{asset[:28].hex()}.{asset[28:].hex()}",
        "payTo": format_address(pay_to),
        "maxTimeoutSeconds": MAX_TIMEOUT_SECONDS,
        "extra": {**policy, **extra},
    }


def request_body(
    transaction: bytes, terms: Mapping[str, Any], nonce: OutputRef | None = None
) -> dict[str, Any]:
    """Return the body of ``/verify`` and ``/settle``; the nonce is the first input unless given."""
    if nonce is None:
        nonce = decode_any_era(transaction).body.inputs[0]
    return {
        "x402Version": 2,
        "paymentPayload": {
            "x402Version": 2,
            "accepted": dict(terms),
            "payload": {
                "transaction": base64.b64encode(transaction).decode(),
                "nonce": str(nonce),
            },
        },
        "paymentRequirements": dict(terms),
    }


class Payer:
    """Makes payments that don't share an input, in the order of the wallet's outputs."""

    def __init__(self, running: Running, wallet: Wallet = ALICE) -> None:
        """Pay from the wallet's first outputs, by the time of the facilitator."""
        self._running = running
        self._wallet = wallet
        self._utxos = list(genesis_utxos(wallet).items())

    def transaction(self, terms: Mapping[str, Any], *, seconds: int = 300) -> bytes:
        """Return a signed transaction that meets the terms and is valid for so many seconds."""
        token = terms["asset"] != "lovelace"
        index = next(i for i, (_, o) in enumerate(self._utxos) if bool(o.value.assets) == token)
        return self.spend([self._utxos.pop(index)[0]], terms, seconds=seconds)

    def spend(
        self, refs: list[OutputRef], terms: Mapping[str, Any], *, seconds: int = 300
    ) -> bytes:
        """Return a signed transaction over exactly these of the wallet's first outputs."""
        utxos = genesis_utxos(self._wallet)
        return pay(
            self._wallet,
            {ref: utxos[ref] for ref in refs},
            parse_address(terms["payTo"]),
            int(terms["amount"]),
            parameters=PARAMETERS,
            ttl=self._running.slot + seconds,
            asset=TEST_TOKEN if terms["asset"] != "lovelace" else None,
        )

    def body(self, *, seconds: int = 300, **terms: Any) -> dict[str, Any]:
        """Return a new payment as a request body."""
        agreed = requirements(**terms)
        return request_body(self.transaction(agreed, seconds=seconds), agreed)

    def pay(self, **terms: Any) -> dict[str, Any]:
        """Make a payment and have it verified and settled, as a resource server does.

        Return the answer of ``/settle``, after as many blocks as it needs, or the first refusal.
        """
        body = self.body(**terms)
        verdict = self._running.verify(body)
        if not verdict["isValid"]:
            return verdict
        answer = self._running.settle(body, Prefer="wait=0")
        if answer.get("errorReason") == "settlement_pending":
            for _ in range(terms.get("confirmations") or 1):
                self._running.next_block()
            self._running.next_block()
            return self._running.settle_until(body, lambda answer: bool(answer["success"]))
        return answer

    def bad_bodies(self) -> dict[str, dict[str, Any]]:
        """Return payments that are refused, by what is wrong with each."""
        agreed = requirements()
        dear = {**agreed, "amount": "3000000"}
        elsewhere = {**agreed, "payTo": format_address(BOB.address)}
        over = self.body(seconds=-100)
        signed = self.transaction(agreed)
        signature = decode_any_era(signed).witnesses.vkeys[0].signature
        return {
            "too little": request_body(self.transaction(agreed), dear),
            "another recipient": request_body(self.transaction(agreed), elsewhere),
            "expired": over,
            "forged signature": request_body(signed.replace(signature, bytes(64)), agreed),
            "no transaction": request_body(b"\x84", agreed, OutputRef(bytes(32), 0)),
        }

    def rivals(self, *offers: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return a payment for each offer, all over one output: only one can land."""
        ref, _ = self._utxos.pop(0)
        return [
            request_body(self.spend([ref], offer, seconds=300 - number), offer)
            for number, offer in enumerate(offers)
        ]


def identified(body: Mapping[str, Any], identifier: str) -> dict[str, Any]:
    """Return the request with a payment identifier, which its payer chose."""
    extension = {"info": {"required": False, "id": identifier}}
    payload = {**body["paymentPayload"], "extensions": {"payment-identifier": extension}}
    return {**body, "paymentPayload": payload}


def transaction_id(body: Mapping[str, Any]) -> str:
    """Return the canonical id of the payment in a request body."""
    raw = base64.b64decode(body["paymentPayload"]["payload"]["transaction"])
    return decode_any_era(raw).id.hex()
