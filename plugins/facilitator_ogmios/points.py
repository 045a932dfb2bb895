"""Points of the chain in a file, from which its blocks are read after a restart.

Ogmios finds a block only by slot and hash. So without a point, reading begins at the tip.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import orjson

from facilitator.cardano.ogmios.fields import Malformed, digest, rows, whole
from facilitator.plugin import Point

_log = logging.getLogger(__name__)


class PointFile:
    """The file, which one process or several of the same network write."""

    def __init__(self, path: str | None) -> None:
        """Use the file at the path, if there is one."""
        self._path = None if not path else Path(path)
        self._can_write = True

    def read(self) -> Sequence[Point]:
        """Return the points as they were written; none if there is no such file."""
        if self._path is None:
            return []
        try:
            found = rows(orjson.loads(self._path.read_bytes()), "points")
            return [Point(whole(row, "slot"), digest(row, "id")) for row in found]
        except FileNotFoundError:
            return []
        except (OSError, orjson.JSONDecodeError, Malformed) as error:
            _log.warning("%s has no points that can be read: %s", self._path, error)
            return []

    def write(self, points: Sequence[Point]) -> None:
        """Replace the points. If that cannot be done, it is logged once."""
        if self._path is None:
            return
        content = orjson.dumps([{"slot": each.slot, "id": each.block} for each in points])
        written = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            written.write_bytes(content)
            written.replace(self._path)
            self._can_write = True
        except OSError as error:
            if self._can_write:
                _log.warning(
                    "%s cannot be written (%s): after a restart, blocks made meanwhile are not"
                    " known; set ogmios.path to a place that lasts",
                    self._path,
                    error.strerror,
                )
            self._can_write = False
