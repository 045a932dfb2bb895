"""Variables by which Kubernetes and Docker announce services, of their own accord."""

import ipaddress
import re
from collections.abc import Mapping

PREFIX = "FACILITATOR_"

_PORT = r"[0-9]{1,5}"
_URL = rf"(tcp|udp|sctp)://\S+:{_PORT}"
_SHAPES: Mapping[str, str] = {
    r"SERVICE_HOST": r"\S+",
    r"SERVICE_PORT(_\w+)?": _PORT,
    rf"PORT(_{_PORT}_(TCP|UDP|SCTP)(_(START|END))?)?": _URL,
    rf"PORT_{_PORT}_(TCP|UDP|SCTP)_PROTO": r"tcp|udp|sctp",
    rf"PORT_{_PORT}_(TCP|UDP|SCTP)_PORT(_(START|END))?": _PORT,
    rf"PORT_{_PORT}_(TCP|UDP|SCTP)_ADDR": r"\S+",
}
"""The end of a variable's name, after that of the service, and its value."""
_LINKS = [
    (re.compile(rf"{PREFIX}(\w*_)?{name}", re.IGNORECASE), re.compile(value, re.IGNORECASE))
    for name, value in _SHAPES.items()
]
_DOCKERS_OWN = re.compile(rf"({PREFIX}(?:\w+_)?)(NAME|ENV_\w+)")
"""Names that Docker adds to a link's; alone, such a one could be a setting that is misspelt."""


def is_service_link(name: str, environ: Mapping[str, str]) -> bool:
    """Return True if the variable is one of those that announce a service of any name."""
    value = environ[name].strip()
    for names, values in _LINKS:
        if names.fullmatch(name) and values.fullmatch(value):
            return not name.upper().endswith(("_HOST", "_ADDR")) or _is_address(value)
    own = _DOCKERS_OWN.fullmatch(name)
    return own is not None and f"{own[1]}PORT" in environ


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True
