"""The closed schema of ``extra`` ("Masumi assetTransferMethod Schema").

Every object is closed: other fields are refused, so that nothing travels unsigned beside the
seller's terms.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from facilitator.cardano.addresses.address import AddressKind, parse_address, read_address
from facilitator.plugin import Refused
from facilitator_masumi.deployment import Deployment
from facilitator_masumi.reasons import MasumiReason

PAYMENT_TYPE = "Web3CardanoV2"
"""The only supported generation of the contract."""

_HASH = re.compile(r"[0-9a-f]{64}")
KEY_HASH = re.compile(r"[0-9a-f]{56}")
_HEX = re.compile(r"(?:[0-9a-f]{2})+")
_COSE = re.compile(r"(?:[0-9a-f]{2}){1,2048}")
"""Several times the length that wallets make: compressing it for the identifier takes time."""
_BUYER_NONCE = re.compile(r"(?:(?:[0-9a-f]{2}){7,13})?")
_AGENT = re.compile(r"(?:[0-9a-f]{2}){0,60}")
_TIME = re.compile(r"[1-9][0-9]{0,15}")
_COUNT = re.compile(r"[1-9][0-9]{0,2}")
_PERIOD = re.compile(r"0|[1-9][0-9]{0,15}")

_EXTRA = (
    *("assetTransferMethod", "confirmationPolicy", "areFeesSponsored", "inputCommitment", "terms"),
    *("referenceKey", "referenceSignature", "blockchainIdentifier", "deployment"),
)
_COMMITMENT = ("version", "algorithm", "parts", "digest")
_PART = ("name", "canonicalization", "mediaType", "content", "digest")
_TERMS = (
    *("version", "paymentType", "sellerAddress", "sellerReturnAddress", "sellerNonce"),
    *("buyerNonce", "agentIdentifier", "inputHash", "payByTime", "submitResultTime"),
    *("unlockTime", "externalDisputeUnlockTime"),
)
_DEPLOYMENT = ("requiredAdmins", "adminVkeys", "cooldownPeriod")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The escrow's deadlines, each in Unix time in ms."""

    pay_by: int
    submit_result: int
    unlock: int
    external_dispute_unlock: int


@dataclass(frozen=True, slots=True)
class SellerTerms:
    """The terms that the seller signs together with the requirements' own fields."""

    signed: Mapping[str, Any]
    """``extra.terms`` as received: an absent field and a ``null`` are signed differently."""
    seller: bytes
    """All bytes of the address."""
    seller_return: bytes | None
    seller_nonce: str
    buyer_nonce: str
    agent_identifier: str
    """The text is empty for a seller that is not registered."""
    input_hash: str
    deadlines: Deadlines


@dataclass(frozen=True, slots=True)
class MasumiExtra:
    """The fields of ``extra`` in their checked form. Texts are lowercase hex."""

    commitment: Mapping[str, Any]
    """``extra.inputCommitment`` as received."""
    terms: SellerTerms
    reference_key: str
    reference_signature: str
    blockchain_identifier: str
    deployment: Deployment | None
    """The parameters of the contract in place of the canonical ones."""


def read_extra(extra: Mapping[str, Any], network_id: int) -> MasumiExtra:
    """Return the fields of ``extra``; addresses must be of the network. Raises :class:`Refused`."""
    _closed(extra, _EXTRA, "extra")
    if extra.get("areFeesSponsored", False) is not False:
        raise _malformed("extra.areFeesSponsored", "false where it is given")
    commitment = _commitment(extra.get("inputCommitment"))
    terms = _terms(extra.get("terms"), network_id)
    if terms.input_hash != commitment["digest"]:
        raise _malformed("extra.terms.inputHash", "equal to inputCommitment.digest")
    return MasumiExtra(
        commitment=commitment,
        terms=terms,
        reference_key=_text(extra, "referenceKey", _COSE, "extra"),
        reference_signature=_text(extra, "referenceSignature", _COSE, "extra"),
        blockchain_identifier=_text(extra, "blockchainIdentifier", _HEX, "extra"),
        deployment=read_deployment(extra["deployment"]) if "deployment" in extra else None,
    )


def _commitment(value: object) -> Mapping[str, Any]:
    where = "extra.inputCommitment"
    commitment = _closed(value, _COMMITMENT, where)
    _literal(commitment, "version", "1", where)
    _literal(commitment, "algorithm", "sha256", where)
    _text(commitment, "digest", _HASH, where)
    parts = commitment.get("parts")
    if not isinstance(parts, list) or not parts:
        raise _malformed(f"{where}.parts", "an array with at least one part")
    names = [_part_name(part, f"{where}.parts[{at}]") for at, part in enumerate(parts)]
    if len(set(names)) != len(names):
        raise _malformed(f"{where}.parts", "of different names")
    return commitment


def _part_name(value: object, where: str) -> str:
    part = _closed(value, _PART, where)
    name = part.get("name")
    if not isinstance(name, str) or not name:
        raise _malformed(f"{where}.name", "a text that is not empty")
    if part.get("canonicalization") not in ("jcs", "raw"):
        raise _malformed(f"{where}.canonicalization", "'jcs' or 'raw'")
    if not isinstance(part.get("mediaType", ""), str):
        raise _malformed(f"{where}.mediaType", "a text where it is given")
    _text(part, "digest", _HASH, where)
    return name


def _terms(value: object, network_id: int) -> SellerTerms:
    where = "extra.terms"
    terms = _closed(value, _TERMS, where)
    _literal(terms, "version", "1", where)
    _literal(terms, "paymentType", PAYMENT_TYPE, where)
    agent = terms.get("agentIdentifier")
    if agent is not None:
        agent = _text(terms, "agentIdentifier", _AGENT, where)
    has_return = "sellerReturnAddress" in terms
    return SellerTerms(
        signed=terms,
        seller=_address(terms, "sellerAddress", network_id),
        seller_return=_address(terms, "sellerReturnAddress", network_id) if has_return else None,
        seller_nonce=_text(terms, "sellerNonce", _HASH, where),
        buyer_nonce=_text(terms, "buyerNonce", _BUYER_NONCE, where),
        agent_identifier=agent or "",
        input_hash=_text(terms, "inputHash", _HASH, where),
        deadlines=Deadlines(
            pay_by=int(_text(terms, "payByTime", _TIME, where)),
            submit_result=int(_text(terms, "submitResultTime", _TIME, where)),
            unlock=int(_text(terms, "unlockTime", _TIME, where)),
            external_dispute_unlock=int(_text(terms, "externalDisputeUnlockTime", _TIME, where)),
        ),
    )


def read_deployment(value: object) -> Deployment:
    """Return the deployment that ``extra.deployment`` names. Raises :class:`Refused`."""
    where = "extra.deployment"
    deployment = _closed(value, _DEPLOYMENT, where)
    admins: Any = deployment.get("adminVkeys")
    if not _are_key_hashes(admins):
        raise _malformed(f"{where}.adminVkeys", "an array of 28-byte key hashes in lowercase hex")
    required = _text(deployment, "requiredAdmins", _COUNT, where)
    if int(required) > len(admins):
        raise _malformed(f"{where}.requiredAdmins", "at most the number of adminVkeys")
    cooldown = _text(deployment, "cooldownPeriod", _PERIOD, where)
    return Deployment(int(required), tuple(admins), int(cooldown))


def _are_key_hashes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(key, str) and KEY_HASH.fullmatch(key) for key in value)
    )


def _address(terms: Mapping[str, Any], name: str, network_id: int) -> bytes:
    """Return an address of keys; otherwise the escrow could never be paid out.

    The contract wants a payment key. Each later step must repeat the datum, and Masumi's own tools
    can write neither a script nor a pointer as its stake part.
    """
    where = f"extra.terms.{name}"
    text = terms.get(name)
    try:
        raw = parse_address(text) if isinstance(text, str) else b""
        address = read_address(raw)
    except ValueError as error:
        raise _malformed(where, f"a Cardano address ({error})") from None
    if (
        address.kind not in (AddressKind.BASE, AddressKind.ENTERPRISE)
        or address.payment is None
        or address.payment.is_script
        or (address.stake is not None and address.stake.is_script)
    ):
        raise _malformed(where, "an address of keys, without scripts and pointers")
    if address.network_id != network_id:
        raise _malformed(where, "an address of the requirements' network")
    return raw


def _closed(value: object, names: Sequence[str], where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _malformed(where, "an object")
    for name in value:
        if name not in names:
            raise _malformed(f"{where}.{name:.60}", "absent: the object is closed")
    return value


def _literal(fields: Mapping[str, Any], name: str, text: str, where: str) -> None:
    if fields.get(name) != text:
        raise _malformed(f"{where}.{name}", f"{text!r}")


def _text(fields: Mapping[str, Any], name: str, form: re.Pattern[str], where: str) -> str:
    text = fields.get(name)
    if not isinstance(text, str) or not form.fullmatch(text):
        raise _malformed(f"{where}.{name}", f"a text of the form {form.pattern}")
    return text


def _malformed(where: str, form: str) -> Refused:
    return Refused(MasumiReason.SCHEMA, f"{where} must be {form}")
