r"""A claim as one value, for storages that keep it so. It is short: each is kept for a day or more.

The value leaves out the id, the version and the nonce, which a storage keeps beside it to look for
them. It begins with a byte for its form, which is ``\x01``. A JSON list of the other fields in
their order, a line feed, and the bytes that are text in most claims follow, deflated (RFC 1951);
then the transaction, and last the bytes of texts that are lowercase hex. The list has the number of
bytes in the place of each of these.
"""

import zlib
from dataclasses import fields
from operator import attrgetter
from typing import Any

import orjson

from facilitator.roles.claim import Claim, ClaimState

_FORM = b"\x01"
_APART = ("transaction_id", "version", "nonce")
# A field that a claim gets later stands behind these. Then older records, which end earlier, are
# still read, and an older version of this module refuses newer ones.
_NAMES = [field.name for field in fields(Claim) if field.name not in _APART]
_VALUES = attrgetter(*_NAMES)
_STATE, _TRANSACTION = _NAMES.index("state"), _NAMES.index("transaction")
_TEXTS = [_NAMES.index(name) for name in ("answer", "record", "details")]
_HEX = [_NAMES.index(name) for name in ("requirements", "owner", "block", "answer_key", "follows")]

_KNOWN = (
    b'"accepted":false,"error":"null,\\n"rejected","expired",18446744073709551615,mainnet,'
    b'"resource":"https://","caller":"","client":"","identifier":"","terms":{"maxTimeoutSeconds":'
    b'300,"extra":{"assetTransferMethod":"","confirmationPolicy":{"l1Confirmations":1}}},'
    b'"requestId":"-4{"success":true,"transaction":"","network":"cardano:preprod","payer":"addr_'
    b'test1q","amount":"2000000","extra":{"status":"confirmed","confirmations":1}}{"payTo":"addr1q'
    b'","asset":"lovelace","method":"default","fee":170000,"resource":"["cardano:mainnet","settled"'
    b',300,32,"addr1q","1000000",1,17.true,32,1,null,312,32,8,"exact",0,363,"127.0.0.1","'
)
"""The preset dictionary: text of most records, the most frequent last. Never change it, since it is
a part of each record. A better one needs a form of its own."""
_WINDOW, _LEVEL, _MEMORY = -12, 3, 4
"""The parameters of zlib: a window of 4096 bytes, a fast level, little memory to prepare."""
_MOST_BYTES = 64 * 2**20
"""Greatest inflated size: four of the greatest bodies of requests. Few bytes that another program
wrote may inflate to a thousand times as many."""


class UnreadableRecord(Exception):
    """The value is damaged, or of a form that this version does not know."""


def claim_to_record(claim: Claim) -> bytes:
    """Return the value. Equal claims have equal values, if one version of zlib has made them."""
    values = list(_VALUES(claim))
    dense = [_take_hex(values, place) for place in _HEX]
    texts = [_take(values, place) for place in _TEXTS]
    transaction = _take(values, _TRANSACTION)
    content = b"".join((orjson.dumps(values), b"\n", *texts))
    known = _known(claim.transaction_id)
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zdict=known)
    return b"".join((_FORM, deflate.compress(content), deflate.flush(), transaction, *dense))


def claim_from_record(transaction_id: str, version: int, nonce: str, record: bytes) -> Claim:
    """Return the claim that has this id, version and nonce, and the other fields as in the record.

    Raises :class:`UnreadableRecord`.
    """
    try:
        head, _, rest = _inflated(transaction_id, record).partition(b"\n")
        values = orjson.loads(head)
        if len(values) > len(_NAMES):
            raise UnreadableRecord
        for place in (*_TEXTS, _TRANSACTION, *_HEX):
            if type(length := values[place]) is int:
                values[place], rest = rest[:length], rest[length:]
                if len(values[place]) != length:
                    raise UnreadableRecord
        if rest:
            raise UnreadableRecord
        for place in _HEX:
            if isinstance(values[place], bytes):
                values[place] = values[place].hex()
        values[_STATE] = ClaimState(values[_STATE])
        others: dict[str, Any] = dict(zip(_NAMES, values, strict=False))
        return Claim(transaction_id=transaction_id, version=version, nonce=nonce, **others)
    except (zlib.error, ValueError, TypeError, LookupError) as error:
        raise UnreadableRecord from error


def _take(values: list[Any], place: int) -> bytes:
    """Return the bytes of the field, and leave their length in its place."""
    content: bytes | None = values[place]
    if content is None:
        return b""
    values[place] = len(content)
    return content


def _take_hex(values: list[Any], place: int) -> bytes:
    """Return the bytes of which the field is the lowercase hex; of any other text it stays."""
    text: str | None = values[place]
    if text is None:
        return b""
    try:
        content = bytes.fromhex(text)
    except ValueError:
        return b""
    if content.hex() != text:
        return b""
    values[place] = len(content)
    return content


def _inflated(transaction_id: str, record: bytes) -> bytes:
    if record[:1] != _FORM:
        raise UnreadableRecord
    inflate = zlib.decompressobj(_WINDOW, zdict=_known(transaction_id))
    content = inflate.decompress(record[1:], _MOST_BYTES)
    if not inflate.eof:
        raise UnreadableRecord
    return content + inflate.unused_data


def _known(transaction_id: str) -> bytes:
    """Return the preset dictionary: an answer has the transaction's id as well."""
    return _KNOWN + transaction_id.encode()
