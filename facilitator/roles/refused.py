"""The exceptions by which a payment is refused."""

from collections.abc import Mapping
from typing import Any

from facilitator.roles.chain import InBlock
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.x402.reasons import Reason


class Refused(Exception):
    """The payment is not valid: a stable reason and a sentence with the figures behind it."""

    def __init__(
        self,
        reason: Reason | str,
        message: str,
        payer: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Refuse with ``reason``; ``payer`` if it is known by then, ``extra`` for the response."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.payer = payer
        self.extra = extra or {}


class MayBeOnChain(Refused):
    """The payment cannot land now. One that has landed already looks the same."""

    def __init__(
        self,
        reason: Reason | str,
        message: str,
        payer: str | None = None,
        *,
        spent_by_itself: bool = False,
    ) -> None:
        """Refuse; ``spent_by_itself`` if the chain says that it has landed, but not where."""
        super().__init__(reason, message, payer)
        self.spent_by_itself = spent_by_itself


class AlreadyOnChain(Refused):
    """The payment is in the chain already, and no claim shows if its success was delivered."""

    def __init__(self, where: InBlock) -> None:
        """Refuse as a duplicate of the transaction in the block ``where``."""
        super().__init__(
            Reason.DUPLICATE,
            f"this transaction is in block {where.height} already, and there is no record of its"
            " settlement here: whether its success was reported is not known",
        )
        self.where = where


class MayHaveLanded(Refused):
    """No verdict: the payment may be on the chain already, which cannot be asked about it now."""

    def __init__(self, why: str) -> None:
        """Refuse for now."""
        super().__init__(
            Reason.CHAIN_LOOKUP_FAILED, f"the chain could not be asked, try again: {why}"
        )


def lookup_failed(error: ChainUnavailable) -> Refused:
    """Return the refusal of a payment that the chain could not be asked about: retry."""
    return Refused(Reason.CHAIN_LOOKUP_FAILED, f"the chain could not be asked, try again: {error}")
