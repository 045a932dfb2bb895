"""The identifier by which Masumi's own tools find a payment (``extra.blockchainIdentifier``)."""

from lzstring import LZString

from facilitator.plugin import Refused
from facilitator_masumi.reasons import MasumiReason
from facilitator_masumi.schema import MasumiExtra


def check_identifier(extra: MasumiExtra, pay_to: str) -> None:
    """``extra.blockchainIdentifier`` is the one of these terms. Raises :class:`Refused`.

    It is made anew and compared: a few bytes of it may stand for any length of text.
    """
    if extra.blockchain_identifier != compress(identifier_text(extra, pay_to)):
        raise Refused(
            MasumiReason.IDENTIFIER,
            "extra.blockchainIdentifier does not stand for these nonces, this agent, signature, "
            "key and contract address",
        )


def identifier_text(extra: MasumiExtra, pay_to: str) -> str:
    """What the identifier stands for: five texts joined by periods, of which two may be empty."""
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
    """LZString's ``compressToUint8Array`` as lowercase hex, of a text in ASCII."""
    compressed: str = LZString.compress(text)
    return compressed.encode("utf-16-be", "surrogatepass").hex()
