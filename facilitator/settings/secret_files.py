"""Secrets in files of their own, as Docker and Kubernetes mount them."""

from pathlib import Path

SUFFIX = "_file"
MAX_BYTES = 65_536


def read_secret(path: object) -> str:
    """Return the text of a file without the end of its line.

    Raises :class:`ValueError` with a sentence that does not show the path: it may be the secret
    itself, by mistake.
    """
    if not isinstance(path, str) or not path:
        raise ValueError("must name a file")
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # the latter for what cannot be a name
        why = error.strerror if isinstance(error, OSError) else None
        raise ValueError(f"names a file that cannot be read: {why or 'no valid name'}") from None
    if len(data) > MAX_BYTES:
        raise ValueError(f"names a file of more than {MAX_BYTES} bytes")
    try:
        secret = data.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("names a file that is not UTF-8 text") from None
    if not secret:
        raise ValueError("names a file that is empty")
    return secret


def is_wrapped_in_quotes(value: object) -> bool:
    """Return True for a text in quotes, as env-files have it that keep them in the value."""
    if not isinstance(value, str):
        return False
    text = value.strip()
    return len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"


KEPT_QUOTES = "must not be in quotes: an env-file or a secret's file keeps them in the value"
