"""The escrow's four deadlines ("Lock invariants"). Times are Unix times in ms."""

from facilitator.cardano.slots import EraSummary
from facilitator.plugin import Refused
from facilitator_masumi.reasons import MasumiReason
from facilitator_masumi.schema import Deadlines

_MINUTE = 60_000
PAY_TO_SUBMIT_MS = 5 * _MINUTE
SUBMIT_TO_UNLOCK_MS = 15 * _MINUTE
UNLOCK_TO_DISPUTE_MS = 15 * _MINUTE
"""The least that must lie between a deadline and the next one."""


def check_intervals(deadlines: Deadlines) -> None:
    """Check the least distance between each deadline and the next. Raises :class:`Refused`."""
    submit, unlock = deadlines.submit_result, deadlines.unlock
    _check_after("submitResultTime", submit, "payByTime", deadlines.pay_by, PAY_TO_SUBMIT_MS)
    _check_after("unlockTime", unlock, "submitResultTime", submit, SUBMIT_TO_UNLOCK_MS)
    dispute = deadlines.external_dispute_unlock
    _check_after("externalDisputeUnlockTime", dispute, "unlockTime", unlock, UNLOCK_TO_DISPUTE_MS)


def _check_after(later: str, after: int, earlier: str, before: int, least: int) -> None:
    if before + least > after:
        raise _refused(
            f"{later} ({after}) must be at least {least // _MINUTE} minutes after "
            f"{earlier} ({before})"
        )


def check_ends_in_time(
    deadlines: Deadlines, invalid_hereafter: int | None, eras: EraSummary
) -> None:
    """Check that the lock cannot land after ``payByTime``. Raises :class:`Refused`.

    ``invalid_hereafter`` is the first slot in which the transaction is no longer valid.
    """
    if invalid_hereafter is None:
        raise _refused("the transaction has no TTL, and must end by payByTime")
    end = eras.start_ms(invalid_hereafter)
    if end > deadlines.pay_by:
        raise _refused(
            f"the transaction is valid until {end}, slot {invalid_hereafter}, which is after "
            f"payByTime ({deadlines.pay_by})"
        )


def check_result_is_due(deadlines: Deadlines, now_ms: int) -> None:
    """Check that the seller can still hand in a result. Raises :class:`Refused`."""
    if now_ms >= deadlines.submit_result:
        raise _refused(
            f"submitResultTime ({deadlines.submit_result}) is over, and the buyer may take the"
            " funds back"
        )


def _refused(message: str) -> Refused:
    return Refused(MasumiReason.DEADLINE, message)
