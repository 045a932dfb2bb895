"""The plugin's settings, the table ``channels``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from facilitator.plugin import setting
from facilitator_channels.validators import KNOWN

_HASH = re.compile(r"[0-9a-f]{56}")


def _hashes(texts: Sequence[str]) -> str | None:
    for text in texts:
        if not _HASH.fullmatch(text):
            return f"has {text!r:.60}, which is not a script hash of 56 lowercase hex digits"
    return None if texts else "must name at least one script hash"


@dataclass(frozen=True)
class ChannelsSettings:
    """The table ``channels``."""

    script_hashes: tuple[str, ...] = setting(
        tuple(script.hex() for script in KNOWN),
        "Script hashes of the validators whose channels are served. One that the plugin does not"
        " know must have the datum of Subbit.",
        check=_hashes,
    )
