"""What the facilitator tells of itself and of transactions, besides verdicts and settlements."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from facilitator.exact.terms import MAX_CONFIRMATIONS, MEMPOOL
from facilitator.roles.chain import ChainProvider, InBlock, InMempool
from facilitator.roles.health import HealthCheck
from facilitator.settlement.answers import status_of
from facilitator.settlement.claim import NOT_KNOWN, Claim, ClaimState

_TIP_CACHE_SECONDS = 5.0


def claim_status(claim: Claim, depth: int | None) -> Mapping[str, Any]:
    """How a transaction claimed here stands; ``depth`` is in newer blocks."""
    status: dict[str, Any] = {
        "transaction": claim.transaction_id,
        "network": claim.network,
        "status": status_of(claim),
        "settled": claim.state is ClaimState.SETTLED and claim.answer != NOT_KNOWN,
    }
    if depth is not None:
        status["confirmations"] = depth
    if claim.block is not None:
        status["block"] = claim.block
    if claim.error is not None:
        status["message"] = claim.error
    return status


def chain_status(transaction_id: str, chains: Mapping[str, ChainProvider]) -> Mapping[str, Any]:
    """How a transaction that was never claimed here stands.

    Raises :class:`~facilitator.roles.chain.ChainUnavailable`.
    """
    for network, chain in chains.items():
        found = chain.transaction(transaction_id)
        known = {"transaction": transaction_id, "network": network, "settled": False}
        if isinstance(found, InMempool):
            return {**known, "status": "pending"}
        if isinstance(found, InBlock):
            return {
                **known,
                "status": "confirmed",
                "confirmations": max(0, chain.tip().height - found.height),
                "block": found.point.block,
            }
    return {"transaction": transaction_id, "status": "not_found", "settled": False}


def supported(
    chains: Mapping[str, ChainProvider],
    *,
    methods: Sequence[str],
    signers: Sequence[str],
    accept_mempool: bool,
) -> Mapping[str, Any]:
    """The answer of ``/supported``."""
    extra: dict[str, Any] = {
        "assetTransferMethods": list(methods),
        "areFeesSponsored": False,
        "l1Confirmations": {
            "minimum": MEMPOOL if accept_mempool else 0,
            "maximum": MAX_CONFIRMATIONS,
        },
    }
    return {
        "kinds": [
            {
                "x402Version": 2,
                "scheme": "exact",
                "network": network,
                "extra": {**extra, "devnet": True} if chain.is_devnet else extra,
            }
            for network, chain in chains.items()
        ],
        "extensions": ["payment-identifier"],
        "signers": {"cardano:*": list(signers)},
    }


def tip_check(chain: ChainProvider) -> HealthCheck:
    """A health check that asks for the tip, at most once in five seconds however often it runs."""
    lock = threading.Lock()
    asked_at = float("-inf")
    seconds = 0.0

    def check() -> float:
        nonlocal asked_at, seconds
        with lock:
            if time.monotonic() - asked_at >= _TIP_CACHE_SECONDS:
                started = time.monotonic()
                chain.tip()
                asked_at = time.monotonic()
                seconds = asked_at - started
            return seconds

    return check
