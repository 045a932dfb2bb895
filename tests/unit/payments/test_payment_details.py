"""The details of a payment as its claim keeps them."""

import pytest

from facilitator.plugin import PaymentDetails


@pytest.mark.parametrize("details", [b"", b"0", b"[]", b"{", b"\xff", b"null", b"{}"])
def test_details_of_no_known_form_are_empty(details: bytes) -> None:
    assert PaymentDetails.decode(details) == PaymentDetails()
