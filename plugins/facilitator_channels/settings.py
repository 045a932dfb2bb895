"""The plugin's settings, the table ``channels``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from facilitator.plugin import setting

_HASH = re.compile(r"[0-9a-f]{56}")


def _hashes(texts: Sequence[str]) -> str | None:
    for text in texts:
        if not _HASH.fullmatch(text):
            return f"has {text!r:.60}, which is not a script hash of 56 lowercase hex digits"
    return None


@dataclass(frozen=True)
class ChannelsSettings:
    """The table ``channels``."""

    script_hashes: tuple[str, ...] = setting(
        (),
        "Script hashes of the validators whose channels are served; those that the plugin knows"
        " when empty. Another one must have the datum of Subbit.",
        check=_hashes,
    )
