"""The digest that the seller signs ("Seller-signed terms").

It covers the price, the asset, the contract, the request, the seller and the deadlines of exactly
one offer, and so is the key under which that offer is paid once.
"""

from facilitator.plugin import Terms
from facilitator_masumi.canonical import digest
from facilitator_masumi.schema import SellerTerms

DOMAIN = "masumi:x402:terms:v1"


def terms_digest(terms: Terms, seller: SellerTerms, network: str | None = None) -> str:
    """SHA-256 (hex) over the seller's terms and the requirements, ``network`` as it is signed.

    Unless given it is the canonical id.
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
    """The digests that stand for these terms: with the network's id, and with its CIP-34 alias.

    The seller signs the network as its requirements spell it, which are folded by now.
    """
    network = terms.network
    alias = f"cip34:{network.network_id}-{network.magic}"
    return [terms_digest(terms, seller, name) for name in (network.id, alias)]
