"""Errors of the paying client."""

from facilitator.errors import FacilitatorError


class CannotPay(FacilitatorError):
    """The payment was not signed, or was signed and never presented."""


class OutcomeNotKnown(FacilitatorError):
    """The payment was presented to the server, and its outcome is not known."""
