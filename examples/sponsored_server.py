"""A web server that sells a page for a token, and pays the fee for its customers.

    python sponsored_server.py --pay-to addr_test1... --asset POLICY.NAME --seed-file sponsor.seed

Beside ``resource_server.py`` it needs this project's package, and a facilitator whose
``/supported`` has ``acceptsSponsorWitnesses``. The settings of the package name the chain's plugin.
The sponsor's key is in this process: give it a wallet of its own, with no more ada than the next
payments need.
"""

import argparse
import base64
import json
from collections.abc import Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from resource_server import PATH, Paywall, Reply, encode, handler, work

from facilitator.client.seed_wallet import SeedWallet
from facilitator.runtime.sponsor import open_sponsor
from facilitator.seller.sponsor import FeeSponsor, NotSponsored
from facilitator.x402.networks import cardano_network

OFFERED_LOVELACE = 1_500_000  # each payment takes such an output, and gives all but the fee back
POOL_OUTPUTS = 20


class SponsoringPaywall(Paywall):
    """Gives the content of ``work`` to clients that pay in the token, and pays their fee."""

    def __init__(
        self, facilitator: str, requirements: Mapping[str, Any], sponsor: FeeSponsor
    ) -> None:
        super().__init__(facilitator, requirements["network"], requirements["payTo"])
        self.requirements = dict(requirements)
        self.sponsor = sponsor

    def reply(self, url: str, signature: str | None) -> Reply:
        """Verify, sign, work, settle, and only then deliver the content."""
        if signature is None:
            return self.payment_required(url, "PAYMENT-SIGNATURE header is required")
        try:
            payload = json.loads(base64.b64decode(signature, validate=True))
        except ValueError:
            return self.payment_required(url, "invalid_payload")
        requirements = self.sponsor.with_offer(self.requirements, payload)
        payment = {
            "x402Version": 2,
            "paymentPayload": payload,
            "paymentRequirements": requirements,
        }
        verdict = self.ask("/verify", payment)
        if not verdict["isValid"]:
            return self.payment_required(url, verdict["invalidReason"])
        try:
            signed = self.sponsor.sign(requirements, payload)  # None: the client pays the fee
        except NotSponsored as why:
            return self.payment_required(url, why.reason)
        try:
            result = work()
        except BaseException:
            if signed is not None:
                self.sponsor.cancel(signed)
            raise
        if signed is not None:
            payment["paymentPayload"] = self.sponsor.settlement(payload, signed)
        receipt = self.settle(payment)
        if signed is not None:
            self.sponsor.settled(signed, receipt)
        headers = {"PAYMENT-RESPONSE": encode(receipt)}
        if not receipt["success"]:
            return Reply(402, {"error": receipt["errorReason"]}, headers)
        return Reply(200, result, headers)

    def payment_required(self, url: str, why: str) -> Reply:
        """Return 402 with the requirements, and an offer to pay the fee."""
        payment_required = {
            "x402Version": 2,
            "error": why,
            "resource": {"url": url, "mimeType": "application/json"},
            "accepts": [self.sponsor.with_offer(self.requirements)],
        }
        return Reply(402, {"error": why}, {"PAYMENT-REQUIRED": encode(payment_required)})


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="Sell one page for a token, and pay the fee.")
    parser.add_argument("--pay-to", required=True, metavar="ADDRESS", help="address that is paid")
    parser.add_argument("--asset", required=True, metavar="POLICY.NAME", help="token, in hex")
    parser.add_argument("--price", default="1000000", help="units of it (default: %(default)s)")
    parser.add_argument("--seed-file", metavar="FILE", help="seed phrase of the sponsor's wallet")
    parser.add_argument("--wallet", metavar="NAME", help="or a plugin's wallet, as on a devnet")
    parser.add_argument("--pool", default="sponsor.sqlite3", metavar="FILE", help="its state")
    parser.add_argument("--network", default="cardano:preprod", help="(default: %(default)s)")
    parser.add_argument("--facilitator", default="http://127.0.0.1:3000", help="its URL")
    parser.add_argument("--port", type=int, default=4000, help="(default: %(default)s)")
    arguments = parser.parse_args()
    requirements = {
        "scheme": "exact",
        "network": arguments.network,
        "asset": arguments.asset,
        "amount": arguments.price,
        "payTo": arguments.pay_to,
        "maxTimeoutSeconds": 300,
        "extra": {"confirmationPolicy": {"l1Confirmations": 1}},
    }
    wallet = arguments.wallet
    if arguments.seed_file:
        words = " ".join(Path(arguments.seed_file).read_text().split())
        wallet = SeedWallet(words, cardano_network(arguments.network).network_id)
    with open_sponsor(arguments.network, wallet, Path(arguments.pool)) as sponsor:
        sponsor.pool.refresh()
        missing = POOL_OUTPUTS - len(sponsor.pool.store.outputs())
        if missing > 0 and (made := sponsor.pool.refill(missing, OFFERED_LOVELACE)):
            print(f"{made.outputs} outputs to offer come with {made.transaction_id}", flush=True)
        paywall = SponsoringPaywall(arguments.facilitator, requirements, sponsor)
        server = ThreadingHTTPServer(("127.0.0.1", arguments.port), handler(paywall))
        print(f"selling http://127.0.0.1:{server.server_port}{PATH}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            server.server_close()


if __name__ == "__main__":
    main()
