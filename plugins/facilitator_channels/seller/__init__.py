"""A resource server's half of ``batch-settlement``: what it must keep of each channel, and do.

It needs no facilitator in this process, and no web framework. The stores are modules of
:mod:`facilitator_channels.seller.stores`.
"""

from facilitator_channels.seller.answers import Answer, correct
from facilitator_channels.seller.building import ClaimBuilder
from facilitator_channels.seller.claims import Batch, ClaimPolicy, Redemption, choose
from facilitator_channels.seller.facilitator import (
    Facilitator,
    FacilitatorUnavailable,
    HttpFacilitator,
)
from facilitator_channels.seller.redeemer import Redeemer
from facilitator_channels.seller.redeeming import SignedClaim, redeem
from facilitator_channels.seller.refunds import ProviderKey
from facilitator_channels.seller.request import Refusal
from facilitator_channels.seller.seller import Paid, Seller, Serve
from facilitator_channels.seller.sponsoring import CHANNEL_POOL, ChannelSponsor
from facilitator_channels.seller.store import ChannelStore, Records, StoreUnavailable
from facilitator_channels.seller.watching import Ended, Verdict, watch

__all__ = [
    "CHANNEL_POOL",
    "Answer",
    "Batch",
    "ChannelSponsor",
    "ChannelStore",
    "ClaimBuilder",
    "ClaimPolicy",
    "Ended",
    "Facilitator",
    "FacilitatorUnavailable",
    "HttpFacilitator",
    "Paid",
    "ProviderKey",
    "Records",
    "Redeemer",
    "Redemption",
    "Refusal",
    "Seller",
    "Serve",
    "SignedClaim",
    "StoreUnavailable",
    "Verdict",
    "choose",
    "correct",
    "redeem",
    "watch",
]
