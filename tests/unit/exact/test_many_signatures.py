"""A payment with many signatures: each must hold, and the costly ones are verified last."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import cbor2
import pytest
from nacl.signing import SigningKey

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules import witnesses
from facilitator.cardano.rules.witnesses import FIRST_SIGNATURES
from facilitator.cardano.signatures import signature_holds
from facilitator.cardano.slots import KNOWN_ERAS, EraSummary
from facilitator.cardano.transaction import OutputRef
from facilitator.exact.built_in import BUILT_IN_METHODS
from facilitator.exact.verification import Verifier
from facilitator.roles.chain import OutputStatus, Spent, Unspent
from facilitator.roles.refused import Refused
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos, request_body, requirements
from facilitator.testing.running import NETWORK, NOW
from facilitator.x402.messages import parse_payment_request
from facilitator.x402.reasons import Reason
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay
from support.tracked import TTL

MANY = 2 * FIRST_SIGNATURES


class Chain:
    """A chain on which the outputs of ALICE are unspent, or spent."""

    def __init__(self, *, unspent: bool = True) -> None:
        self._held = genesis_utxos(ALICE) if unspent else {}

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        return {ref: Unspent(self._held[ref]) if ref in self._held else Spent() for ref in refs}

    def parameters(self) -> ProtocolParameters:
        return PARAMETERS

    def eras(self) -> EraSummary:
        return KNOWN_ERAS[NETWORK]


def signed(broken: int | None = None) -> bytes:
    """A payment of ALICE, signed by many further keys; one of these signatures may not hold."""
    utxos = dict(list(genesis_utxos(ALICE).items())[:1])
    dear = replace(PARAMETERS, min_fee_b=PARAMETERS.min_fee_b + 44 * 110 * MANY)
    raw = pay(ALICE, utxos, MERCHANT.address, 2_000_000, parameters=dear, ttl=TTL)
    transaction = decode_transaction(raw)
    [own] = transaction.witnesses.vkeys
    keys = [SigningKey(bytes([number, *bytes(31)])) for number in range(MANY)]
    further = [[bytes(each.verify_key), each.sign(transaction.id).signature] for each in keys]
    if broken is not None:
        further[broken][1] = bytes(64)
    end = raw.index(cbor2.dumps(own.vkey)) - 1  # the array of key and signature
    start = raw[:end].rindex(b"\xa1\x00")
    return raw[:start] + cbor2.dumps({0: [list(own), *further]}) + raw[-2:]


def judge(raw: bytes, chain: Chain) -> None:
    verifier = Verifier({NETWORK: chain}, BUILT_IN_METHODS, ManualClock(NOW))
    payment = verifier.parse(parse_payment_request(request_body(raw, requirements())))
    verifier.check_static(payment)
    verifier.check_ledger(payment)


def test_many_signatures_that_hold_are_accepted() -> None:
    judge(signed(), Chain())


@pytest.mark.parametrize("place", [0, FIRST_SIGNATURES - 2, FIRST_SIGNATURES - 1, MANY - 1])
def test_each_signature_decides(place: int) -> None:
    with pytest.raises(Refused) as refused:
        judge(signed(broken=place), Chain())
    assert refused.value.reason is Reason.INVALID_SIGNATURE


def test_further_ones_are_not_verified_for_an_output_that_is_spent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verified: list[bytes] = []

    def count(key: bytes, message: bytes, signature: bytes) -> bool:
        verified.append(key)
        return signature_holds(key, message, signature)

    monkeypatch.setattr(witnesses, "signature_holds", count)
    with pytest.raises(Refused) as refused:
        judge(signed(), Chain(unspent=False))
    assert refused.value.reason is Reason.NONCE_NOT_ON_CHAIN
    assert len(verified) == FIRST_SIGNATURES
