"""The values that gates and observers get and return for a payment."""

from dataclasses import dataclass

from facilitator.x402.messages import Requirements
from facilitator.x402.reasons import Reason


@dataclass(frozen=True, slots=True)
class PaymentView:
    """A payment that passed the static checks, without its signed bytes."""

    transaction_id: str
    network: str
    requirements: Requirements


@dataclass(frozen=True, slots=True)
class Refusal:
    """A gate's refusal: the reason on the wire and a sentence for a person."""

    message: str
    reason: Reason | str
