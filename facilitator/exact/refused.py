"""The one way in which a payment is turned down."""

from facilitator.x402.reasons import Reason


class Refused(Exception):
    """The payment is not valid: a stable reason and a sentence with the figures behind it."""

    def __init__(self, reason: Reason | str, message: str, payer: str | None = None) -> None:
        """Refuse with ``reason``; ``payer`` when it was known by then."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.payer = payer
