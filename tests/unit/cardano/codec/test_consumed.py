"""What a transaction in a block took, in every envelope of either era."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.codec.consumed import read_consumed_refs
from facilitator.cardano.transaction import OutputRef
from support.cbor_forms import AsSet, PlainForm, RandomForm, encode

A, B, C, D = (bytes([number]) * 32 for number in (1, 2, 3, 4))
SUB = [{0: AsSet([[C, 3]])}, {}, None]
OTHER_SUB = [{0: AsSet([[D, 4]])}, {}, None]
BODY = {0: AsSet([[A, 1]]), 13: AsSet([[B, 2]]), 23: AsSet([SUB, OTHER_SUB])}
AUXILIARY: list[Any] = [None, {0: {}}, [{0: 1}, []]]


def taken(parts: Any, form: PlainForm | None = None, succeeded: bool | None = None) -> set[bytes]:
    """The ids of what is taken; None stands for a flag that must not be asked for."""

    def ask() -> bool:
        assert succeeded is not None
        return succeeded

    refs = read_consumed_refs(encode(parts, form), ask)
    assert all(isinstance(ref, OutputRef) for ref in refs)
    return {ref.transaction_id for ref in refs}


@given(seed=st.integers(0, 2**32), auxiliary=st.sampled_from(AUXILIARY), flag=st.booleans())
def test_the_type_of_an_element_shows_where_the_flag_is(
    seed: int, auxiliary: Any, flag: bool
) -> None:
    form = RandomForm(Random(seed))
    expected = {A, C, D} if flag else {B}
    assert taken([BODY, {}, flag, auxiliary], form) == expected
    assert taken([BODY, {}, auxiliary, flag], form) == expected
    assert taken([BODY, {}, auxiliary], form, flag) == expected


def test_without_collateral_no_script_can_have_failed() -> None:
    assert taken([{0: AsSet([[A, 1]])}, {}, None]) == {A}


@pytest.mark.parametrize(
    "parts", [[BODY, {}], [BODY, {}, None, None], [{0: [["text", 0]]}, {}, True, None]]
)
def test_what_is_no_transaction_is_an_error(parts: Any) -> None:
    with pytest.raises(ValueError, match=r"element|reference"):
        taken(parts)
