"""Reads failures as Haskell shows them: constructors in constructors, in lists of either kind.

``[ConwayUtxowFailure (UtxoFailure (FeeTooSmallUTxO …)), …]``, or ``… :| […]``. Strings are set
apart: the payer chooses some of them, such as the URL of an anchor.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from facilitator.cardano.refusals.ledger_names import is_wrapper

_TOKEN = re.compile(
    r'"(?P<string>(?:[^"\\]++|\\.)*+)(?:"|(?P<cut>\\?\Z))'
    r"|(?P<word>[^\W\d][\w\']*)"
    r"|(?P<mark>:\||[^\w\s])"
    r"|(?P<number>\d[\w.]*)",
    re.DOTALL,
)
_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
_SEPARATORS = frozenset({",", ":|"})
_PREAMBLE = ["transaction", "submit", "error"]
"""The words with which the submission API of node 1.35 begins."""
_ERA = re.compile(r"ShelleyBasedEra\w*")
_DEEPEST = 24


class Token(NamedTuple):
    """A part of a text.

    A ``string`` (without its quotes), ``word``, ``mark`` or ``number``; or ``cut``: a string
    without an end, with all that follows.
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Group:
    """The items between two brackets."""

    opened_by: str
    items: "list[_Item]" = field(default_factory=list)


_Item: TypeAlias = Token | _Group


class Shown(NamedTuple):
    """A failure as it is shown."""

    name: str
    arguments: str
    """The words and numbers after the name, without strings and marks."""
    string: str
    """The argument, if it is a string; else empty."""


class Unreadable(Exception):
    """The text is not a list of failures, or not all of one."""


def split_tokens(text: str) -> Sequence[Token]:
    """Return the parts of the text."""
    return [
        Token(str(match.lastgroup), match[str(match.lastgroup)]) for match in _TOKEN.finditer(text)
    ]


def read_failures(tokens: Sequence[Token]) -> Sequence[Shown]:
    """Return the outermost failures, those that are not wrappers. Raises :class:`Unreadable`."""
    if [token.text for token in tokens[: len(_PREAMBLE)]] == _PREAMBLE:
        tokens = tokens[len(_PREAMBLE) :]
    return list(_failures(_group(tokens), 0))


def _group(tokens: Sequence[Token]) -> Sequence[_Item]:
    """Return the parts, with those between two brackets in a group of their own."""
    groups = [_Group("")]
    for token in tokens:
        if token.kind == "mark" and token.text in _CLOSED_BY:
            group = _Group(token.text)
            groups[-1].items.append(group)
            groups.append(group)
        elif token.kind == "mark" and token.text in _CLOSED_BY.values():
            if _CLOSED_BY.get(groups.pop().opened_by) != token.text:
                raise Unreadable
        elif token.kind == "cut":
            raise Unreadable
        else:
            groups[-1].items.append(token)
    if len(groups) > 1:
        raise Unreadable
    return groups[0].items


def _failures(items: Sequence[_Item], depth: int) -> Iterator[Shown]:
    if depth > _DEEPEST:
        raise Unreadable
    for term in _split(items):
        match term:
            case [_Group(opened_by="(" | "[") as group]:
                yield from _failures(group.items, depth + 1)
            case [Token(kind="word") as head, *arguments] if is_wrapper(head.text):
                inner = [each for each in arguments if not _is_era(each)]
                if not inner:
                    raise Unreadable
                for argument in inner:
                    yield from _failures([argument], depth + 1)
            case [Token(kind="word") as head, *arguments] if all(map(_is_argument, arguments)):
                yield _shown(head.text, arguments)
            case _:
                raise Unreadable


def _split(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Yield the terms between the separators of a list."""
    term: list[_Item] = []
    for item in items:
        if isinstance(item, Token) and item.kind == "mark" and item.text in _SEPARATORS:
            yield term
            term = []
        else:
            term.append(item)
    if term:
        yield term


def _shown(name: str, arguments: Sequence[_Item]) -> Shown:
    flat = [token for token in _flatten(arguments) if token.kind in ("word", "number")]
    string = ""
    if len(arguments) == 1 and isinstance(arguments[0], Token) and arguments[0].kind == "string":
        string = arguments[0].text
    return Shown(name, " ".join(token.text for token in flat), string)


def _flatten(items: Sequence[_Item]) -> Iterator[Token]:
    left = list(reversed(items))
    while left:
        item = left.pop()
        if isinstance(item, Token):
            yield item
        else:
            left.extend(reversed(item.items))


def _is_argument(item: _Item) -> bool:
    """Return True if a constructor may have the item as an argument: prose is none."""
    if isinstance(item, _Group) or item.kind in ("string", "number"):
        return True
    return item.kind == "word" and item.text[0].isupper()


def _is_era(item: _Item) -> bool:
    return isinstance(item, Token) and _ERA.fullmatch(item.text) is not None
