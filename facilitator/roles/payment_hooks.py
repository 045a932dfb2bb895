"""The value that a gate returns for a payment."""

from dataclasses import dataclass

from facilitator.x402.reasons import Reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """A gate's refusal: the reason on the wire and a sentence for a person."""

    message: str
    """A sentence for a person. It may change."""
    reason: Reason | str
    """A stable text for programs: one of your own, or a :class:`Reason`."""
