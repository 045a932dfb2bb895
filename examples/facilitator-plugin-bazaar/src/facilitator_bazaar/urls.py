"""URLs that a stranger wrote: those that a catalogue may show to others."""

import ipaddress
import re
from urllib.parse import urlsplit

LONGEST = 2_048
_SAFE = re.compile(r"[!#-;=?-\[\]_a-z~%]+")
"""Visible ASCII without quotes, angle brackets, backslash and the like."""
_NAME = re.compile(r"([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")
"""A name with a dot whose last label is no number, so that no reader takes it for an address."""
_INTERNAL = (".local", ".localhost", ".localdomain", ".internal", ".lan", ".home.arpa", ".onion")
_LONGEST_NAME = 253


def public_url(text: object) -> str | None:
    """Return the URL without query and fragment, or ``None`` for one that is not to be listed.

    A query may be a secret of the payer, and is not part of what is sold.
    """
    if not isinstance(text, str) or len(text) > LONGEST or not _SAFE.fullmatch(text):
        return None
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or port == 0:
        return None
    if not _is_public(host):
        return None
    shown = f"[{host}]" if ":" in host else host
    place = shown if port is None else f"{shown}:{port}"
    return f"{parts.scheme}://{place}{parts.path or '/'}"


def is_below(url: str, hosts: tuple[str, ...]) -> bool:
    """Return True if the URL's host is one of these or below one; any host without them."""
    host = urlsplit(url).hostname or ""
    names = [each.lower().removesuffix(".") for each in hosts]
    return not names or any(host == name or host.endswith(f".{name}") for name in names)


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        is_name = len(host) <= _LONGEST_NAME and _NAME.fullmatch(host) is not None
        return is_name and not f".{host}".endswith(_INTERNAL)
