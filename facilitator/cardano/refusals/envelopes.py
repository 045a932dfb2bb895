"""Takes an answer apart: JSON in JSON, of several servers, around Haskell's texts.

No name is searched for. A part without one of the known forms is :class:`Other`: then the answer
cannot prove that the transaction is refused for good.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from facilitator.cardano.refusals.ledger_names import is_wrapper
from facilitator.cardano.refusals.ogmios_codes import LEDGER_CODES

_JSON_LEVELS = 4
_DEEPEST = 32

_TAGS = frozenset(
    {"TxSubmitFail", "TxCmdTxSubmitValidationError", "TxValidationErrorInCardanoMode"}
)
"""Of the submission API of cardano-node: a failure of the ledger is inside."""
_READ_TAGS = frozenset({"TxCmdTxReadError", "TxSubmitDecodeFail"})
"""Of the same: it cannot decode the transaction."""
_LEDGER_KIND = "ShelleyTxValidationError"

_STRING_OR_OBJECT = re.compile(r'"(?:[^"\\]++|\\.)*+"?|\{', re.DOTALL)


class Text(NamedTuple):
    """A text that should be a list of failures as Haskell shows them."""

    text: str


class Code(NamedTuple):
    """A failure by Ogmios' code."""

    code: int
    message: str
    data: Mapping[str, Any]


class Undecodable(NamedTuple):
    """The server cannot decode the transaction: it is none, or of a newer era than the server."""

    text: str


class Around(NamedTuple):
    """The text around JSON, which may say more."""

    text: str


class Other(NamedTuple):
    """Something without a known form."""


Part: TypeAlias = Text | Code | Undecodable | Around | Other


def take_apart(answer: str) -> Iterator[Part]:
    """Yield the parts of an answer's body, or of a message in it."""
    return _parts(answer, 0, 0)


def _parts(value: Any, level: int, depth: int) -> Iterator[Part]:
    """Yield the parts of a value in ``level`` JSON texts and ``depth`` lists and objects."""
    if depth > _DEEPEST:
        yield Other()
        return
    match value:
        case str():
            yield from _parts_of_text(value, level, depth)
        case list():
            for each in value:
                yield from _parts(each, level, depth + 1)
        case dict():
            yield from _parts_of_object(value, level, depth + 1)
        case _:
            yield Other()


def _parts_of_text(text: str, level: int, depth: int) -> Iterator[Part]:
    found = _find_json(text) if level < _JSON_LEVELS else None
    if found is None:
        yield Text(text)
        return
    before, value, after = found
    yield Around(before)
    if after.strip(" \t\r\n.)'\""):
        yield Text(after)
    yield from _parts(value, level + 1, depth)


def _find_json(text: str) -> tuple[str, Any, str] | None:
    """Return the JSON in the text, and what is before and after it; ``None`` without any."""
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] not in ("{", "[", '"'):
        opening = next((m for m in _STRING_OR_OBJECT.finditer(text) if m[0] == "{"), None)
        if opening is None:
            return None
        start = opening.start()
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    if text[start] == '"' and text[end:].strip():
        return None  # it begins with a quoted word, and is not JSON
    return text[:start], value, text[end:]


def _parts_of_object(value: Mapping[str, Any], level: int, depth: int) -> Iterator[Part]:
    code, tag = value.get("code"), value.get("tag", value.get("kind"))
    if type(code) is int and (code in LEDGER_CODES or code < 0):
        data = value.get("data")
        yield Code(code, str(value.get("message", "")), data if isinstance(data, dict) else {})
    elif tag in _READ_TAGS:
        yield Undecodable(json.dumps(value.get("contents")))
    elif tag == _LEDGER_KIND:
        yield from _parts(value.get("error"), level, depth)
    elif "contents" in value:
        if not isinstance(tag, str) or not (tag in _TAGS or is_wrapper(tag)):
            yield Other()
        yield from _parts(value["contents"], level, depth)
    elif isinstance(tag, str):
        yield Text(tag)
    elif "message" in value:
        yield from _parts(value["message"], level, depth)
    elif "error" in value:
        yield from _parts(value["error"], level, depth)
    else:
        yield Other()
