"""The commitment to the request that is paid for ("Request commitment").

Each part of the request is hashed, and the parts' digests are hashed once more: the result is the
escrow's ``input_hash``. The facilitator never sees the request, so it accepts the digest of a part
without content.
"""

import base64
import binascii
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from facilitator.plugin import Refused
from facilitator_masumi.canonical import canonical_json, digest
from facilitator_masumi.reasons import MasumiReason

DOMAIN = "masumi:x402:input:v1"


def check_commitment(commitment: Mapping[str, Any]) -> None:
    """Check every digest in the well-formed commitment. Raises :class:`Refused`."""
    for part in commitment["parts"]:
        if "content" in part and part_digest(part) != part["digest"]:
            raise _broken(f"the part {part['name']!r:.60} has another digest than its content")
    if input_hash(commitment) != commitment["digest"]:
        raise _broken("inputCommitment.digest is not that of its parts")


def part_digest(part: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) over the bytes of the part's content. Raises :class:`Refused`."""
    content = part["content"]
    try:
        if part["canonicalization"] == "jcs":
            return sha256(canonical_json(content)).hexdigest()
        return sha256(_raw(content)).hexdigest()
    except ValueError as error:
        raise _broken(f"the content of the part {part['name']!r:.60}: {error}") from None


def input_hash(commitment: Mapping[str, Any]) -> str:
    """Return the digest over the commitment without its own digest and its parts' contents."""
    manifest = {name: value for name, value in commitment.items() if name != "digest"}
    manifest["parts"] = [
        {name: value for name, value in part.items() if name != "content"}
        for part in commitment["parts"]
    ]
    return digest(DOMAIN, manifest)


def _raw(content: object) -> bytes:
    """Return the bytes of canonical unpadded base64url. Raises :class:`ValueError`."""
    if not isinstance(content, str):
        raise ValueError("it must be a text in unpadded base64url")
    try:
        raw = base64.b64decode(content + "=" * (-len(content) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("it is not unpadded base64url") from None
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != content:
        raise ValueError("it is not canonical unpadded base64url")
    return raw


def _broken(message: str) -> Refused:
    return Refused(MasumiReason.COMMITMENT, message)
