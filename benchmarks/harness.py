"""What the benchmarks share: the devnet's API, payers, and settings of a facilitator on it."""

import json
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator_devnet.genesis import PARAMETERS, wallets
from facilitator_devnet.samples import payload, requirements
from facilitator_devnet.wallet import Wallet, pay

NETWORK = "cardano:preprod"
AMOUNT = 2_000_000
FUNDS = 100_000_000


@dataclass
class Payer:
    """A wallet and the output that it pays from next."""

    wallet: Wallet
    ref: OutputRef
    output: Output

    def body(self, *, amount: int = AMOUNT, broken: bool = False) -> bytes:
        """The body of ``/verify`` and ``/settle``; the change is what it pays from afterwards."""
        terms = requirements(NETWORK, wallets(NETWORK)["merchant"].bech32, amount)
        now = KNOWN_ERAS[NETWORK].slot_at(int(time.time() * 1000))
        raw = pay(
            self.wallet,
            {self.ref: self.output},
            wallets(NETWORK)["merchant"].address,
            amount,
            parameters=PARAMETERS,
            ttl=now + 500,
        )
        if broken:
            signature = decode_transaction(raw).witnesses.vkeys[0].signature
            raw = raw.replace(signature, bytes(64))
        body = {
            "x402Version": 2,
            "paymentPayload": payload(terms, raw, self.ref),
            "paymentRequirements": terms,
        }
        transaction = decode_transaction(raw)
        if not broken:
            self.ref = OutputRef(transaction.id, 1)
            self.output = transaction.body.outputs[1]
        return json.dumps(body).encode()


class Api:
    """The devnet's API, as a benchmark controls it."""

    def __init__(self, url: str, *, is_koios: bool = False, counted: str | None = None) -> None:
        """Take the base URL, with or without ``/api/v0``, of Blockfrost's API or of Koios'.

        ``counted`` is that of the devnet's Ogmios, whose requests are then counted instead.
        """
        self.url = url.removesuffix("/api/v0")
        self.is_koios = is_koios
        self.counted = counted or self.url
        self._before: dict[str, int] = {}

    def control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """A call that is not counted."""
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(f"{self.url}/devnet/{path}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def fund(self, name: str) -> Payer:
        """A payer with an output of its own."""
        wallet = Wallet(name)
        made = self.control("POST", "faucet", {"address": wallet.bech32, "lovelace": FUNDS})
        ref = OutputRef(bytes.fromhex(made["tx_hash"]), made["output_index"])
        return Payer(wallet, ref, Output(wallet.address, Value(FUNDS, {}), 0))

    def height(self) -> int:
        """Height of the newest block. It is counted."""
        if self.is_koios:
            with urllib.request.urlopen(f"{self.url}/api/v1/tip") as answer:
                return int(json.load(answer)[0]["block_height"])
        request = urllib.request.Request(
            f"{self.url}/api/v0/blocks/latest", headers={"project_id": "preprodbenchmark"}
        )
        with urllib.request.urlopen(request) as answer:
            return int(json.load(answer)["height"])

    def counts(self) -> dict[str, int]:
        """Calls by endpoint since the last reset."""
        before = self._before
        return {
            name: count - before.get(name, 0)
            for name, count in self._all_counts().items()
            if count > before.get(name, 0)
        }

    def reset(self) -> None:
        """Count from zero again."""
        self._before = self._all_counts()

    def _all_counts(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.counted}/devnet/counters") as answer:
            return dict(json.load(answer)["by_endpoint"])


def on_blockfrost(api: Api, poll_seconds: float = 20.0) -> dict[str, str]:
    """Environment of a facilitator that has the devnet's API for its Blockfrost."""
    return {
        "FACILITATOR_PLUGINS": "blockfrost,sqlite",
        "FACILITATOR_SERVER__PORT": "0",
        "FACILITATOR_BLOCKFROST__BASE_URL": f"{api.url}/api/v0",
        "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodbenchmark",
        "FACILITATOR_BLOCKFROST__POLL_SECONDS": str(poll_seconds),
    }


def on_koios(api: Api, poll_seconds: float = 20.0) -> dict[str, str]:
    """Environment of a facilitator that has the devnet's API for its Koios, of the public tier."""
    return {
        "FACILITATOR_PLUGINS": "koios,sqlite",
        "FACILITATOR_SERVER__PORT": "0",
        "FACILITATOR_KOIOS__BASE_URL": f"{api.url}/api/v1",
        "FACILITATOR_KOIOS__POLL_SECONDS": str(poll_seconds),
    }


def on_ogmios(api: Api, poll_seconds: float = 20.0) -> dict[str, str]:  # noqa: ARG001 -- none polls
    """Environment of a facilitator that has the devnet for a node behind Ogmios."""
    return {
        "FACILITATOR_PLUGINS": "ogmios,sqlite",
        "FACILITATOR_SERVER__PORT": "0",
        "FACILITATOR_OGMIOS__URL": f"ws{api.counted.removeprefix('http')}",
    }
