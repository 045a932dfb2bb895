"""The one way in which a payment is turned down."""

from facilitator.roles.chain import InBlock
from facilitator.x402.reasons import Reason


class Refused(Exception):
    """The payment is not valid: a stable reason and a sentence with the figures behind it."""

    def __init__(self, reason: Reason | str, message: str, payer: str | None = None) -> None:
        """Refuse with ``reason``; ``payer`` when it was known by then."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.payer = payer


class MayBeOnChain(Refused):
    """The payment cannot land now, which is also how one looks that has landed already."""

    def __init__(self, reason: Reason, message: str, *, spent_by_itself: bool = False) -> None:
        """``spent_by_itself``: the chain says that it has, but not where."""
        super().__init__(reason, message)
        self.spent_by_itself = spent_by_itself


class AlreadyOnChain(Refused):
    """The payment is in the chain already, and no claim says whether anybody was told."""

    def __init__(self, where: InBlock) -> None:
        """``where`` it is."""
        super().__init__(
            Reason.DUPLICATE,
            f"this transaction is in block {where.height} already, and there is no record of its"
            " settlement here: whether its success was reported is not known",
        )
        self.where = where
