"""The error of an input that cannot be inspected."""

from facilitator.errors import FacilitatorError


class Unreadable(FacilitatorError):
    """The input cannot be inspected. The exception's text is one line."""

    def __init__(self, message: str) -> None:
        """Put the message on one line."""
        super().__init__(" ".join(message.split()))
