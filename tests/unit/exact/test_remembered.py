"""What was decoded is remembered by its bytes, which are all that it depends on."""

import cbor2

from facilitator.exact.payment import LONGEST_REMEMBERED, read_transaction
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay
from support.tracked import TTL


def signed(amount: int) -> bytes:
    utxos = dict(list(genesis_utxos(ALICE).items())[:1])
    return pay(ALICE, utxos, MERCHANT.address, amount, parameters=PARAMETERS, ttl=TTL)


def test_a_transaction_is_decoded_once() -> None:
    raw = signed(2_000_000)
    decoded = read_transaction(raw)
    assert read_transaction(bytes(bytearray(raw))) is decoded
    assert read_transaction(signed(2_000_001)).id != decoded.id


def test_other_witnesses_make_another_transaction() -> None:
    raw = signed(3_000_000)
    changed = raw.replace(read_transaction(raw).witnesses.vkeys[0].signature, bytes(64))
    assert read_transaction(changed).id == read_transaction(raw).id
    assert read_transaction(changed).witnesses != read_transaction(raw).witnesses


def test_a_long_one_is_not_kept() -> None:
    """Decoded, a transaction takes many times its bytes."""
    raw = signed(4_000_000)[:-1] + cbor2.dumps({1: [bytes(64)] * 20})
    assert len(raw) > LONGEST_REMEMBERED
    assert read_transaction(raw) is not read_transaction(raw)
    assert read_transaction(raw) == read_transaction(raw)
