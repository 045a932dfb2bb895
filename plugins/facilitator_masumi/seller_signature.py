"""The seller's CIP-8 signature over the terms ("Seller-signed terms")."""

from collections.abc import Collection
from hashlib import blake2b

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from facilitator.cardano.addresses.address import read_address
from facilitator.plugin import Refused
from facilitator_masumi.cose import read_key, read_sign1, signed_bytes
from facilitator_masumi.reasons import MasumiReason


def check_seller_signature(
    reference_key: str, reference_signature: str, seller: bytes, digests: Collection[str]
) -> None:
    """Check the signature by the ``seller``'s key over one of the digests. Raises :class:`Refused`.

    The key's hash must be the address' payment credential: this binds the signature to the address.
    """
    try:
        key = read_key(bytes.fromhex(reference_key))
        signature = read_sign1(bytes.fromhex(reference_signature))
    except ValueError as error:
        raise _refused(str(error)) from None
    credential = read_address(seller).payment
    if credential is None or credential.hash != blake2b(key.public, digest_size=28).digest():
        raise _refused("referenceKey is not the key of terms.sellerAddress")
    if signature.address != seller:
        raise _refused("the signature names another address than terms.sellerAddress")
    if None not in (key.kid, signature.kid) and key.kid != signature.kid:
        raise _refused("the signature and referenceKey name different keys")
    if signature.payload.hex() not in digests:
        raise _refused("it is over other terms than these")
    try:
        VerifyKey(key.public).verify(signed_bytes(signature), signature.signature)
    except BadSignatureError:
        raise _refused("it does not hold") from None


def _refused(why: str) -> Refused:
    return Refused(MasumiReason.SELLER_SIGNATURE, f"the seller's signature over the terms: {why}")
