"""Metadata as a report shows it."""

import json

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.cbor import read_all
from facilitator.cardano.codec.auxiliary import read_auxiliary_data
from facilitator.inspection.metadata import metadata

LABELS = {674: {"msg": ["paid", b"\x01"], 3: -1}, 7: "\x1b[2J"}
SHOWN = [
    {"label": "674", "value": '{"msg": ["paid", "0x01"], "3": -1}'},
    {"label": "7", "value": r'"\u001b[2J"'},
]


@pytest.mark.parametrize(
    "auxiliary", [LABELS, [LABELS, []], cbor2.CBORTag(259, {0: LABELS, 1: []})]
)
def test_each_label_has_its_value(auxiliary: object) -> None:
    assert metadata(cbor2.dumps(auxiliary)) == SHOWN


def test_what_there_is_not_and_what_is_too_deep() -> None:
    assert metadata(None) == []
    assert metadata(cbor2.dumps(cbor2.CBORTag(259, {}))) == []
    deep = b"\xa1\x01" + b"\x81" * 16_000 + b"\x01"
    read_all(deep, read_auxiliary_data, "the metadata")
    assert metadata(deep) is None


def test_keys_in_keys_take_no_more_room_than_they_have() -> None:
    nested = b"\xa1" * 200 + b"\x01" + b"\x01" * 200
    auxiliary = b"\xa1\x01" + nested
    read_all(auxiliary, read_auxiliary_data, "the metadata")
    shown = metadata(auxiliary)
    assert shown is not None
    assert len(shown[0]["value"]) < 3 * len(auxiliary)


METADATA = st.recursive(
    st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=64) | st.text(max_size=16),
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(inner, inner, max_size=3).map(cbor2.FrozenDict)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.integers(0, 2**64 - 1), METADATA, max_size=3))
def test_any_metadata_is_shown(labels: dict[int, object]) -> None:
    shown = metadata(cbor2.dumps(labels))
    assert shown is not None
    assert [row["label"] for row in shown] == [str(label) for label in labels]
    assert all(row["value"].isascii() and json.loads(row["value"]) is not None for row in shown)
