"""Fees that the resource server pays: the fields of ``feeSponsor`` on the wire.

``fee_sponsor_cardano.md`` of loveaihq/cardano-x402-sponsor, a draft, as of commit 6204c04. The
resource server offers one of its own outputs; the payer's transaction spends it beside the payer's
own, and its lovelace pays the fee and the minimum that the output to ``payTo`` must hold.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facilitator.cardano.addresses.address import format_address, parse_address
from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.transaction import OutputRef

OFFER = "feeSponsor"
"""The field of the offer in ``extra`` of requirements."""
IS_SPONSORED = "areFeesSponsored"
"""The field in ``extra`` that is true beside an offer."""
ACCEPTS_WITNESSES = "acceptsSponsorWitnesses"
"""The field in ``extra`` of a kind of ``/supported``: the facilitator adds the sponsor's
signature."""
WITNESSES = "sponsorWitnesses"
"""The field of the payload at ``/settle``: the sponsor's signature, a witness set as CBOR in
hex."""

_FIELDS = ("input", "address", "lovelace", "maxFee", "expiresAt")
_NUMBER = re.compile(r"[1-9][0-9]{0,19}")
_LARGEST = 2**64 - 1
_NO_KEY = 0x90
"""Bits of an address' header: a script owns it, or it is no address of Shelley's."""


class BadOffer(ValueError):
    """The offer is not of the form that the draft has; the message says where."""


@dataclass(frozen=True, slots=True)
class FeeSponsorOffer:
    """An offer to pay a transaction's fee from one output of the sponsor's.

    It is what its author claims: the output is to be looked up before it is relied on.
    """

    input: OutputRef
    """The output to spend. It must hold lovelace only."""
    address: bytes
    """The address of that output, owned by a key."""
    lovelace: int
    """The lovelace that it holds."""
    max_fee: int
    """The greatest fee, in lovelace, that the sponsor pays."""
    expires_at_ms: int
    """Unix time in ms which the validity of the transaction must not exceed."""

    @property
    def key_hash(self) -> bytes:
        """The hash (28 bytes) of the key that must sign for the output."""
        return self.address[1:29]

    def to_json(self) -> dict[str, str]:
        """Return the offer as ``extra.feeSponsor`` has it."""
        return {
            "input": str(self.input),
            "address": format_address(self.address),
            "lovelace": str(self.lovelace),
            "maxFee": str(self.max_fee),
            "expiresAt": str(self.expires_at_ms),
        }


def read_offer(extra: Mapping[str, Any], network_id: int) -> FeeSponsorOffer | None:
    """Return the offer in ``extra`` of requirements; ``None`` if there is none.

    ``network_id`` is the ledger's. Raises :class:`BadOffer` for one that is not exactly of the
    draft's form, or that the requirements do not announce.
    """
    if OFFER not in extra:
        return None
    if extra.get(IS_SPONSORED) is not True:
        raise BadOffer(f"extra.{IS_SPONSORED} must be true beside extra.{OFFER}")
    fields = extra[OFFER]
    if not isinstance(fields, Mapping) or sorted(fields) != sorted(_FIELDS):
        raise BadOffer(f"extra.{OFFER} must be an object with exactly {', '.join(_FIELDS)}")
    for name in _FIELDS:
        if not isinstance(fields[name], str):
            raise BadOffer(f"extra.{OFFER}.{name} must be a string")
    offer = FeeSponsorOffer(
        input=_read_input(fields["input"]),
        address=_read_address(fields["address"], network_id),
        lovelace=_read_number(fields, "lovelace"),
        max_fee=_read_number(fields, "maxFee"),
        expires_at_ms=_read_number(fields, "expiresAt"),
    )
    if offer.max_fee >= offer.lovelace:
        raise BadOffer(f"extra.{OFFER}.maxFee must be less than lovelace, {offer.lovelace}")
    return offer


def _read_input(text: str) -> OutputRef:
    try:
        return parse_output_ref(text)
    except ValueError:
        raise BadOffer(
            f"extra.{OFFER}.input must be <64 lowercase hex transaction id>#<output index>, "
            "the index decimal and at most 65535"
        ) from None


def _read_address(text: str, network_id: int) -> bytes:
    try:
        raw = parse_address(text)
    except ValueError as error:
        raise BadOffer(f"extra.{OFFER}.address is not an address: {error}") from None
    if raw[0] & _NO_KEY or format_address(raw) != text:
        raise BadOffer(f"extra.{OFFER}.address must be the bech32 address of a key, in lowercase")
    if raw[0] & 1 != network_id:
        raise BadOffer(f"extra.{OFFER}.address is of another network")
    return raw


def _read_number(fields: Mapping[str, str], name: str) -> int:
    text = fields[name]
    if not _NUMBER.fullmatch(text) or int(text) > _LARGEST:
        raise BadOffer(
            f"extra.{OFFER}.{name} must be a positive decimal integer below 2^64, without sign, "
            f"space or leading zero, not {text!r:.60}"
        )
    return int(text)
