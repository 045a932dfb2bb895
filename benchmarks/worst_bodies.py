"""What the worst payments cost the server: CPU for one ``/verify`` of each kind, over HTTP.

    python benchmarks/worst_bodies.py [--payments 40]

One facilitator process with the devnet and storage in memory. Nobody can make any of these
payments; each is as large as a transaction or a body may be, and signed. Baseline of the same run:
ordinary payments, none seen before. The last column is what to compare between machines.
"""

import argparse
import json
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import cbor2
from harness import AMOUNT, NETWORK, process
from nacl.signing import SigningKey
from verify_cost import cpu_seconds

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import OutputRef
from facilitator_devnet.genesis import PARAMETERS, wallets
from facilitator_devnet.samples import payload, requirements
from facilitator_devnet.wallet import SET_TAG

MERCHANT = wallets(NETWORK)["merchant"]
LARGEST = 16_384
"""The size of a transaction, in bytes, that the ledger allows."""
LARGEST_BODY = 65_536

Parts = Mapping[str, Any]
"""What a kind adds: ``inputs``, ``outputs``, ``fields``, ``keys``, ``witnesses``, ``script``,
``auxiliary``."""


def keys(number: int, salt: int) -> list[SigningKey]:
    """So many keys that no other payment has."""
    return [
        SigningKey(blake2b(b"%d %d" % (salt, i), digest_size=32).digest()) for i in range(number)
    ]


def refs(number: int, salt: int) -> list[list[Any]]:
    """So many outputs that never were."""
    return [[blake2b(b"%d %d" % (salt, i), digest_size=32).digest(), 0] for i in range(number)]


def transaction(parts: Parts, salt: int) -> bytes:
    """The signed transaction with these parts; its fee is right, its inputs never were."""
    outputs = [{0: MERCHANT.address, 1: AMOUNT}, *parts.get("outputs", [])]
    now = KNOWN_ERAS[NETWORK].slot_at(int(time.time() * 1000))
    body: dict[int, Any] = {
        0: cbor2.CBORTag(SET_TAG, parts.get("inputs") or refs(1, salt)),
        1: outputs,
        2: PARAMETERS.min_fee_a * LARGEST + PARAMETERS.min_fee_b,
        3: now + 500 + salt % 50,
        **parts.get("fields", {}),
    }
    auxiliary = parts.get("auxiliary")
    if auxiliary is not None:
        body[7] = blake2b(auxiliary, digest_size=32).digest()
    raw_body = cbor2.dumps(body)
    transaction_id = blake2b(raw_body, digest_size=32).digest()
    signed = transaction_id if parts.get("holds", True) else bytes(32)
    signatures = [
        [bytes(key.verify_key), key.sign(signed).signature]
        for key in keys(parts.get("keys", 1), salt)
    ]
    witnesses = {0: cbor2.CBORTag(SET_TAG, signatures), **parts.get("witnesses", {})}
    raw_witnesses = cbor2.dumps(witnesses)
    if "script" in parts:
        raw_witnesses = b"\xa2" + raw_witnesses[1:] + b"\x01\x81" + parts["script"]
    return b"\x84" + raw_body + raw_witnesses + b"\xf5" + (auxiliary or b"\xf6")


def largest(make: Callable[[int], Parts], salt: int) -> bytes:
    """The largest transaction that the ledger allows of those that ``make`` returns by number."""
    low, high = 1, 20_000
    while low < high:
        middle = (low + high + 1) // 2
        if len(transaction(make(middle), salt)) <= LARGEST:
            low = middle
        else:
            high = middle - 1
    return transaction(make(low), salt)


def many_assets(number: int) -> Parts:
    """One policy with so many names, of 12 bytes, since the ledger allows no more shorter ones."""
    names = {i.to_bytes(12, "big"): 1 for i in range(number)}
    return {"outputs": [{0: MERCHANT.address, 1: [50_000_000, {bytes(28): names}]}]}


def nested(number: int) -> bytes:
    """CBOR of lists in lists, as many as decoders allow, then so many numbers."""
    return b"\x81" * 100 + cbor2.dumps([0] * number)


def kinds(salt: int) -> Iterator[tuple[str, Callable[[int], Parts]]]:
    """Each kind with a function from a number to its parts."""
    datum = {0: MERCHANT.address, 1: 80_000_000}
    yield "signatures that hold", lambda n: {"keys": n}
    yield "signatures that do not hold", lambda n: {"keys": n, "holds": False}
    yield "inputs that never were", lambda n: {"inputs": refs(n, salt)}
    yield "reference inputs", lambda n: {"fields": {18: cbor2.CBORTag(SET_TAG, refs(n, salt))}}
    yield "outputs", lambda n: {"outputs": [{0: MERCHANT.address, 1: 1_000_000}] * n}
    yield "assets", many_assets
    yield (
        "an inline datum",
        lambda n: {"outputs": [datum | {2: [1, cbor2.CBORTag(24, cbor2.dumps([0] * n))]}]},
    )
    yield "metadata", lambda n: {"auxiliary": b"\xa1\x00" + cbor2.dumps([0] * n)}
    yield (
        "native scripts",
        lambda n: {"witnesses": {1: cbor2.CBORTag(SET_TAG, [[1, [[4, 1]] * n]])}},
    )
    yield "a deep native script", lambda n: {"script": b"\x82\x01\x81" * n + b"\x82\x04\x01"}
    yield (
        "redeemers",
        lambda n: {"witnesses": {5: {(0, index): [0, [0, 0]] for index in range(n)}}},
    )
    yield (
        "an input named twice",
        lambda n: {"inputs": [*refs(n, salt), refs(1, salt)[0]]},
    )
    yield "datums", lambda n: {"witnesses": {4: cbor2.CBORTag(SET_TAG, list(range(n)))}}
    yield (
        "withdrawals",
        lambda n: {"fields": {5: {b"\xe0" + ref[0][:28]: 1 for ref in refs(n, salt)}}},
    )
    yield (
        "registrations",
        lambda n: {
            "fields": {
                4: cbor2.CBORTag(
                    SET_TAG, [[7, [0, ref[0][:28]], 2_000_000] for ref in refs(n, salt)]
                )
            }
        },
    )
    yield (
        "required signers",
        lambda n: {"fields": {14: cbor2.CBORTag(SET_TAG, [ref[0][:28] for ref in refs(n, salt)])}},
    )


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


def bodies(number: int) -> Iterator[tuple[str, Sequence[bytes]]]:
    """Each kind's requests, the ordinary ones first."""
    yield "ordinary", [ordinary(salt) for salt in range(1, 10 * number + 1)]
    for index, (name, _) in enumerate(kinds(0)):
        made = []
        for salt in range(1_000 * (index + 1), 1_000 * (index + 1) + number):
            make = dict(kinds(salt))[name]
            made.append(request(largest(make, salt), _nonce(salt)))
        yield name, made
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--payments", type=int, default=40, help="of each kind; ten times as many ordinary ones"
    )
    arguments = parser.parse_args()
    environ = {
        "FACILITATOR_PLUGINS": "devnet,memory",
        "FACILITATOR_SERVER__PORT": "0",
        "FACILITATOR_RATE_LIMIT__ENABLED": "false",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        process(["serve"], environ, Path(folder)) as server,
    ):
        for salt in range(900_000, 900_050):
            verify(server.url, ordinary(salt))  # threads and tables are there now
        usual = 0.0
        print(f"{'payment':30} {'bytes':>6} {'CPU ms':>7} {'ratio':>6}  reason")
        for name, requests in bodies(arguments.payments):
            before = cpu_seconds(server.pid)
            reasons = {verify(server.url, each) for each in requests}
            each_ms = (cpu_seconds(server.pid) - before) / len(requests) * 1000
            usual = usual or each_ms
            size = max(map(len, requests))
            named = ", ".join(sorted(reasons))
            print(f"{name:30} {size:6} {each_ms:7.2f} {each_ms / usual:6.1f}  {named}")


if __name__ == "__main__":
    main()
