"""What was decoded is remembered by its bytes; all else of a verdict is found out each time."""

import base64
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import cbor2
import pytest

from facilitator.cardano.codec import decode_once
from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import KNOWN_ERAS, EraSummary
from facilitator.cardano.transaction import OutputRef, Transaction
from facilitator.exact.built_in import BUILT_IN_METHODS
from facilitator.exact.payment import Payment, read_transaction, read_transaction_bytes
from facilitator.exact.verification import Verifier
from facilitator.roles.chain import OutputStatus, Spent, Unspent
from facilitator.roles.payment import Origin
from facilitator.roles.refused import Refused
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos, request_body, requirements
from facilitator.testing.running import NETWORK, NOW
from facilitator.x402.messages import parse_payment_request
from facilitator.x402.reasons import Reason
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay
from support.tracked import TTL, VALID_SECONDS

MAINNET = "cardano:mainnet"
VALID = "valid"


def signed(amount: int) -> bytes:
    utxos = dict(list(genesis_utxos(ALICE).items())[:1])
    return pay(ALICE, utxos, MERCHANT.address, amount, parameters=PARAMETERS, ttl=TTL)


def test_a_transaction_is_decoded_once() -> None:
    raw = signed(2_000_000)
    decoded = read_transaction(raw)
    assert read_transaction(bytes(bytearray(raw))) is decoded
    assert decode_any_era(bytes(bytearray(raw))) is decoded
    assert read_transaction(signed(2_000_001)).id != decoded.id


def test_a_text_is_read_once_and_a_similar_one_is_another() -> None:
    text = base64.b64encode(bytes(range(100))).decode()
    assert read_transaction_bytes("".join(list(text))) is read_transaction_bytes(text)
    for similar in (text[:-3] + "x==", text + "\n", text[:-2]):
        with pytest.raises(Refused) as refused:
            read_transaction_bytes(similar)
        assert refused.value.reason is Reason.DECODE_FAILED


def test_other_witnesses_make_another_transaction() -> None:
    raw = signed(3_000_000)
    changed = raw.replace(read_transaction(raw).witnesses.vkeys[0].signature, bytes(64))
    assert read_transaction(changed).id == read_transaction(raw).id
    assert read_transaction(changed).witnesses != read_transaction(raw).witnesses


def deep_size(value: object, seen: set[int]) -> int:
    """Bytes that the value takes with all that only it holds."""
    if id(value) in seen or value is None or isinstance(value, type):
        return 0
    seen.add(id(value))
    parts: Collection[object] = ()
    if isinstance(value, Mapping):
        parts = [*value.keys(), *value.values()]
    elif isinstance(value, tuple | frozenset):
        parts = value
    elif hasattr(value, "__slots__"):
        parts = [getattr(value, name) for name in value.__slots__]
    return sys.getsizeof(value) + sum(deep_size(each, seen) for each in parts)


@pytest.mark.parametrize(
    "auxiliary",
    [b"\xf6", cbor2.dumps({1: [bytes(64)] * 200}), cbor2.dumps({0: [0] * 15_000})],
    ids=["ordinary", "long metadata", "many numbers"],
)
def test_no_transaction_takes_more_than_is_reckoned(
    auxiliary: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    reckoned: list[int] = []

    def put(_: bytes, value: Transaction, size: int) -> Transaction:
        reckoned.append(size)
        return value

    monkeypatch.setattr(decode_once._decoded, "put", put)
    decoded = read_transaction(signed(4_000_000)[:-1] + auxiliary)
    assert deep_size(decoded, set()) + len(decoded.raw) <= reckoned[0]


@dataclass
class World:
    """All that a verdict depends on beside the transaction's bytes."""

    parameters: ProtocolParameters = PARAMETERS
    network: str = NETWORK
    seconds: float = 0.0
    unspent: bool = True
    amount: int = 2_000_000
    client: str = ""

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        held = genesis_utxos(ALICE)
        return {ref: Unspent(held[ref]) if self.unspent else Spent() for ref in refs}

    def eras(self) -> EraSummary:
        return KNOWN_ERAS[self.network]


class Chain:
    """The chain of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.outputs, self.eras = world.outputs, world.eras

    def parameters(self) -> ProtocolParameters:
        return self._world.parameters


def verdict(raw: bytes, world: World, judge: "Judge") -> tuple[str, str]:
    """The reason, and the client that the payment was judged for."""
    clock = ManualClock(NOW + world.seconds)
    verifier = Verifier({world.network: Chain(world)}, BUILT_IN_METHODS, clock)
    terms = requirements(amount=world.amount) | {"network": world.network}
    request = parse_payment_request(request_body(raw, terms))
    try:
        payment = verifier.parse(request, Origin(world.client))
        judge(verifier, payment)
    except Refused as refused:
        return str(refused.reason), world.client
    return VALID, payment.origin.client


Judge = Callable[[Verifier, Payment], None]


def in_full(verifier: Verifier, payment: Payment) -> None:
    verifier.check_static(payment)
    verifier.check_ledger(payment)


def remembering() -> Judge:
    """A judge with a planted bug: it remembers by the bytes what more than they decide."""
    outcomes: dict[bytes, Refused | None] = {}

    def judge(verifier: Verifier, payment: Payment) -> None:
        raw = payment.transaction.raw
        if raw not in outcomes:
            outcomes[raw] = None
            try:
                in_full(verifier, payment)
            except Refused as refused:
                outcomes[raw] = refused
        if (known := outcomes[raw]) is not None:
            raise known

    return judge


CHANGES = {
    "parameters": (
        World(parameters=replace(PARAMETERS, min_fee_b=PARAMETERS.min_fee_b * 2)),
        Reason.FEE_BELOW_MINIMUM,
    ),
    "network": (World(network=MAINNET), Reason.NETWORK_ID_MISMATCH),
    "clock": (World(seconds=VALID_SECONDS + 1), Reason.TTL_EXPIRED),
    "chain": (World(unspent=False), Reason.NONCE_NOT_ON_CHAIN),
    "terms": (World(amount=2_000_001), Reason.AMOUNT_INSUFFICIENT),
}


def check_that_all_decides(judge: Judge, world: World, reason: Reason) -> None:
    """Judge the same bytes here, in another world, and here again."""
    raw = signed(2_000_000)
    assert verdict(raw, World(), judge)[0] == VALID
    assert verdict(raw, world, judge)[0] == reason
    assert verdict(raw, World(), judge)[0] == VALID


@pytest.mark.parametrize(("world", "reason"), CHANGES.values(), ids=CHANGES)
def test_nothing_but_the_bytes_is_remembered(world: World, reason: Reason) -> None:
    check_that_all_decides(in_full, world, reason)


@pytest.mark.parametrize(("world", "reason"), CHANGES.values(), ids=CHANGES)
def test_a_verdict_that_is_remembered_would_be_found(world: World, reason: Reason) -> None:
    with pytest.raises(AssertionError):
        check_that_all_decides(remembering(), world, reason)


def test_the_caller_is_not_remembered() -> None:
    raw = signed(2_000_000)
    assert verdict(raw, World(client="key:a"), in_full) == (VALID, "key:a")
    assert verdict(raw, World(client="key:b"), in_full) == (VALID, "key:b")


def test_what_was_decoded_is_what_the_bytes_say() -> None:
    raw = signed(2_000_000)
    assert read_transaction(raw) == read_transaction(raw) == decode_transaction(raw)
