"""The digest that the seller signs ("Seller-signed terms").

It covers the price, the asset, the contract, the request, the seller and the deadlines of exactly
one offer. It is therefore the key under which that offer is paid only once.
"""

from facilitator.plugin import Terms
from facilitator_masumi.canonical import digest
from facilitator_masumi.schema import SellerTerms

DOMAIN = "masumi:x402:terms:v1"


def terms_digest(terms: Terms, seller: SellerTerms, network: str | None = None) -> str:
    """Return the SHA-256 (hex) over the seller's terms and the requirements.

    ``network`` is the network as the seller signed it, by default the canonical id.
    """
    requirements = terms.requirements
    return digest(
        DOMAIN,
        {
            **seller.signed,
            "scheme": requirements.scheme,
            "assetTransferMethod": requirements.extra["assetTransferMethod"],
            "network": network or terms.network.id,
            "contractAddress": requirements.pay_to,
            "amount": requirements.amount,
            "asset": requirements.asset,
            "maxTimeoutSeconds": requirements.max_timeout_seconds,
        },
    )


def signable_digests(terms: Terms, seller: SellerTerms) -> list[str]:
    """Return the digests of these terms: with the network's id, and with its CIP-34 alias.

    The seller signs the network as its requirements spell it. The spelling is normalized by now.
    """
    network = terms.network
    alias = f"cip34:{network.network_id}-{network.magic}"
    return [terms_digest(terms, seller, name) for name in (network.id, alias)]
