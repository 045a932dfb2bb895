"""What a payment costs in calls to Blockfrost, counted by the devnet's Blockfrost-compatible API.

    python benchmarks/upstream_calls.py [--payments 100 1000] [--block-seconds 20] [--replicas 1]

Runs the devnet's API and one or several facilitators (plugins ``blockfrost`` and ``sqlite``, one
database) as processes of their own. So many payers verify and settle at once, each until its
payment has one confirmation; then each pays again out of the change. Calls that follow the chain
(``/blocks/…``) cost the same for however many payments, so they are shown for each block as well.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facilitator.cardano.decode import decode_transaction
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator_devnet.genesis import PARAMETERS, wallets
from facilitator_devnet.samples import payload, requirements
from facilitator_devnet.wallet import Wallet, pay

NETWORK = "cardano:preprod"
AMOUNT = 2_000_000
FUNDS = 100_000_000
PENDING = "settlement_pending"
START_SECONDS = 30.0


@dataclass
class Payer:
    """A wallet and the output that it pays from next."""

    wallet: Wallet
    ref: OutputRef
    output: Output

    def body(self, *, broken: bool = False) -> bytes:
        """The body of ``/verify`` and ``/settle``; the change is what it pays from afterwards."""
        terms = requirements(NETWORK, wallets(NETWORK)["merchant"].bech32, AMOUNT)
        now = KNOWN_ERAS[NETWORK].slot_at(int(time.time() * 1000))
        raw = pay(
            self.wallet,
            {self.ref: self.output},
            wallets(NETWORK)["merchant"].address,
            AMOUNT,
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
    """The devnet's API, as the benchmark controls it."""

    def __init__(self, url: str) -> None:
        self.url = url

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
        request = urllib.request.Request(
            f"{self.url}/api/v0/blocks/latest", headers={"project_id": "preprodbenchmark"}
        )
        with urllib.request.urlopen(request) as answer:
            return int(json.load(answer)["height"])

    def counts(self) -> dict[str, int]:
        """Calls by endpoint since the last reset."""
        return dict(self.control("GET", "counters")["by_endpoint"])


@contextmanager
def process(arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Run a command of ``facilitator``; gives its URL once it listens."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("FACILITATOR_")}
    running = subprocess.Popen(
        [sys.executable, "-m", "facilitator", *arguments],
        env={**own, **environ},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert running.stdout is not None
        for line in running.stdout:
            if "http://" in line:
                url = line[line.index("http://") :].split('"')[0].strip()
                break
        else:
            raise SystemExit(f"{arguments[0]} did not start")
        threading.Thread(target=running.stdout.read, daemon=True).start()
        yield url
    finally:
        running.terminate()
        running.wait()


async def post(url: str, path: str, body: bytes) -> dict[str, Any]:
    """One request on a connection of its own."""
    host, port = url.removeprefix("http://").split("/")[0].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST %s HTTP/1.1\r\nHost: benchmark\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (path.encode(), len(body), body)
    )
    answer = await reader.read()
    writer.close()
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"200", answer
    return dict(json.loads(content))


async def settle_all(urls: Sequence[str], bodies: Sequence[bytes]) -> None:
    """Verify and settle each, all at once, on one replica and another, until each succeeds."""

    async def one(number: int, body: bytes) -> None:
        verdict = await post(urls[number % len(urls)], "/verify", body)
        assert verdict["isValid"], verdict
        for attempt in range(100):
            answer = await post(urls[(number + 1 + attempt) % len(urls)], "/settle", body)
            if answer["success"]:
                return
            assert answer["errorReason"] == PENDING, answer
            await asyncio.sleep(1)
        raise AssertionError("a payment never settled")

    await asyncio.gather(*(one(number, body) for number, body in enumerate(bodies)))


async def verify_all(urls: Sequence[str], bodies: Sequence[bytes]) -> None:
    """Verify junk, which must be refused."""
    for body in bodies:
        verdict = await post(urls[0], "/verify", body)
        assert not verdict["isValid"], verdict


def show(what: str, api: Api, payments: int, before: int) -> None:
    """Print what was counted since the last reset, and reset."""
    counts = api.counts()
    blocks = api.height() - before
    following = sum(calls for name, calls in counts.items() if name.startswith("GET /blocks/"))
    total = sum(counts.values())
    print(
        f"{what:<44} {total:>6} {total / payments:>9.3f} {(total - following) / payments:>12.3f}"
        f" {following:>10} {blocks:>7} {following / max(1, blocks):>10.2f}",
        flush=True,
    )
    api.control("POST", "counters/reset")


def run(arguments: argparse.Namespace) -> None:
    """Run everything and print a line for each step."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        seconds = str(arguments.block_seconds)
        devnet = ["devnet", "--listen", "127.0.0.1:0", "--block-seconds", seconds]
        api = Api(stack.enter_context(process(devnet, {}, folder)).removesuffix("/api/v0"))
        environ = {
            "FACILITATOR_PLUGINS": "blockfrost,sqlite",
            "FACILITATOR_SERVER__PORT": "0",
            "FACILITATOR_BLOCKFROST__BASE_URL": f"{api.url}/api/v0",
            "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodbenchmark",
            "FACILITATOR_BLOCKFROST__POLL_SECONDS": seconds,
        }
        urls = [
            stack.enter_context(process(["serve"], environ, folder))
            for _ in range(arguments.replicas)
        ]
        print(
            f"{'':<44} {'calls':>6} {'a payment':>9} {'of its own':>12} {'following':>10}"
            f" {'blocks':>7} {'a block':>10}"
        )
        for count in arguments.payments:
            payers = [api.fund(f"payer {count} {number}") for number in range(count)]
            for what in ("first-time payers", "payers spending their change"):
                api.control("POST", "counters/reset")
                before = api.height()
                api.control("POST", "counters/reset")
                asyncio.run(settle_all(urls, [payer.body() for payer in payers]))
                show(f"{count} {what}", api, count, before)
        junk = [payer.body(broken=True) for payer in payers]
        before = api.height()
        api.control("POST", "counters/reset")
        asyncio.run(verify_all(urls, junk))
        show(f"{len(junk)} payments with a forged signature", api, len(junk), before)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Calls to Blockfrost for each settled payment")
    parser.add_argument("--payments", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--block-seconds", type=float, default=20.0)
    parser.add_argument("--replicas", type=int, default=1)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
