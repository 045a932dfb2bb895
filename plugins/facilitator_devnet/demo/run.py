"""The demo's story: its steps, and the check of its result."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator_devnet.demo.facilitator import DemoFacilitator
from facilitator_devnet.demo.narrator import Narrator, ada, shortened
from facilitator_devnet.demo.paywall import PATH, Paywall
from facilitator_devnet.demo.web import Answer, fetch, pack, unpack
from facilitator_devnet.genesis import wallets
from facilitator_devnet.samples import genesis_output, payload, requirements, sign_payment

NETWORK = "cardano:preprod"
PRICE = 2_000_000
"""The page's price in lovelace."""
VALID_SECONDS = 300


class DemoFailed(Exception):
    """The payment failed; the text says what went wrong."""


def run_demo(narrator: Narrator, *, verbose: bool) -> None:
    """Show one payment from 402 to confirmation, then its reuse being refused.

    Raises :class:`DemoFailed`, :class:`~facilitator.errors.FacilitatorError`.
    """
    with ExitStack() as stack:
        facilitator = DemoFacilitator(verbose=verbose)
        stack.callback(facilitator.close)
        url = facilitator.url()
        narrator.begin(url)
        terms = requirements(NETWORK, wallets(NETWORK)["merchant"].bech32, PRICE)
        paywall = Paywall(url, terms, narrator.resource_server)
        stack.callback(paywall.close)
        _Story(narrator, url, paywall.url).run()


class _Story:
    def __init__(self, narrator: Narrator, facilitator: str, page: str) -> None:
        self._narrator = narrator
        self._facilitator = facilitator
        self._page = page

    def run(self) -> None:
        offer = self._ask()
        signature = self._sign(offer)
        transaction = self._pay(signature)
        self._check_chain(transaction)
        self._reuse(signature)
        self._narrator.end()

    def _ask(self) -> Mapping[str, Any]:
        self._narrator.step("The client asks for a page that costs something")
        self._narrator.sent(f"GET {PATH}")
        answer = fetch(self._page)
        _require(answer.status == 402, f"expected 402, got {answer.status}")
        terms: Mapping[str, Any] = unpack(answer.headers["PAYMENT-REQUIRED"])["accepts"][0]
        confirmations = terms["extra"]["confirmationPolicy"]["l1Confirmations"]
        self._narrator.answered(
            "402 Payment Required",
            {
                "price": f"{ada(int(terms['amount']))} on {terms['network']}",
                "payTo": terms["payTo"],
                "settled after": f"{confirmations} newer block",
            },
        )
        return terms

    def _sign(self, terms: Mapping[str, Any]) -> str:
        self._narrator.step("The client builds and signs a transaction, and keeps it to itself")
        ref = genesis_output(NETWORK, "alice", 0, None)
        raw = sign_payment(terms, "alice", ref, VALID_SECONDS)
        transaction = decode_any_era(raw)
        paid, change = (output.value.lovelace for output in transaction.body.outputs)
        self._narrator.facts(
            {
                "transaction": transaction.id.hex(),
                "size": f"{len(raw)} bytes",
                "spends": str(ref),
                "pays": f"{ada(paid)} to the merchant, {ada(change)} back to the client",
                "fee": ada(transaction.body.fee),
                "valid": f"before slot {transaction.body.invalid_hereafter}, "
                f"that is for {VALID_SECONDS} seconds",
            }
        )
        return pack(payload(terms, raw, ref))

    def _pay(self, signature: str) -> str:
        self._narrator.step("The client asks again, with the payment")
        self._narrator.sent(f"GET {PATH}", {"PAYMENT-SIGNATURE": signature})
        answer = fetch(self._page, headers={"PAYMENT-SIGNATURE": signature})
        _require(answer.status == 200, f"the paid page was refused: {answer.body}")
        settled = unpack(answer.headers["PAYMENT-RESPONSE"])
        self._narrator.step("The client has the page, and the receipt")
        self._narrator.answered(
            "200 OK", {"page": answer.body, "PAYMENT-RESPONSE": _receipt(settled)}
        )
        transaction: str = settled["transaction"]
        return transaction

    def _check_chain(self, transaction: str) -> None:
        self._narrator.step("Anyone may ask how the transaction stands")
        self._narrator.sent(f"GET /status/{shortened(transaction)}")
        status = fetch(f"{self._facilitator}/status/{transaction}").body
        self._narrator.answered("200 OK", status)
        _require(
            status["status"] == "confirmed" and status["settled"],
            f"the transaction is not confirmed on the devnet's chain: {status}",
        )

    def _reuse(self, signature: str) -> None:
        self._narrator.step("The same payment is shown a second time")
        self._narrator.sent(f"GET {PATH}", {"PAYMENT-SIGNATURE": signature})
        answer: Answer = fetch(self._page, headers={"PAYMENT-SIGNATURE": signature})
        reason = answer.body.get("error")
        self._narrator.answered(f"{answer.status} Payment Required", {"error": reason})
        _require(
            answer.status == 402 and reason == "duplicate_settlement",
            f"the second use of the payment was not refused as one: {answer.status} {reason}",
        )


def _receipt(settled: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settled[name] for name in ("success", "transaction")}


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise DemoFailed(otherwise)
