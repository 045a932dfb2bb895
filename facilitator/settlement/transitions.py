"""How a claim may change: pure steps, and the compare-and-set that writes one.

A step takes the claim as stored and returns what to write, or ``None`` when it does not apply to
the state it finds. Times are Unix seconds.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from facilitator.roles.chain import InBlock
from facilitator.roles.claim import NOT_KNOWN, Claim, ClaimState
from facilitator.roles.storage import Storage

Step: TypeAlias = Callable[[Claim], Claim | None]


class Advance(NamedTuple):
    """What became of a claim that was to be changed."""

    claim: Claim | None
    """As it is stored now; ``None`` when it is gone, or only stored as it was before."""
    by_us: bool
    """Whether the step applied and was written."""


def advance(storage: Storage, claim: Claim, step: Step) -> Advance:
    """Apply the step to the stored claim.

    When somebody else changed the claim meanwhile, the step is asked again with theirs.
    Raises :class:`~facilitator.roles.storage.StorageUnavailable`.
    """
    current: Claim | None = claim
    while current is not None:
        changed = step(current)
        if changed is None:
            return Advance(current, by_us=False)
        if storage.change_claim(changed):
            return Advance(changed, by_us=True)
        current = storage.claim(claim.transaction_id)
        if current is not None and current.version < claim.version:
            break  # the records went back: what was since is not in them
    return Advance(None, by_us=False)


def take_over(ours: Claim, now: float) -> Step:
    """Put our own claim in the place of a ``claimed`` one whose owner's lease is over.

    All of it: the other may be on the same body under other requirements or with other witnesses.
    """

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.CLAIMED or claim.lease_until > now:
            return None
        return ours.instead_of(claim)

    return step


def submit(owner: str, payer: str, now: float) -> Step:
    """Announce that the transaction is about to be sent, if the claim is still ``owner``'s."""

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.CLAIMED or claim.owner != owner:
            return None
        return claim.changed(state=ClaimState.SUBMITTED, payer=payer, updated_at=now)

    return step


def rebuild(owner: str, now: float) -> Step:
    """Announce that the transaction was found in the chain, if the claim is still ``owner``'s.

    Nobody is told of its success: somebody may have been, by a claim that is lost.
    """

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.CLAIMED or claim.owner != owner:
            return None
        return claim.changed(
            state=ClaimState.SUBMITTED, accepted=True, answer=NOT_KNOWN, updated_at=now
        )

    return step


def resubmit(owner: str, now: float, lease_until: float) -> Step:
    """Announce that it is about to be sent once more, unless another's lease on that lasts."""

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.SUBMITTED:
            return None
        if claim.owner != owner and claim.lease_until > now:
            return None
        return claim.changed(owner=owner, lease_until=lease_until, updated_at=now)

    return step


def doubt(owner: str, now: float) -> Step:
    """Note that it was there before its one submission by ``owner``: somebody may have been told.

    Once the lease is over, others of us may have submitted it as well: that is no ground to doubt.
    """

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.SUBMITTED or claim.answer is not None:
            return None
        if claim.accepted or claim.owner != owner or claim.lease_until <= now:
            return None
        return claim.changed(answer=NOT_KNOWN, updated_at=now)

    return step


def accept(now: float) -> Step:
    """Note that a node has taken the transaction."""

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.SUBMITTED or claim.accepted:
            return None
        return claim.changed(accepted=True, updated_at=now)

    return step


def include(where: InBlock, tip_height: int, now: float) -> Step:
    """Note the block the transaction is in; settle it when that is as deep as promised."""
    depth = max(0, tip_height - where.height)

    def step(claim: Claim) -> Claim | None:
        deep_enough = depth >= claim.confirmations
        known = claim.state is ClaimState.INCLUDED and claim.block == where.point.block
        if claim.state is ClaimState.CLAIMED or claim.state.is_final:
            return None  # claimed: somebody begins anew with a claim that was lost
        if known and not deep_enough:
            return None
        return claim.changed(
            state=ClaimState.SETTLED if deep_enough else ClaimState.INCLUDED,
            accepted=True,
            block=where.point.block,
            block_slot=where.point.slot,
            block_height=where.height,
            depth=depth,
            updated_at=now,
        )

    return step


def roll_back(now: float) -> Step:
    """Take back an inclusion whose block is no longer on the chain."""

    def step(claim: Claim) -> Claim | None:
        return _not_in_a_block(claim, now) if claim.state is ClaimState.INCLUDED else None

    return step


def _not_in_a_block(claim: Claim, now: float) -> Claim:
    return claim.changed(
        state=ClaimState.SUBMITTED,
        accepted=False,
        block=None,
        block_slot=None,
        block_height=None,
        depth=None,
        updated_at=now,
    )


def reject(error: str, owner: str, now: float) -> Step:
    """Note the definite refusal of what ``owner`` sent, unless others sent it since, or may have.

    Nor when another submission of the same was accepted.
    """

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.SUBMITTED or claim.accepted or claim.owner != owner:
            return None
        return claim.changed(state=ClaimState.REJECTED, error=error, updated_at=now)

    return step


def expire(now: float) -> Step:
    """Note that its validity ended without the ledger recording it."""

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.SUBMITTED:
            return None
        return claim.changed(state=ClaimState.EXPIRED, updated_at=now)

    return step


def reopen(now: float) -> Step:
    """Take back what was settled, and was told to nobody, when the chain no longer has it so."""

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.SETTLED or claim.answer is not None:
            return None
        return _not_in_a_block(claim, now)

    return step


def tell(answer: bytes, key: str | None, now: float) -> Step:
    """Give the one success to a caller, unless it was given before or is none any more."""

    def step(claim: Claim) -> Claim | None:
        if claim.answer is not None or not claim.is_success:
            return None
        return claim.changed(answer=answer, answer_key=key, updated_at=now)

    return step


def take_back(key: str, now: float) -> Step:
    """Make a success available again that its caller, who alone was told, did not receive.

    ``key`` is the one it was told under: what was told to another since stays told.
    """

    def step(claim: Claim) -> Claim | None:
        if claim.answer is None or claim.answer_key != key:
            return None
        return claim.changed(answer=None, answer_key=None, updated_at=now)

    return step
