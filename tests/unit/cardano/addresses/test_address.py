"""Addresses as bytes and as text."""

import contextlib
import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.addresses import base58, bech32
from facilitator.cardano.addresses.address import (
    AddressKind,
    check_output_address,
    format_address,
    parse_address,
    read_address,
    reward_credential,
)
from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.transaction import Credential
from support.transactions import byron_address

KEY = bytes.fromhex("9493315cd92eb5d8c4304e67b7e16ae36d61d34502694657811a2c8e")
SCRIPT = bytes.fromhex("c37b1b5dc0669f1d3c61a6fddb2e8fde96be87b881c60bce8e8d542f")
STAKE = bytes.fromhex("337b62cfff6403a06a3acbc34f8c46003c69fe79a3628cefa9c47251")
POINTER = bytes.fromhex("8198bd431b03")  # slot 2498243, transaction 27, certificate 3

KEY_PART, SCRIPT_PART = Credential(False, KEY), Credential(True, SCRIPT)
KEY_STAKE, SCRIPT_STAKE = Credential(False, STAKE), Credential(True, SCRIPT)

HEADERS = [
    (0, KEY + STAKE, AddressKind.BASE, KEY_PART, KEY_STAKE),
    (1, SCRIPT + STAKE, AddressKind.BASE, SCRIPT_PART, KEY_STAKE),
    (2, KEY + SCRIPT, AddressKind.BASE, KEY_PART, SCRIPT_STAKE),
    (3, SCRIPT + SCRIPT, AddressKind.BASE, SCRIPT_PART, SCRIPT_STAKE),
    (4, KEY + POINTER, AddressKind.POINTER, KEY_PART, None),
    (5, SCRIPT + POINTER, AddressKind.POINTER, SCRIPT_PART, None),
    (6, KEY, AddressKind.ENTERPRISE, KEY_PART, None),
    (7, SCRIPT, AddressKind.ENTERPRISE, SCRIPT_PART, None),
    (14, STAKE, AddressKind.REWARD, None, KEY_STAKE),
    (15, SCRIPT, AddressKind.REWARD, None, SCRIPT_STAKE),
]
"""By the kinds of CIP-19: the header's upper half, what follows, and what it means."""

CIP_19 = {
    0: "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllm"
    "yqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x",
    1: "addr1z8phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gten0d3vllm"
    "yqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs9yc0hh",
    2: "addr1yx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerkr0vd4msr"
    "xnuwnccdxlhdjar77j6lg0wypcc9uar5d2shs2z78ve",
    3: "addr1x8phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gt7r0vd4msr"
    "xnuwnccdxlhdjar77j6lg0wypcc9uar5d2shskhj42g",
    4: "addr1gx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer5pnz75xxcrzqf96k",
    5: "addr128phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gtupnz75xxcrtw79hu",
    6: "addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8",
    7: "addr1w8phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gtcyjy7wx",
    14: "stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw",
    15: "stake178phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gtcccycj5",
}
"""The test vectors of CIP-19 for mainnet, by the kind of address."""


@pytest.mark.parametrize(("kind", "tail", "expected", "payment", "stake"), HEADERS)
@pytest.mark.parametrize("network_id", [0, 1])
def test_every_kind_of_shelley_address(
    kind: int,
    tail: bytes,
    expected: AddressKind,
    payment: Credential | None,
    stake: Credential | None,
    network_id: int,
) -> None:
    raw = bytes([kind << 4 | network_id]) + tail
    assert read_address(raw) == (expected, network_id, payment, stake, None)
    assert parse_address(format_address(raw)) == raw
    if kind != 4 and kind != 5:
        pycardano = importlib.import_module("pycardano")  # takes a second: other tests need it not
        assert format_address(raw) == pycardano.Address.from_primitive(raw).encode()
    if expected is AddressKind.REWARD:
        assert reward_credential(raw) == stake
        with pytest.raises(DecodeError):
            check_output_address(raw)
    else:
        check_output_address(raw)
        with pytest.raises(DecodeError, match="a reward address must be"):
            reward_credential(raw)


@pytest.mark.parametrize(("kind", "text"), CIP_19.items())
def test_the_vectors_of_cip_19(kind: int, text: str) -> None:
    tail = next(tail for number, tail, *_ in HEADERS if number == kind)
    assert parse_address(text) == bytes([kind << 4 | 1]) + tail
    assert format_address(bytes([kind << 4 | 1]) + tail) == text
    assert parse_address(text.upper()) == parse_address(text)


@pytest.mark.parametrize("raw", [b"", *(bytes([n]) for n in range(256))])
def test_an_address_needs_its_parts(raw: bytes) -> None:
    for read in (check_output_address, read_address):
        with pytest.raises(DecodeError):
            read(raw)


@given(st.integers(0, 255), st.binary(max_size=70))
def test_what_is_accepted_in_an_output_can_be_read(header: int, tail: bytes) -> None:
    raw = bytes([header]) + tail
    try:
        check_output_address(raw)
    except DecodeError:
        if header >> 5 != 7:
            with pytest.raises(DecodeError):
                read_address(raw)
    else:
        assert read_address(raw).kind is not AddressKind.REWARD


@pytest.mark.parametrize("header", [0x02, 0x08, 0x0F, 0x62, 0x64, 0x68])
def test_a_network_id_is_0_or_1(header: int) -> None:
    for size in (28, 56):
        with pytest.raises(DecodeError):
            check_output_address(bytes([header]) + bytes(size))


@pytest.mark.parametrize(
    ("pointer", "fits"),
    [
        ("000000", True),
        ("800080008000", True),  # leading zeros
        ("8fffffff7f" + "83ff7f" + "83ff7f", True),  # 2³² - 1, 2¹⁶ - 1, 2¹⁶ - 1
        ("9080808000" + "0000", False),  # 2³²
        ("00" + "84808000"[:6] + "00", False),  # 2¹⁶
        ("00" + "00" + "848000", False),
        ("808080808000" + "0000", False),  # six groups
        ("00" + "80808000" + "00", False),  # four groups
        ("0000", False),
        ("000080", False),
        ("00000000", False),
        ("", False),
    ],
)
def test_pointers(pointer: str, fits: bool) -> None:
    raw = b"\x41" + KEY + bytes.fromhex(pointer)
    if fits:
        check_output_address(raw)
        assert read_address(raw).kind is AddressKind.POINTER
    else:
        with pytest.raises(DecodeError):
            check_output_address(raw)


ENTERPRISE = b"\x61" + KEY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one byte"),
        ("addr", "is a prefix"),
        ("addr1", "is a prefix"),
        (format_address(ENTERPRISE)[:-1] + "q", "checksum"),
        (bech32.encode("addr_test", ENTERPRISE), "the prefix 'addr_test' does not belong"),
        (bech32.encode("stake", ENTERPRISE), "the prefix 'stake' does not belong"),
        (bech32.encode("addr", b"\xe1" + STAKE), "the prefix 'addr' does not belong"),
        (bech32.encode("addr", byron_address({})), "the prefix 'addr' does not belong"),
        (bech32.encode("addr", ENTERPRISE + b"\0"), "cannot have 30 bytes"),
        (base58.encode(ENTERPRISE), "only a Byron address is written in base58"),
        (base58.encode(byron_address({}, crc=1)), "the checksum of a Byron address does not match"),
        ("0OIl", "base58 does not use the character '0'"),
        ("addr1" + "q" * 1020, "at most 1023 characters"),
        (f" {format_address(ENTERPRISE)}", "base58 does not use the character ' '"),
        (f"{format_address(ENTERPRISE)} ", "a character that bech32 does not use"),
        (format_address(ENTERPRISE).upper().replace("K", "\u212a"), "does not use"),
    ],
    ids=lambda value: value[:30],
)
def test_texts_that_are_no_address(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_address(text)


@given(st.text(max_size=120))
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    for spelled in (text, f"addr1{text}", f"addr_test1{text}"):
        with contextlib.suppress(ValueError):
            assert parse_address(format_address(parse_address(spelled)))
