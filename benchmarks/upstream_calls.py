"""What a payment costs in calls to Blockfrost, Koios or Ogmios, counted by the devnet's own API.

    python benchmarks/upstream_calls.py [--provider koios|ogmios] [--payments 100 1000]
        [--block-seconds 20] [--replicas 1]

Runs the devnet's API and one or several facilitators (the provider's plugin and ``sqlite``, one
database) as processes of their own. So many payers verify and settle at once, each until its
payment has one confirmation; then each pays again out of the change. Calls that follow the chain
(``/blocks…``) cost the same for however many payments, so they are shown for each block as well.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness import Api, on_blockfrost, on_koios, on_ogmios
from processes import process

from facilitator.testing.redis_server import free_port

FOLLOWING = ("GET /blocks", "GET /tip", "POST /block_tx_cbor", "findIntersection", "nextBlock")
"""Beginnings of the endpoints that follow the chain."""
PENDING = "settlement_pending"
ENVIRONMENTS = {"blockfrost": on_blockfrost, "koios": on_koios, "ogmios": on_ogmios}
"""The environment of a facilitator by its provider."""


async def post(url: str, path: str, body: bytes) -> dict[str, Any]:
    """One request on a connection of its own."""
    host, port = url.removeprefix("http://").split("/")[0].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
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
    following = sum(calls for name, calls in counts.items() if name.startswith(FOLLOWING))
    total = sum(counts.values())
    print(
        f"{what:<44} {total:>6} {total / payments:>9.3f} {(total - following) / payments:>12.3f}"
        f" {following:>10} {blocks:>7} {following / max(1, blocks):>10.2f}",
        flush=True,
    )
    for name, calls in sorted(counts.items()):
        print(f"    {name:<40} {calls:>6}", flush=True)
    api.reset()


def run(arguments: argparse.Namespace) -> None:
    """Run everything and print a line for each step."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        seconds = str(arguments.block_seconds)
        devnet = ["devnet", "--listen", "127.0.0.1:0", "--block-seconds", seconds]
        kind, address = arguments.provider, f"127.0.0.1:{free_port()}"
        if kind != "blockfrost":
            devnet += [f"--listen-{kind}", address]
        url = stack.enter_context(process(devnet, {}, folder)).url
        if kind == "koios":
            api = Api(f"http://{address}", is_koios=True)
        else:
            api = Api(url, counted=f"http://{address}" if kind == "ogmios" else None)
        environ = ENVIRONMENTS[kind](api, arguments.block_seconds)
        urls = [
            stack.enter_context(process(["serve"], environ, folder)).url
            for _ in range(arguments.replicas)
        ]
        print(
            f"{'':<44} {'calls':>6} {'a payment':>9} {'of its own':>12} {'following':>10}"
            f" {'blocks':>7} {'a block':>10}"
        )
        for count in arguments.payments:
            payers = [api.fund(f"payer {count} {number}") for number in range(count)]
            for what in ("first-time payers", "payers spending their change"):
                api.reset()
                before = api.height()
                api.reset()
                asyncio.run(settle_all(urls, [payer.body() for payer in payers]))
                show(f"{count} {what}", api, count, before)
        junk = [payer.body(broken=True) for payer in payers]
        before = api.height()
        api.reset()
        asyncio.run(verify_all(urls, junk))
        show(f"{len(junk)} payments with a forged signature", api, len(junk), before)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Calls upstream for each settled payment")
    parser.add_argument("--provider", choices=[*ENVIRONMENTS], default="blockfrost")
    parser.add_argument("--payments", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--block-seconds", type=float, default=20.0)
    parser.add_argument("--replicas", type=int, default=1)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
