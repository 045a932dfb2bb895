"""The answer of ``/supported``."""

from collections.abc import Mapping, Sequence
from typing import Any

from facilitator.exact.terms import MAX_CONFIRMATIONS, MEMPOOL
from facilitator.roles.chain import ChainProvider


def supported_response(
    chains: Mapping[str, ChainProvider],
    *,
    methods: Sequence[str],
    signers: Sequence[str],
    accept_mempool: bool,
) -> Mapping[str, Any]:
    """Return the answer of ``/supported``."""
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
