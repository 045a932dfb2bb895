"""Masking of known secrets and removal of payments, in all forms in which they are written."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import orjson

MASK = "***"
LEFT_OUT = "[left out]"
"""Placeholder for text that may be a part of a payment."""

_PREFIX = "facilitator_"
API_KEY = rf"{_PREFIX}[0-9a-f]{{64}}"
"""The form of API keys that are made here: secret, and not in the settings."""
_API_KEY = re.compile(API_KEY)
_LONG = re.compile(r"[A-Za-z0-9+/=_%\\-]{40,}")
"""Hexadecimal, Base64 in any of its alphabets, addresses: transactions, keys, signatures."""
_BETWEEN_WORDS = re.compile(r"([/_-])")
_WORD = re.compile(r"(?:[a-z]{1,16}\d{0,2}|\d{1,5})?")
"""Part of a path or of a reason. These may be as long as an address."""
_BYTES = re.compile(r"""\bb(?:'(?:[^'\\\n]|\\.)*(?:'|$)|"(?:[^"\\\n]|\\.)*(?:"|$))""", re.MULTILINE)
"""Bytes as Python writes them."""
_NUMBERS = re.compile(r"(?:\d{1,3},\s*){15,}\d{0,3}")
"""Bytes as a list of numbers."""


class Redactor:
    """A mask for known secrets and for API keys in texts, and in values that contain texts."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Mask ``secrets``, and the user names and passwords of those that are URLs."""
        forms = {form for secret in secrets for form in _forms(secret)}
        self._pattern = _any_of(forms)
        self._in_json = tuple({json_form for form in forms for json_form in _json(form)})

    def finds_in_json(self, line: str) -> bool:
        """Return True if a text in the JSON that ``orjson`` wrote holds a secret."""
        # Each line that is logged is looked at: to find texts costs less than to match patterns.
        if any(map(line.__contains__, self._in_json)):
            return True
        return _PREFIX in line and _API_KEY.search(line) is not None

    def text(self, text: str) -> str:
        """Return the text with every occurrence of a secret masked."""
        return self._pattern.sub(MASK, text)

    def value(self, value: object) -> Any:
        """Return a value that JSON can express, with every text in it masked."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(entry) for name, entry in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(entry) for entry in value]
        return self.text(str(value))


def _forms(secret: str) -> Iterator[str]:
    """Yield the forms of a secret: itself, escaped, quoted, and parts of a URL."""
    for text in {secret, " ".join(secret.split()), *_parts_of_url(secret)} - {""}:
        yield from {text, repr(text)[1:-1], json.dumps(text)[1:-1], quote(text, safe="")}


def _parts_of_url(secret: str) -> Iterator[str]:
    """Yield user name and passwords of a URL, as written in it and decoded."""
    if "://" not in secret:
        return
    try:
        parts = urlsplit(secret)
    except ValueError:
        return
    # The user of a Sentry DSN is its key.
    for part in filter(None, (parts.username, parts.password)):
        yield from (part, unquote(part))
    for name, value in parse_qsl(parts.query):
        if name.endswith("password"):
            yield value


def _json(form: str) -> Iterator[str]:
    """Yield the form that ``orjson`` writes. It never writes text that is not Unicode."""
    with suppress(TypeError):
        yield orjson.dumps(form).decode()[1:-1]


def _any_of(texts: Collection[str]) -> re.Pattern[str]:
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile("|".join([*map(re.escape, longest_first), API_KEY]))


def without_payments(text: str) -> str:
    """Return the text without possible parts of a payment: long encoded data, bytes, addresses."""
    for pattern in (_BYTES, _NUMBERS):
        text = pattern.sub(LEFT_OUT, text)
    return _LONG.sub(_words_of, text)


def _words_of(run: re.Match[str]) -> str:
    """Return the run with only the words of a path or of a reason left in it."""
    parts = _BETWEEN_WORDS.split(run[0])
    separators, words = parts[1::2], parts[::2]
    kept = [word if _WORD.fullmatch(word) else LEFT_OUT for word in words]
    return "".join(
        word + separator for word, separator in zip(kept, [*separators, ""], strict=True)
    )
