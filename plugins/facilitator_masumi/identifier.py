"""The identifier by which Masumi's own tools find a payment (``extra.blockchainIdentifier``)."""

from lzstring import LZString

from facilitator.plugin import Refused
from facilitator_masumi.reasons import MasumiReason
from facilitator_masumi.schema import MasumiExtra


def check_identifier(extra: MasumiExtra, pay_to: str) -> None:
    """Check that ``extra.blockchainIdentifier`` is the one of these terms. Raises :class:`Refused`.

    The check compresses the text again: a few compressed bytes may expand to any length.
    """
    if extra.blockchain_identifier != compress(identifier_text(extra, pay_to)):
        raise Refused(
            MasumiReason.IDENTIFIER,
            "extra.blockchainIdentifier does not stand for these nonces, this agent, signature, "
            "key and contract address",
        )


def identifier_text(extra: MasumiExtra, pay_to: str) -> str:
    """Return the identifier's text: five parts joined by periods, two of which may be empty."""
    terms = extra.terms
    return ".".join(
        (
            terms.seller_nonce + terms.agent_identifier,
            terms.buyer_nonce,
            extra.reference_signature,
            extra.reference_key,
            pay_to,
        )
    )


def compress(text: str) -> str:
    """Compress an ASCII text by LZString's ``compressToUint8Array``; return lowercase hex."""
    compressed: str = LZString.compress(text)
    return compressed.encode("utf-16-be", "surrogatepass").hex()
