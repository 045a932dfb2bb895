"""Bootstrap witnesses are a set of roots, to the ledger."""

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from support.cbor_forms import AsSet
from support.transactions import SIGNATURE, VKEY, transaction

CHAIN_CODE, ATTRIBUTES, LATER = bytes(32), b"\xa0", b"\x01" * 64


def signatures(*witnesses: list[bytes]) -> list[bytes]:
    tx = decode_transaction(transaction(witnesses={2: AsSet(list(witnesses))}))
    return [witness.signature for witness in tx.witnesses.bootstraps]


def test_of_several_for_a_root_the_last_one_counts() -> None:
    one = [VKEY, SIGNATURE, CHAIN_CODE, ATTRIBUTES]
    same = [VKEY, LATER, CHAIN_CODE, ATTRIBUTES]
    other = [VKEY, LATER, CHAIN_CODE, b"\xa1\x01\x40"]
    assert signatures(one, same) == [LATER]
    assert signatures(same, one) == [SIGNATURE]
    assert signatures(one, other) == [SIGNATURE, LATER]


def test_a_root_is_of_the_bytes_in_a_row() -> None:
    """Below protocol version 12 a chain code may have any length."""
    one = [VKEY, SIGNATURE, bytes(31), b"\0\xa0"]
    same = [VKEY, LATER, CHAIN_CODE, ATTRIBUTES]
    assert signatures(one, same) == [LATER]
