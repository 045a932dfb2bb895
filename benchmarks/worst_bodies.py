"""What the worst payments cost the server: CPU for one ``/verify`` of each kind, over HTTP.

    python benchmarks/worst_bodies.py [--payments 40]

One facilitator process with the devnet and storage in memory. Nobody can make any of these
payments; each is as large as a transaction or a body may be, and signed. Baseline of the same run:
ordinary payments, none seen before. The last column is what to compare between machines.
"""

import argparse
import json
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from figures import Aim, Figure
from harness import AMOUNT, NETWORK
from processes import cpu_seconds
from servers import Servers
from worst_kinds import MERCHANT, kinds, largest, refs, transaction

from facilitator.cardano.transaction import OutputRef
from facilitator_devnet.samples import payload, requirements

LARGEST_BODY = 65_536
SHOWN, AIM = 4, Aim(15)
QUICK = ("redeemers",)
"""Kinds of a quick run."""


def request(raw: bytes, nonce: OutputRef, **extra: Any) -> bytes:
    """The body of ``/verify``."""
    terms = requirements(NETWORK, MERCHANT.bech32, AMOUNT)
    terms["extra"] = {**terms["extra"], **extra}
    body = {
        "x402Version": 2,
        "paymentPayload": payload(terms, raw, nonce),
        "paymentRequirements": terms,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def ordinary(salt: int) -> bytes:
    """A payment of one input, which never was either."""
    return request(transaction({}, salt), _nonce(salt))


def _nonce(salt: int) -> OutputRef:
    (first,) = refs(1, salt)
    return OutputRef(*first)


def bodies(
    number: int, names: Collection[str] | None = None
) -> Iterator[tuple[str, Sequence[bytes]]]:
    """Each kind's requests, the ordinary ones first; of all kinds, or of those named."""
    yield "ordinary", [ordinary(salt) for salt in range(1, 10 * number + 1)]
    for index, (name, _) in enumerate(kinds(0)):
        if names is not None and name not in names:
            continue
        made = []
        for salt in range(1_000 * (index + 1), 1_000 * (index + 1) + number):
            make = dict(kinds(salt))[name]
            made.append(request(largest(make, salt), _nonce(salt)))
        yield name, made
    if names is None:
        yield from odd_bodies(number)


def odd_bodies(number: int) -> Iterator[tuple[str, Sequence[bytes]]]:
    """Requests whose terms or whose form are the costly part."""
    raw = transaction({}, 0)
    junk = (LARGEST_BODY - 3_000) // 2
    for name, value in (
        ("terms of many numbers", [1] * (junk // 2)),
        ("terms of many names", {f"{i:x}": 0 for i in range(junk // 9)}),
        ("terms of deep lists", json.loads("[" * 200 + "]" * 200)),
        ("terms of one text", "\u00e9" * (junk // 6)),
    ):
        yield name, [request(raw, _nonce(0), junk=value, salt=salt) for salt in range(number)]
    yield "no JSON", [b"[" * LARGEST_BODY] * number


def verify(url: str, body: bytes) -> str:
    """The reason that ``/verify`` names."""
    asked = urllib.request.Request(
        f"{url}/verify", body, {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(asked) as answer:
            return str(json.load(answer).get("invalidReason"))
    except urllib.error.HTTPError as error:
        return f"status {error.code}"


class Kind(NamedTuple):
    """Requests of one kind, and what one of them costs the server."""

    name: str
    size: int
    cpu_ms: float
    reasons: Collection[str]


def run(servers: Servers, number: int, names: Collection[str] | None = None) -> Iterator[Kind]:
    """Yield what each kind costs, the ordinary one first; all of them, or only those named."""
    server, _ = servers.embedded("memory")
    for salt in range(900_000, 900_050):
        verify(server.url, ordinary(salt))  # threads and tables are there now
    for name, requests in bodies(number, names):
        before = cpu_seconds(server.pid)
        reasons = {verify(server.url, each) for each in requests}
        each_ms = (cpu_seconds(server.pid) - before) / len(requests) * 1000
        yield Kind(name, max(map(len, requests)), each_ms, reasons)


def figures(servers: Servers, *, quick: bool) -> Iterator[Figure]:
    """The costliest kinds beside an ordinary payment."""
    usual, *others = run(servers, 1 if quick else 10, QUICK if quick else None)
    for kind in sorted(others, key=lambda kind: -kind.cpu_ms)[:SHOWN]:
        yield Figure(
            f"worst: {kind.name}", kind.cpu_ms, "ms of CPU", "ordinary payment", usual.cpu_ms, AIM
        )


def main() -> None:
    """Read the command line, run, and print every kind."""
    parser = argparse.ArgumentParser(description="What the worst payments cost")
    parser.add_argument(
        "--payments", type=int, default=40, help="of each kind; ten times as many ordinary ones"
    )
    print(f"{'payment':30} {'bytes':>6} {'CPU ms':>7} {'ratio':>6}  reason")
    usual = 0.0
    with Servers() as servers:
        for kind in run(servers, parser.parse_args().payments):
            usual = usual or kind.cpu_ms
            named = ", ".join(sorted(kind.reasons))
            ratio = kind.cpu_ms / usual
            print(f"{kind.name:30} {kind.size:6} {kind.cpu_ms:7.2f} {ratio:6.1f}  {named}")


if __name__ == "__main__":
    main()
