"""The outputs that a settlement of this fleet has made, by its claim."""

from collections.abc import Sequence

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.transaction import Output
from facilitator.roles.claim import Claim, ClaimState, Delivery

_JUDGED = (ClaimState.SUBMITTED, ClaimState.INCLUDED, ClaimState.SETTLED)


def made_outputs(claim: Claim | None, transaction_id: bytes) -> Sequence[Output]:
    """Return the outputs of a transaction that is in a block; none if the claim proves none.

    Anyone can have a transaction claimed, and put it in a block in a form in which its scripts
    fail: then it makes none of them. So it counts only once it was found valid here, not while it
    is judged, nor if it was found on the chain before.
    """
    if claim is None or claim.state not in _JUDGED or claim.delivery is Delivery.UNKNOWN:
        return ()
    try:
        made = decode_any_era(claim.transaction)
    except DecodeError:  # another program may have changed the claim
        return ()
    return made.body.outputs if made.id == transaction_id else ()
