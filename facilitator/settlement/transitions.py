"""The steps that a claim may take, as pure functions, and the compare-and-set that writes one.

A step takes the claim as stored and returns what to write, or ``None`` when it does not apply to
the state it finds. Times are Unix seconds. No step compares two of them: a stored one was written
by the clock of another machine.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from facilitator.roles.chain import InBlock
from facilitator.roles.claim import NO_END, Claim, ClaimState, Delivery
from facilitator.roles.storage import Storage

Step: TypeAlias = Callable[[Claim], Claim | None]

LeaseIsOver: TypeAlias = Callable[[Claim], bool]
"""Returns True if the lease on the claim, as it was just read, is over."""


class Advance(NamedTuple):
    """The outcome of a change to a claim."""

    claim: Claim | None
    """As it is stored now; ``None`` when it is gone, or only stored as it was before."""
    by_us: bool
    """True if the step applied and was written."""


def advance(
    storage: Storage, claim: Claim, step: Step, change: Callable[[Claim], bool] | None = None
) -> Advance:
    """Apply the step to the stored claim, by ``change`` in place of the storage's if it is given.

    If another process changed the claim meanwhile, the step is applied to that version.
    Raises :class:`~facilitator.roles.storage.StorageUnavailable`.
    """
    change = change or storage.change_claim
    current: Claim | None = claim
    while current is not None:
        changed = step(current)
        if changed is None:
            return Advance(current, by_us=False)
        if change(changed):
            return Advance(changed, by_us=True)
        current = storage.claim(claim.transaction_id)
        if current is not None and current.version < claim.version:
            break  # the records went back: what was since is not in them
    return Advance(None, by_us=False)


def take_over(rival: Claim, lease_is_over: LeaseIsOver) -> Step:
    """Put the claim ``rival`` in the place of a ``claimed`` one whose owner's lease is over.

    The whole claim: the other may have other requirements or witnesses for the same body.
    """

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.CLAIMED or not lease_is_over(claim):
            return None
        return rival.instead_of(claim)

    return step


def submit(owner: str, payer: str, now: float) -> Step:
    """Announce that the transaction is about to be sent, if the claim is still ``owner``'s."""

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.CLAIMED or claim.owner != owner:
            return None
        return claim.changed(state=ClaimState.SUBMITTED, payer=payer, updated_at=now)

    return step


def rebuild(owner: str, now: float) -> Step:
    """Announce that the transaction was found on the chain, if the claim is still ``owner``'s.

    Its success may have been delivered before, by a claim that is lost.
    """

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.CLAIMED or claim.owner != owner:
            return None
        return claim.with_unknown_delivery(
            state=ClaimState.SUBMITTED, accepted=True, updated_at=now
        )

    return step


def abandon(owner: str, now: float, lease_until: float, lease_is_over: LeaseIsOver) -> Step:
    """Take a ``claimed`` claim over, to remove it with all that is held for it.

    Only its owner may release what it holds, so another one can hold the same meanwhile.
    """

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.CLAIMED or not lease_is_over(claim):
            return None
        return claim.changed(owner=owner, lease_until=lease_until, updated_at=now)

    return step


def resubmit(
    seen: Claim,
    owner: str,
    attempt: str,
    now: float,
    lease_until: float,
    lease_is_over: LeaseIsOver,
) -> Step:
    """Announce that what was ``seen`` is about to be sent again, as an ``attempt`` that owns it.

    It does not apply if the claim was changed since, or if a process other than ``owner`` holds the
    lease. An earlier attempt is the owner no longer, so that its answer decides nothing.
    """

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.SUBMITTED or claim.version != seen.version:
            return None
        if claim.owner != owner and not lease_is_over(claim):
            return None
        return claim.changed(owner=attempt, lease_until=lease_until, error=None, updated_at=now)

    return step


def not_taken(owner: str, why: str, now: float) -> Step:
    """Note that no node took what ``owner`` sent, nor anything that was sent from here before.

    If the transaction is found all the same, another facilitator sent it, or this one by a claim
    that is lost: its success may have been delivered. Another process of this facilitator that
    submits it when the lease is over becomes its owner first.
    """

    def step(claim: Claim) -> Claim | None:
        if claim.owner != owner or claim.delivery is not Delivery.NONE:
            return None
        if claim.state is ClaimState.SUBMITTED and not claim.accepted:
            return claim.changed(error=why, updated_at=now)
        if claim.state is ClaimState.CLAIMED or claim.state.is_given_up:
            return None
        return claim.with_unknown_delivery(updated_at=now)  # it was found meanwhile

    return step


def accept(now: float) -> Step:
    """Note that a node has taken the transaction as it was sent from here."""

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.SUBMITTED or claim.accepted:
            return None
        return claim.changed(accepted=True, error=None, updated_at=now)

    return step


def find(now: float) -> Step:
    """Note that a node has the transaction, here or elsewhere."""

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.SUBMITTED or claim.accepted:
            return None
        return _found(claim, accepted=True, updated_at=now)

    return step


def _found(claim: Claim, **fields: object) -> Claim:
    """Change the claim on a transaction that was found; doubt it if no node took it from here."""
    was_refused = claim.state is ClaimState.REJECTED  # by a node that was wrong
    if claim.error is None or was_refused or claim.delivery is not Delivery.NONE:
        return claim.changed(error=None, **fields)
    return claim.with_unknown_delivery(error=None, **fields)


def include(where: InBlock, tip_height: int, now: float) -> Step:
    """Note the block the transaction is in; settle it when that is as deep as promised."""
    depth = max(0, tip_height - where.height)

    def step(claim: Claim) -> Claim | None:
        deep_enough = depth >= claim.confirmations
        known = claim.state is ClaimState.INCLUDED and claim.block == where.point.block
        if claim.state is ClaimState.CLAIMED or claim.state.is_final:
            return None  # claimed: another attempt began after the claim was lost
        if known and not deep_enough:
            return None
        return _in_a_block(claim, where, depth, now)

    return step


def correct(where: InBlock, tip_height: int, now: float) -> Step:
    """Take back that it was given up, since the chain shows it in a block."""
    depth = max(0, tip_height - where.height)

    def step(claim: Claim) -> Claim | None:
        return _in_a_block(claim, where, depth, now) if claim.state.is_given_up else None

    return step


def _in_a_block(claim: Claim, where: InBlock, depth: int, now: float) -> Claim:
    deep_enough = depth >= claim.confirmations
    return _found(
        claim,
        state=ClaimState.SETTLED if deep_enough else ClaimState.INCLUDED,
        accepted=True,
        block=where.point.block,
        block_slot=where.point.slot,
        block_height=where.height,
        depth=depth,
        updated_at=now,
    )


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
    """Note the definite refusal of what ``owner`` sent.

    It does not apply if another process has sent it since, or if a submission was accepted.
    """

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.SUBMITTED or claim.accepted or claim.owner != owner:
            return None
        return claim.changed(state=ClaimState.REJECTED, error=error, updated_at=now)

    return step


def outspend(error: str, owner: str, now: float) -> Step:
    """Note that the chain shows another transaction which spent an input of what ``owner`` sent.

    One that a node accepted waits for the end of its validity all the same: until then a deep
    rollback may let it land. Without such an end this is all that can decide it.
    """

    def step(claim: Claim) -> Claim | None:
        if claim.invalid_hereafter != NO_END:
            return reject(error, owner, now)(claim)
        if claim.state is not ClaimState.SUBMITTED or claim.owner != owner:
            return None
        return claim.changed(state=ClaimState.REJECTED, accepted=False, error=error, updated_at=now)

    return step


def expire(now: float) -> Step:
    """Note that its validity ended without the ledger recording it."""

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.SUBMITTED:
            return None
        return claim.changed(state=ClaimState.EXPIRED, updated_at=now)

    return step


def reopen(now: float) -> Step:
    """Take back a settled claim that is not delivered, when the chain no longer has it so."""

    def step(claim: Claim) -> Claim | None:
        if claim.state is not ClaimState.SETTLED or claim.delivery is not Delivery.NONE:
            return None
        return _not_in_a_block(claim, now)

    return step


class Receipt(NamedTuple):
    """A success as one caller receives it."""

    answer: bytes
    """The success as JSON."""
    key: str
    """SHA-256 of the idempotency key under which it may be delivered again, else random."""
    client: str
    """The caller, as limits count it."""
    request_id: str
    """Id of the request."""


def deliver(receipt: Receipt, now: float) -> Step:
    """Deliver the one success to a caller, unless it was before or it is a success no more."""

    def step(claim: Claim) -> Claim | None:
        if claim.delivery is not Delivery.NONE or not claim.is_success:
            return None
        return claim.changed(
            answer=receipt.answer,
            answer_key=receipt.key,
            delivered_to=receipt.client,
            delivery_request=receipt.request_id,
            updated_at=now,
        )

    return step


def take_back(key: str, now: float) -> Step:
    """Make a success available again whose caller did not receive it.

    ``key`` is the one it was delivered under: a later delivery to another caller stays.
    """

    def step(claim: Claim) -> Claim | None:
        if claim.delivery is Delivery.NONE or claim.answer_key != key:
            return None
        return claim.changed(
            answer=None, answer_key=None, delivered_to="", delivery_request="", updated_at=now
        )

    return step
