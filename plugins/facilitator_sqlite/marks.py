"""The file ``-mark``: the number of the newest synced commit that was acknowledged.

It lies beside the database while that is open, and is removed with the log at the last close. Each
commit has a number, which is in the database and, once a synced one is acknowledged, here. Those
that are not synced have one as well: else a log that was cut behind one of them would put older
claims before those in the file, and leave the file's number as it is. A database with a lower
number than its marks has lost commits: its log was removed while it was needed. Then a success that
was delivered could be delivered again.
"""

import os
import struct
from contextlib import suppress

from facilitator_sqlite.files import Files, Identity

_HEADER = struct.Struct("<QQQ")
"""The number when the file was opened first, and the identity of its log, 0 until it is known."""
_SLOT = struct.Struct("<Q")
"""Each process that opens the file has a slot for its newest number. The highest one counts."""


class Marks:
    """The marks of all processes, and the slot of this one."""

    def __init__(self, files: Files) -> None:
        """Use the file ``-mark`` of these."""
        self._files = files
        self._file = -1
        self._slot = 0

    def begin(self, commits: int) -> None:
        """Start with the number of a database that the caller holds exclusively."""
        file = os.open(self._files.mark, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        try:
            os.fchmod(file, 0o600)
            os.write(file, _HEADER.pack(commits, 0, 0))
            os.fsync(file)
        finally:
            os.close(file)
        self._sync_folder()

    def name_log(self, identity: Identity) -> None:
        """Note which log belongs to the database now."""
        file = os.open(self._files.mark, os.O_WRONLY)
        try:
            os.pwrite(file, _HEADER.pack(0, *identity)[_SLOT.size :], _SLOT.size)
        finally:
            os.close(file)

    def read_newest(self) -> int | None:
        """Return the highest number; ``None`` if there is none."""
        content = self._read_content()
        if len(content) < _HEADER.size:
            return None
        slots = content[_HEADER.size :]
        whole = slots[: len(slots) // _SLOT.size * _SLOT.size]
        numbers = [number for (number,) in _SLOT.iter_unpack(whole)]
        return max(int(number) for number in (_HEADER.unpack_from(content)[0], *numbers))

    def find_identity(self) -> Identity | None:
        """Return the identity of the log, once it is known."""
        content = self._read_content()
        if len(content) < _HEADER.size:
            return None
        identity = Identity(*_HEADER.unpack_from(content)[1:])
        return identity if all(identity) else None

    def join(self) -> None:
        """Take a slot."""
        self._file = os.open(self._files.mark, os.O_WRONLY)
        appending = os.open(self._files.mark, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(appending, _SLOT.pack(0))
            self._slot = os.lseek(appending, 0, os.SEEK_CUR) - _SLOT.size
        finally:
            os.close(appending)

    def count_slots(self) -> int:
        """Return how many slots were taken: each process takes one before it uses the file."""
        return (os.lseek(self._file, 0, os.SEEK_END) - _HEADER.size) // _SLOT.size

    def acknowledge(self, commits: int) -> None:
        """Note that a commit with this number is about to be acknowledged."""
        os.pwrite(self._file, _SLOT.pack(commits), self._slot)

    def end(self) -> None:
        """Remove the file, unless another process has begun with it; held exclusively."""
        known = os.fstat(self._file)
        with suppress(FileNotFoundError):
            found = os.stat(self._files.mark)
            is_known = (known.st_dev, known.st_ino) == (found.st_dev, found.st_ino)
            if is_known and self.find_identity():
                os.unlink(self._files.mark)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _read_content(self) -> bytes:
        try:
            with open(self._files.mark, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def _sync_folder(self) -> None:
        folder = os.open(os.path.dirname(self._files.mark), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
