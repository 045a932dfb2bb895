"""References to outputs as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.transaction import OutputRef

ID = "0a" * 32
refs = st.builds(OutputRef, st.binary(min_size=32, max_size=32), st.integers(0, 0xFFFF))


@given(refs)
def test_a_reference_is_read_as_it_is_written(ref: OutputRef) -> None:
    assert parse_output_ref(str(ref)) == ref


@given(refs, st.integers(0, 9))
def test_the_lax_form_has_capitals_and_zeros(ref: OutputRef, zeros: int) -> None:
    text = f"{ref.transaction_id.hex().upper()}#{'0' * zeros}{ref.index}"
    assert parse_output_ref(text, is_lax=True) == ref


@pytest.mark.parametrize("is_lax", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "", "#", "#0", ID, f"{ID}#", f"{ID}#65536", f"{ID}#-1", f"{ID}#1_0", f"{ID}#٣", f"{ID}#0\n",
        f" {ID}#0", f"{ID[2:]}#0", f"{ID}00#0", f"{'0a ' * 32}#0", f"{ID}#0#0", None, 0, b"",
    ],
)  # fmt: skip
def test_all_else_is_refused(text: object, is_lax: bool) -> None:
    with pytest.raises(ValueError, match="no reference of an output"):
        parse_output_ref(text, is_lax=is_lax)


@pytest.mark.parametrize("text", [f"{ID.upper()}#0", f"{ID}#00"])
def test_another_spelling_of_the_same_is_refused_unless_lax(text: str) -> None:
    """One output, one text: texts are compared, and are keys of records."""
    assert parse_output_ref(text, is_lax=True) == OutputRef(bytes.fromhex(ID), 0)
    with pytest.raises(ValueError, match="no reference of an output"):
        parse_output_ref(text)
