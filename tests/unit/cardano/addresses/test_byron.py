"""Byron addresses: what they consist of, and how canonical they have to be."""

import zlib
from hashlib import blake2b, sha3_256
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.addresses.address import (
    AddressKind,
    check_output_address,
    format_address,
    parse_address,
    read_address,
)
from facilitator.cardano.addresses.byron import compute_bootstrap_root, read_byron
from facilitator.cardano.cbor import DecodeError
from support.cbor_forms import PlainForm, RandomForm, Tagged, encode
from support.transactions import BYRON_ROOT, byron_address

BYRON_TEXTS = [
    "Ae2tdPwUPEZFRbyhz3cpfC2CumGzNkFBN2L42rcUc2yjQpEkxDbkPodpMAi",
    "DdzFFzCqrhsrcTVhLygT24QwTnNqQqQ8mZrq5jykUzMveU26sxaH529kMpo7VhPrt5pwW3dXeB2k3EEvKcNBRmzCfcQ7dTkyGzTs658C",
]
"""An Icarus and a Daedalus address of mainnet, as found in many places."""


@pytest.mark.parametrize("text", BYRON_TEXTS)
def test_byron_addresses_as_text(text: str) -> None:
    raw = parse_address(text)
    assert format_address(raw) == text
    address = read_address(raw)
    assert address.kind is AddressKind.BYRON
    assert (address.network_id, address.payment, address.stake) == (1, None, None)
    assert address.byron == read_byron(raw)


def test_the_parts_of_a_byron_address() -> None:
    plain = read_byron(byron_address({}))
    assert plain == (BYRON_ROOT, None, 0, False)
    test = read_address(byron_address({2: encode(1097911063)}, 2))
    assert test.network_id == 0
    assert test.byron == (BYRON_ROOT, 1097911063, 0, True)
    attributes = {1: encode(bytes(30)), 2: encode(1), 9: bytes(20)}
    assert read_byron(byron_address(attributes)).attributes_size == 50


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (byron_address({}, crc=1), "the checksum of a Byron address does not match"),
        (byron_address({}) + b"\0", "is followed by 1 more bytes"),
        (
            byron_address({}, root=BYRON_ROOT[1:]),
            "the root of a Byron address must be 28 bytes, not 27",
        ),
        (byron_address({}, 1), "must be of the type 0 (key) or 2 (redemption)"),
        (byron_address([]), "the attributes of a Byron address must be a map"),
        (byron_address({256: b""}), "must be at most 255"),
        (byron_address({5: b"", 4: b""}), "must be in ascending order"),
        (
            byron_address({1: b"\x00"}),
            "the derivation path of a Byron address must be a byte string",
        ),
        (
            byron_address({1: b"\x58\x01\x00"}),
            "the derivation path of a Byron address must be encoded can",
        ),
        (
            byron_address({2: b"\x18\x01"}),
            "the network magic of a Byron address must be encoded canon",
        ),
        (byron_address({2: encode(2**32)}), "the network magic of a Byron address must be at most"),
        (byron_address({2: encode(1) + b"\0"}), "is followed by 1 more bytes"),
        (encode([Tagged(24, b""), 0]), "the payload of a Byron address is cut short"),
        (encode([b"", 0]), "the payload of a Byron address must be tagged"),
        (encode([Tagged(24, b"")]), "a Byron address must begin with the byte 0x82"),
        (
            b"\x9f" + byron_address({})[1:] + b"\xff",
            "a Byron address must begin with the byte 0x82",
        ),
        (b"\x98\x02" + byron_address({})[1:], "a Byron address must begin with the byte 0x82"),
    ],
)
def test_byron_addresses_that_the_ledger_refuses(raw: bytes, message: str) -> None:
    for read in (check_output_address, read_byron, read_address):
        with pytest.raises(DecodeError) as refusal:
            read(raw)
        assert message in str(refusal.value)


class WideHeads(PlainForm):
    """Every head one size larger than it need be, which Byron's decoders refuse in some places."""

    def width(self, shortest: int, major: int) -> int:  # noqa: ARG002
        return min(8, max(1, 2 * shortest))


@pytest.mark.parametrize(
    "payload",
    [
        encode([BYRON_ROOT, {}, 0], WideHeads()),
        b"\x83" + encode(BYRON_ROOT) + b"\xa0\x18\x00",
        b"\x83" + encode(BYRON_ROOT) + b"\xbf\xff\x00",
        b"\x9f" + encode(BYRON_ROOT) + b"\xa0\x00\xff",
    ],
)
def test_byron_payloads_are_canonical(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        read_byron(encode([Tagged(24, payload), zlib.crc32(payload)]))


@given(st.integers(0, 2**64 - 1))
def test_around_its_payload_a_byron_address_may_have_heads_of_any_width(seed: int) -> None:
    payload = encode([BYRON_ROOT, {}, 0])
    form = RandomForm(Random(seed))
    inner = encode(Tagged(24, payload), form) + encode(zlib.crc32(payload), form)
    assert read_byron(b"\x82" + inner).root == BYRON_ROOT


def test_a_bootstrap_root_is_that_of_the_address() -> None:
    # byron.cddl: of the address' type, its spending data and its attributes
    vkey, chain_code = bytes(range(32)), bytes(range(32, 64))
    spending = encode([0, [0, vkey + chain_code], {2: encode(1)}])
    digest = blake2b(sha3_256(spending).digest(), digest_size=28).digest()
    assert compute_bootstrap_root(vkey, chain_code, encode({2: encode(1)})) == digest
