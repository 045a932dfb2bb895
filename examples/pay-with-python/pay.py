"""A client that pays, with the official x402 SDK and a wallet of pycardano.

Run it as ``python pay.py address``, ``python pay.py httpx URL`` or ``python pay.py requests URL``.
"""

import asyncio
import base64
import os
import sys
from functools import partial
from typing import Any

import pycardano
from x402 import x402Client, x402ClientSync
from x402.http.clients import x402_requests, x402HttpxClient
from x402.schemas import PaymentRequirements

NETWORK = "cardano:preprod"
LOVELACE = "lovelace"
TUSDM = "e675b46e4d2242c991a8932a99db3044e80515ae14b4c4ccf6b3f4c9.0014df10745553444d"
TRANSFER_METHOD = "default"  # the client's own transaction pays the seller
PATHS = "m/1852'/1815'/0'/0/0", "m/1852'/1815'/0'/2/0"
SPEND_CONTROLS: Any = {
    # Without this the SDK pays in the default asset alone, and refuses every price in ada.
    "allowed_assets": [
        {"network": NETWORK, "asset": LOVELACE, "max_amount_per_payment": "5000000"}
    ],
}


class Wallet:
    """The first address of a seed phrase, on what a Blockfrost knows."""

    def __init__(self, url: str, project_id: str, seed: str) -> None:
        self._chain = pycardano.BlockFrostChainContext(project_id, base_url=url)
        root = pycardano.HDWallet.from_mnemonic(seed)
        payment, stake = (
            pycardano.ExtendedSigningKey.from_hdwallet(root.derive_from_path(path))
            for path in PATHS
        )
        self._key = payment
        self.address = pycardano.Address(
            payment.to_verification_key().hash(),
            stake.to_verification_key().hash(),
            pycardano.Network.TESTNET,
        )

    def sign(self, pay_to: str, asset: str, amount: int, seconds: float) -> pycardano.Transaction:
        """Return a signed transaction that pays, and can land for so many seconds."""
        builder = pycardano.TransactionBuilder(self._chain)
        builder.add_input_address(self.address)
        builder.add_output(self._payment(pycardano.Address.from_primitive(pay_to), asset, amount))
        builder.ttl = self._chain.last_block_slot + int(seconds)
        return builder.build_and_sign([self._key], change_address=self.address)

    def holds(self, asset: str, amount: int) -> bool:
        """Return True if the wallet has so much."""
        utxos = self._chain.utxos(self.address)
        total = sum((utxo.output.amount for utxo in utxos), pycardano.Value())
        return self._payment(self.address, asset, amount).amount <= total

    def _payment(
        self, address: pycardano.Address, asset: str, amount: int
    ) -> pycardano.TransactionOutput:
        if asset == LOVELACE:
            return pycardano.TransactionOutput(address, amount)
        policy, _, name = asset.partition(".")
        assets = {bytes.fromhex(policy): {bytes.fromhex(name): amount}}
        value = pycardano.Value.from_primitive([0, assets])
        output = pycardano.TransactionOutput(address, value)
        output.amount.coin = pycardano.min_lovelace(self._chain, output)
        return output


def open_wallet() -> Wallet:
    """Return the wallet of the seed phrase."""
    missing = [name for name in ("BLOCKFROST_URL", "WALLET_SEED") if name not in os.environ]
    if missing:
        sys.exit(f"set {' and '.join(missing)}: see README.md")
    project_id = os.environ.get("BLOCKFROST_PROJECT_ID", "preprod")
    return Wallet(os.environ["BLOCKFROST_URL"], project_id, os.environ["WALLET_SEED"])


class ExactCardano:
    """The part that the SDK lacks: what a payment on Cardano is."""

    scheme = "exact"

    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet

    def find_default_asset(self, asset: str, network: str) -> dict[str, Any] | None:  # noqa: ARG002
        """Return the dollar token, for which the SDK's own limit holds: 1 dollar a payment."""
        known = {"asset": TUSDM, "decimals": 6, "symbol": "tUSDM"}
        return known if asset == TUSDM else None

    def create_payment_payload(self, requirements: PaymentRequirements) -> dict[str, Any]:
        """Return the signed transaction. The facilitator submits it, not the client."""
        transaction = self._wallet.sign(
            requirements.pay_to,
            requirements.asset,
            int(requirements.amount),
            0.9 * requirements.max_timeout_seconds,  # the seller's clock may be behind
        )
        spent = transaction.transaction_body.inputs[0]
        return {
            "transaction": base64.b64encode(transaction.to_cbor()).decode(),
            "nonce": f"{spent.transaction_id}#{spent.index}",
        }


def can_be_met(wallet: Wallet, _: int, offers: list[Any]) -> list[Any]:
    """Keep the offers that the client's own transaction can meet, and first what the wallet has."""
    methods = [(offer.extra or {}).get("assetTransferMethod", TRANSFER_METHOD) for offer in offers]
    known = [
        offer for offer, method in zip(offers, methods, strict=True) if method == TRANSFER_METHOD
    ]
    # Where it has nothing of any, the wallet says what it lacks.
    return [offer for offer in known if wallet.holds(offer.asset, int(offer.amount))] or known


def prepare(client: Any, wallet: Wallet) -> Any:
    """Return the SDK's client, able to pay on Cardano."""
    client.register(NETWORK, ExactCardano(wallet))
    client.register_policy(partial(can_be_met, wallet))
    return client.set_spend_controls(SPEND_CONTROLS)


async def buy_with_httpx(url: str, wallet: Wallet) -> str:
    """Return the page."""
    async with x402HttpxClient(prepare(x402Client(), wallet), timeout=120) as client:
        return (await client.get(url)).raise_for_status().text


def buy_with_requests(url: str, wallet: Wallet) -> str:
    """Return the page."""
    with x402_requests(prepare(x402ClientSync(), wallet)) as session:
        answer = session.get(url, timeout=120)
        answer.raise_for_status()
        return answer.text


def main(command: str, url: str = "") -> None:
    """Print the wallet's address, or the page that it buys."""
    wallet = open_wallet()
    if command == "address":
        print(wallet.address)
    elif command == "httpx":
        print(asyncio.run(buy_with_httpx(url, wallet)))
    else:
        print(buy_with_requests(url, wallet))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python pay.py address, or python pay.py httpx|requests URL")
    main(*sys.argv[1:])
