"""Why nothing is paid."""

from facilitator.errors import FacilitatorError


class CannotPay(FacilitatorError):
    """Nothing was signed, or what was signed was shown to nobody."""


class OutcomeNotKnown(FacilitatorError):
    """The payment was shown to the server, and what it did with it is not known."""
