"""Datum, redeemers, IOU and reserve: the draft's vectors, and any value in any encoding."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from facilitator.cardano.cbor import DecodeError, read_all
from facilitator.cardano.codec.scripts import read_plutus_data
from facilitator.cardano.phase2.data import Constr, Data, Map, decode_data, encode_data
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator_channels.datum import (
    SPONSORED,
    SUBBIT,
    Closed,
    Constants,
    Datum,
    DatumCodec,
    Opened,
    Settled,
    Sponsor,
)
from facilitator_channels.iou import derive_tag, iou_holds, iou_message
from facilitator_channels.redeemers import (
    Add,
    ChannelRedeemer,
    Close,
    Defer,
    Elapse,
    End,
    Main,
    Mutual,
    Settle,
    Sub,
    decode_redeemer,
    encode_redeemer,
)
from facilitator_channels.reserve import compute_capacity, compute_reserve, held
from facilitator_channels.validator import SCRIPT_HASH
from facilitator_channels.validators import KNOWN

PROPERTY = settings(max_examples=60)

# --- The draft's vectors --------------------------------------------------------------------------

NAMED = "62ce4309e37e09e5c633c96c6ae68061c434f122d32626d6912d7c2a"
TAG = b"\x11" * 32
IOU_KEY = bytes.fromhex("ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c")
CONSUMER = bytes.fromhex("0d6a577e9441ad8ed9663931906e4d43ece8f82c712b1d0235affb06")
PROVIDER = bytes.fromhex("008b47844d92812fc30d1f0ac9b6fbf38778ccba9db8312ad9079079")
CONSTANTS = Constants(TAG, None, IOU_KEY, CONSUMER, PROVIDER, 900_000)
DATUM = Datum(bytes.fromhex(NAMED), CONSTANTS, Opened(0))
DATUM_CBOR = bytes.fromhex(
    f"9f581c{NAMED}9f5820{TAG.hex()}d879805820{IOU_KEY.hex()}581c{CONSUMER.hex()}"
    f"581c{PROVIDER.hex()}1a000dbba0ffd8799f00ffff"
)
SIGNATURE = bytes.fromhex(
    "d09aac1f109a70db6328acec3e83d01f9d894d6bab248b03e8689ac381852658"
    "2426262cbd8c14ec2d763696910748159405ff38ee3d049c1a3954ddfa073a08"
)
OWED = 203_000
TOKEN = bytes(28) + bytes.fromhex("0014df10") + b"tUSDM"
ENTERPRISE = bytes([0x70]) + bytes.fromhex(NAMED)


def test_the_datum_of_the_draft() -> None:
    assert SUBBIT.encode(DATUM) == DATUM_CBOR
    assert SUBBIT.decode(DATUM_CBOR) == DATUM


@pytest.mark.parametrize(
    ("redeemer", "expected"),
    [
        (Defer(), "d87980"),
        (Mutual(), "d87b80"),
        (Main((Add(),)), "d87a9f9fd8799fd87980ffffff"),
        (Main((Close(),)), "d87a9f9fd8799fd87b80ffffff"),
        (Main((End(),)), "d87a9f9fd87a9fd87980ffffff"),
        (Main((Elapse(),)), "d87a9f9fd87a9fd87a80ffffff"),
        (
            Main((Sub(OWED, SIGNATURE),)),
            f"d87a9f9fd8799fd87a9f1a000318f85840{SIGNATURE.hex()}ffffffff",
        ),
        (
            Main((Settle(OWED, SIGNATURE),)),
            f"d87a9f9fd8799fd87c9f1a000318f85840{SIGNATURE.hex()}ffffffff",
        ),
    ],
    ids=str,
)
def test_the_redeemers_of_the_draft(redeemer: ChannelRedeemer, expected: str) -> None:
    assert encode_redeemer(redeemer).hex() == expected
    assert decode_redeemer(bytes.fromhex(expected)) == redeemer


def test_the_iou_of_the_draft() -> None:
    assert iou_message(TAG, OWED).hex() == f"9f5820{TAG.hex()}1a000318f8ff"
    assert iou_holds(IOU_KEY, TAG, OWED, SIGNATURE)
    assert not iou_holds(IOU_KEY, TAG, OWED + 1, SIGNATURE)
    assert not iou_holds(IOU_KEY, b"\x12" * 32, OWED, SIGNATURE)
    assert not iou_holds(bytes(SigningKey(b"\x08" * 32).verify_key), TAG, OWED, SIGNATURE)


@pytest.mark.parametrize(("tag", "amount"), [(TAG, -1), (TAG, 2**64), (TAG + b"\0", 1), (b"", 1)])
def test_what_no_iou_can_say(tag: bytes, amount: int) -> None:
    with pytest.raises(ValueError, match="an IOU has a tag of 32 bytes"):
        iou_message(tag, amount)


def test_the_greatest_iou() -> None:
    signature = SigningKey(b"\x07" * 32).sign(iou_message(TAG, 2**64 - 1)).signature
    assert iou_holds(IOU_KEY, TAG, 2**64 - 1, signature)


def test_a_signature_of_a_key_of_small_order_is_none() -> None:
    """Some libraries verify it for any message; the ledger does not."""
    neutral = b"\x01" + bytes(31)
    assert not iou_holds(neutral, TAG, 1, neutral + bytes(32))


def test_the_tag_of_the_draft() -> None:
    expected = "ea8ddff546135cfe154fbc6dd7374ede7fa7f8f989a059a9a7f99ec627a31e1b"
    assert derive_tag(OutputRef(b"\x22" * 32, 0)).hex() == expected


@pytest.mark.parametrize(
    ("currency", "expected"), [(None, 1_732_620), (TOKEN, 2_133_450)], ids=["ada", "token"]
)
def test_the_reserve_of_the_draft(currency: bytes | None, expected: int) -> None:
    constants = CONSTANTS._replace(currency=currency)
    reserve = compute_reserve(ENTERPRISE, DATUM.own_hash, constants, SUBBIT, 4310)
    assert reserve == expected


def test_the_reserve_grows_with_the_address_and_the_asset_name() -> None:
    def reserve(address: bytes, name: bytes) -> int:
        constants = CONSTANTS._replace(currency=bytes(28) + name)
        return compute_reserve(address, DATUM.own_hash, constants, SUBBIT, 1)

    staked = bytes([0x30]) + ENTERPRISE[1:] + bytes(28)
    assert reserve(staked, b"") == reserve(ENTERPRISE, b"") + 28
    assert reserve(ENTERPRISE, bytes(23)) == reserve(ENTERPRISE, b"") + 2 * 23


def test_the_known_validators() -> None:
    assert [(script.hex()[:8], codec) for script, codec in KNOWN.items()] == [
        ("62ce4309", SUBBIT),
        ("6d877463", SUBBIT),
        ("20b64ee2", SPONSORED),
        (SCRIPT_HASH.hex()[:8], SUBBIT),
    ]
    page = Path(__file__).parents[3] / "docs/reference/batch-settlement.md"
    if page.exists():  # not where the tests run without a checkout
        assert all(script.hex() in page.read_text() for script in KNOWN)


# --- Capacity -------------------------------------------------------------------------------------


def output(lovelace: int, assets: dict[bytes, int] | None = None) -> Output:
    return Output(ENTERPRISE, Value(lovelace, assets or {}), 0)


@pytest.mark.parametrize(
    ("lovelace", "subbed", "expected"),
    [(1_732_620, 0, 0), (1_732_621, 0, 1), (1_732_619, 7, 7), (2_732_620, 5, 1_000_005)],
)
def test_the_capacity_of_ada(lovelace: int, subbed: int, expected: int) -> None:
    datum = DATUM._replace(stage=Opened(subbed))
    assert compute_capacity(output(lovelace), datum, 1_732_620) == expected


def test_the_capacity_of_a_token_leaves_the_ada_out() -> None:
    datum = DATUM._replace(constants=CONSTANTS._replace(currency=TOKEN), stage=Closed(3, 1))
    found = output(5_000_000, {TOKEN: 40, TOKEN + b"!": 9})
    assert held(found, datum.constants) == 40
    assert compute_capacity(found, datum, 2_133_450) == 43


# --- Any value, in any encoding -------------------------------------------------------------------

sizes = {size: st.binary(min_size=size, max_size=size) for size in (28, 32, 64)}
wholes = st.integers(0, 2**70)
stages = st.builds(Opened, wholes) | st.builds(Closed, wholes, wholes) | st.just(Settled())
currencies = st.none() | st.builds(bytes.__add__, sizes[28], st.binary(max_size=32))
sponsors = st.none() | st.builds(
    Sponsor, st.binary(max_size=80).map(lambda raw: encode_data(Constr(0, (raw, 5)))), wholes
)
constants = st.builds(
    Constants, sizes[32], currencies, sizes[32], sizes[28], sizes[28], wholes, st.none()
)
datums = st.builds(Datum, sizes[28], constants, stages)
steps = st.one_of(
    *[st.just(step()) for step in (Add, Close, End, Elapse)],
    st.builds(Sub, wholes, sizes[64]),
    st.builds(Settle, wholes, sizes[64]),
)
redeemers = (
    st.just(Defer()) | st.just(Mutual()) | st.builds(Main, st.lists(steps, max_size=4).map(tuple))
)


@PROPERTY
@given(datums, sponsors)
def test_a_datum_is_read_as_it_was_written(datum: Datum, sponsor: Sponsor | None) -> None:
    assert SUBBIT.decode(SUBBIT.encode(datum)) == datum
    sponsored = datum._replace(constants=datum.constants._replace(sponsor=sponsor))
    assert SPONSORED.decode(SPONSORED.encode(sponsored)) == sponsored
    for codec, written in ((SUBBIT, SPONSORED), (SPONSORED, SUBBIT)):
        with pytest.raises(DecodeError, match="the list of constants"):
            codec.decode(written.encode(datum))


@PROPERTY
@given(redeemers)
def test_a_redeemer_is_read_as_it_was_written(redeemer: ChannelRedeemer) -> None:
    assert decode_redeemer(encode_redeemer(redeemer)) == redeemer


def other_encoding(data: Data) -> bytes:
    """The same data in definite lists, chunked bytes, general constructors and bignums."""
    match data:
        case Constr(tag, fields):
            return cbor2.dumps(cbor2.CBORTag(102, _Raw([tag, _Raw(fields)])), default=_write)
        case _:
            return cbor2.dumps(_Raw(data), default=_write)


class _Raw:
    def __init__(self, value: Any) -> None:
        self.value = value


def _write(encoder: Any, raw: Any) -> None:
    match raw.value:
        case Constr():
            encoder.write(other_encoding(raw.value))
        case bytes() as found:
            chunks = [found[at : at + 20] for at in range(0, len(found), 20)]
            encoder.write(b"\x5f" + b"".join(map(cbor2.dumps, chunks)) + b"\xff")
        case int() as number:
            encoder.write(b"\xc2" + cbor2.dumps(number.to_bytes(9, "big")))
        case tuple() | list() as items:
            encoder.write(bytes([0x80 + len(items)]))
            for item in items:
                encoder.encode(item if isinstance(item, _Raw | int) else _Raw(item))


@PROPERTY
@given(datums, redeemers)
def test_another_encoding_is_the_same_value(datum: Datum, redeemer: ChannelRedeemer) -> None:
    assert SUBBIT.decode(rewritten(SUBBIT.encode(datum))) == datum
    assert decode_redeemer(rewritten(encode_redeemer(redeemer))) == redeemer


def rewritten(raw: bytes) -> bytes:
    other = other_encoding(decode_data(raw))
    assert other != raw
    assert read_all(other, read_plutus_data, "it") == other
    return other


# --- What the validator cannot read ---------------------------------------------------------------


def fields_of(datum: Datum) -> list[Any]:
    own, items, stage = decode_data(SUBBIT.encode(datum))  # type: ignore[misc]
    return [own, list(items), stage]  # type: ignore[arg-type]


def written(parts: list[Any]) -> bytes:
    return encode_data(tuple([tuple(each) if type(each) is list else each for each in parts]))


UNREADABLE_CONSTANTS = {
    "a short tag": (0, bytes(31)),
    "a long tag": (0, bytes(33)),
    "a number for a tag": (0, 5),
    "ada with a field": (1, Constr(0, (1,))),
    "an asset without a name": (1, Constr(1, (bytes(28),))),
    "an asset of a short policy": (1, Constr(1, (bytes(27), b""))),
    "an asset of a long name": (1, Constr(1, (bytes(28), bytes(33)))),
    "an asset of a number": (1, Constr(1, (bytes(28), 1))),
    "an asset in a list": (1, (1, (bytes(28), b""))),
    "a third currency": (1, Constr(2)),
    "a short IOU key": (2, bytes(31)),
    "a short consumer": (3, bytes(27)),
    "a long consumer": (3, bytes(29)),
    "a short provider": (4, bytes(27)),
    "a negative period": (5, -1),
    "a period of bytes": (5, b"\x01"),
}


@pytest.mark.parametrize(("at", "value"), UNREADABLE_CONSTANTS.values(), ids=UNREADABLE_CONSTANTS)
def test_constants_that_the_validator_cannot_read(at: int, value: Data) -> None:
    parts = fields_of(DATUM)
    parts[1][at] = value
    with pytest.raises(DecodeError):
        SUBBIT.decode(written(parts))


UNREADABLE = {
    "four items": [*fields_of(DATUM), 1],
    "two items": fields_of(DATUM)[:2],
    "a short own hash": [bytes(27), *fields_of(DATUM)[1:]],
    "five constants": [bytes(28), fields_of(DATUM)[1][:5], Constr(0, (0,))],
    "a constructor of constants": [bytes(28), Constr(0, tuple(fields_of(DATUM)[1])), Constr(0)],
    "opened without an amount": [*fields_of(DATUM)[:2], Constr(0)],
    "opened with a further field": [*fields_of(DATUM)[:2], Constr(0, (0, 0))],
    "opened at a negative amount": [*fields_of(DATUM)[:2], Constr(0, (-1,))],
    "closed without a time": [*fields_of(DATUM)[:2], Constr(1, (0,))],
    "settled with a field": [*fields_of(DATUM)[:2], Constr(2, (0,))],
    "a fourth stage": [*fields_of(DATUM)[:2], Constr(3)],
    "a list for a stage": [*fields_of(DATUM)[:2], (0, (0,))],
    "a map for a stage": [*fields_of(DATUM)[:2], Map()],
}


@pytest.mark.parametrize("parts", UNREADABLE.values(), ids=UNREADABLE)
def test_datums_that_the_validator_cannot_read(parts: list[Any]) -> None:
    with pytest.raises(DecodeError):
        SUBBIT.decode(written(parts))


def test_other_data_is_no_datum() -> None:
    for data in (Constr(0, tuple(map(tuple, []))), Map(), 5, b"", (), Constr(0, (1, 2, 3))):
        with pytest.raises(DecodeError, match="the datum must be a list of 3 items"):
            SUBBIT.decode(encode_data(data))


@pytest.mark.parametrize("decode", [SUBBIT.decode, decode_redeemer])
def test_deep_data_is_refused(decode: Any) -> None:
    with pytest.raises(DecodeError, match="nested too deeply"):
        decode(b"\x9f" * 8000 + b"\xff" * 8000)


UNREADABLE_REDEEMERS = {
    "a fourth": Constr(3),
    "defer with a field": Constr(0, (1,)),
    "main without steps": Constr(1),
    "main of a constructor": Constr(1, (Constr(0, ()),)),
    "a number for a step": Constr(1, ((7,),)),
    "a step without a step": Constr(1, ((Constr(0),),)),
    "a fifth step": Constr(1, ((Constr(0, (Constr(4),)),),)),
    "a third ending": Constr(1, ((Constr(1, (Constr(2),)),),)),
    "add with a field": Constr(1, ((Constr(0, (Constr(0, (1,)),)),),)),
    "sub without a signature": Constr(1, ((Constr(0, (Constr(1, (5,)),)),),)),
    "sub with a short one": Constr(1, ((Constr(0, (Constr(1, (5, bytes(63))),)),),)),
    "sub of a negative amount": Constr(1, ((Constr(0, (Constr(1, (-5, bytes(64))),)),),)),
    "a list": (),
}


@pytest.mark.parametrize("data", UNREADABLE_REDEEMERS.values(), ids=UNREADABLE_REDEEMERS)
def test_redeemers_that_the_validator_cannot_read(data: Data) -> None:
    with pytest.raises(DecodeError):
        decode_redeemer(encode_data(data))


@PROPERTY
@given(st.binary(max_size=60), st.integers(0, 250), st.integers(0, 255))
def test_any_bytes_are_read_or_refused(raw: bytes, at: int, byte: int) -> None:
    mutated = bytearray(DATUM_CBOR)
    mutated[at % len(mutated)] = byte
    for each in (raw, bytes(mutated)):
        for decode in (SUBBIT.decode, SPONSORED.decode, decode_redeemer):
            try:
                decode(each)
            except DecodeError:
                continue


def test_a_sponsor_without_a_floor_is_refused() -> None:
    codec: DatumCodec = SPONSORED
    for sponsor in (Constr(0, (5,)), Constr(0, ((b"", -1),)), Constr(2), Constr(0), 5):
        parts = fields_of(DATUM)
        parts[1].append(sponsor)
        with pytest.raises(DecodeError):
            codec.decode(written(parts))


def test_steps_that_say_the_same_are_not_equal() -> None:
    assert len({Add(), Close(), End(), Elapse(), Sub(1, b""), Settle(1, b"")}) == 6
    assert len({Defer(), Mutual(), Main(())}) == 3
    assert replace(Opened(0), subbed=1) != Opened(0)
