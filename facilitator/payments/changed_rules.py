"""Payments that were good when they were submitted, and that the rules in force refuse now.

The protocol version and the parameters change between two epochs. A settlement that is open then
ends as the chain decides it, whatever the rules would say of a new payment.
"""

from collections.abc import Collection

from facilitator.roles.claim import ClaimState
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import SchemePayment
from facilitator.roles.storage import Storage
from facilitator.x402.reasons import Reason

SUBMITTED = frozenset(ClaimState) - {ClaimState.CLAIMED}
"""The states of a claim whose transaction has been submitted, whatever became of it."""
IN_A_BLOCK = frozenset({ClaimState.INCLUDED, ClaimState.SETTLED})

_REASONS = frozenset(
    {
        Reason.DECODE_FAILED,
        Reason.PHASE1_INVALID,
        Reason.FEE_BELOW_MINIMUM,
        Reason.MIN_UTXO_INSUFFICIENT,
        Reason.PROTOCOL_VERSION_NOT_KNOWN,
    }
)
"""The reasons that the parameters in force decide on, the protocol version among them."""


def was_good_before(
    payment: SchemePayment, refused: Refused, storage: Storage, states: Collection[ClaimState]
) -> bool:
    """Return True if the very same bytes passed the rules before, and are in one of the states.

    The storage is asked only if the parameters in force can be what refuses the payment.
    Raises :class:`~facilitator.roles.storage.StorageUnavailable`.
    """
    if refused.reason not in _REASONS:
        return False
    claim = storage.claim(payment.transaction_id)
    return claim is not None and claim.state in states and claim.transaction == payment.transaction
