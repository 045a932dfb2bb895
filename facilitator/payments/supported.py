"""The answer of ``/supported``."""

from collections.abc import Mapping, Sequence
from typing import Any

from facilitator.payments.schemes import Schemes
from facilitator.roles.chain import ChainProvider


def supported_response(
    schemes: Schemes, chains: Mapping[str, ChainProvider], *, signers: Sequence[str]
) -> Mapping[str, Any]:
    """Return the answer of ``/supported``: every kind that a scheme serves on these chains."""
    return {
        "kinds": [
            {
                "x402Version": 2,
                "scheme": scheme,
                "network": network,
                "extra": {**extra, "devnet": True} if chains[network].is_devnet else dict(extra),
            }
            for scheme, network, extra in schemes.kinds(chains)
        ],
        "extensions": ["payment-identifier"],
        "signers": {"cardano:*": list(signers)},
    }
