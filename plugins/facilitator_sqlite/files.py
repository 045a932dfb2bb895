"""The files of a database on the disk: who may read them, and whether they are still in place.

SQLite does not notice when its ``-wal`` or ``-shm`` is removed under it. A process that starts then
makes new ones. Each of the two would see its own commits alone, and deliver a success.
"""

import logging
import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, NoReturn, Protocol

from facilitator_sqlite.errors import unavailable

_LOG_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
_PRIVATE = 0o600
_OF_OTHERS = 0o077
_TRIES = 3
_REMOVED = (
    "was moved, removed or replaced, or its -wal or -shm was; stop every process that uses it,"
    " without killing it, and start again"
)
_UNMARKED = (
    "has no -mark any more, or another one; stop every process that uses it, without killing it,"
    " and start again"
)
_CUT = "has lost a part, or its -wal or -shm has; stop every process that uses it, and start again"
_LOST = "the storage's files were removed or changed"

_log = logging.getLogger("facilitator.sqlite")


class Identity(NamedTuple):
    """The inodes of the log and of its index: both belong to the processes that share them."""

    wal: int
    shm: int


class Probe(Protocol):
    """The sizes of the files as SQLite knows them. Every method raises :class:`sqlite3.Error`."""

    def read_least_size(self) -> int:
        """Return the smallest size in bytes that the file may have now."""
        ...

    def read_log_size(self) -> int:
        """Return the smallest size in bytes that the log may have now."""
        ...


_Inodes = tuple[int, int, int, int]
"""Device and inode of the file, inodes of the log and of its index."""


class Files:
    """The file at a path, its ``-wal`` (log), its ``-shm`` (index of the log) and its ``-mark``.

    Until :meth:`adopt` nothing is expected of them. Safe to use from many threads.
    """

    def __init__(self, path: str) -> None:
        """Take the path as it was named; SQLite puts the other files beside the real one."""
        self.path = path
        real = os.path.realpath(path)
        self._wal, self._shm, self.mark = (f"{real}-{name}" for name in ("wal", "shm", "mark"))
        self._probe: Probe | None = None
        self._expected: _Inodes | None = None
        self._expected_mark = 0
        self._sizes = (0, 0, 0)
        """Those of the file, the log and its index when they were checked last."""
        self._log = -1
        self._fault: tuple[str, str] | None = None

    def create(self) -> None:
        """Create the file, for this user alone, if it is missing; SQLite says why it cannot."""
        with suppress(OSError):
            real = os.path.realpath(self.path)
            created = os.open(real, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE)
            os.fchmod(created, _PRIVATE)  # whatever the umask says
            os.close(created)

    def make_private(self) -> None:
        """Take the rights of other users away; SQLite makes further files like the first."""
        for name in (self.path, self._wal, self._shm, self.mark):
            with suppress(FileNotFoundError):
                mode = stat.S_IMODE(os.stat(name).st_mode)
                if mode & _OF_OTHERS:
                    self._restrict(name, mode)

    def _restrict(self, name: str, mode: int) -> None:
        try:
            os.chmod(name, mode & ~_OF_OTHERS)
        except OSError as error:
            _log.warning("other users may read %s, which cannot be changed: %s", name, error)
        else:
            _log.warning("other users could read or write %s; its mode is 0600 now", name)

    def find_identity(self) -> Identity | None:
        """Return the identity of the log and its index, if both are there."""
        try:
            log, index = os.stat(self._wal), os.stat(self._shm)
        except OSError:
            return None
        return Identity(log.st_ino, index.st_ino)

    def check_log(self, read_size: Callable[[], int]) -> None:
        """Raise ``StorageUnavailable`` if the log is shorter than it must be.

        A process that starts beside others asks before it writes. What it wrote behind the end of a
        log that was cut would hide the gap.
        """
        if not _is_at_least(self._wal, read_size):
            raise unavailable(self.path, _CUT, _LOST)

    def adopt(self, probe: Probe) -> None:
        """Expect the files that are in place to stay. Raises ``StorageUnavailable``."""
        self._probe = probe
        self._log = os.open(self._wal, os.O_RDONLY)
        main, wal, shm = os.stat(self.path), os.stat(self._wal), os.stat(self._shm)
        self._expected = (main.st_dev, main.st_ino, wal.st_ino, shm.st_ino)
        self._expected_mark = os.stat(self.mark).st_ino
        if not _is_at_least(self._wal, probe.read_log_size):
            self.distrust(_CUT)
        self.check()

    def check(self) -> None:
        """Raise ``StorageUnavailable``, now and ever after, if a file is not what it was."""
        if self._fault is not None:
            raise unavailable(self.path, *self._fault)
        if self._expected is not None and (complaint := self._inspect()) is not None:
            self.distrust(complaint)

    def _inspect(self) -> str | None:
        """Return what is wrong with the file, its log or its index."""
        seen_main, seen_wal, seen_shm = self._sizes  # first: what is found below is no older
        try:
            main, wal, shm = os.stat(self.path), os.stat(self._wal), os.stat(self._shm)
        except OSError:
            return _REMOVED
        if (main.st_dev, main.st_ino, wal.st_ino, shm.st_ino) != self._expected:
            return _REMOVED
        sizes = (main.st_size, wal.st_size, shm.st_size)
        is_cut = sizes[2] < seen_shm or (sizes[1] and not self._has_log_header())
        # SQLite may shorten these two: by a checkpoint of another program, or to give space back.
        if sizes[1] < seen_wal and self._probe is not None:
            is_cut = is_cut or not _is_at_least(self._wal, self._probe.read_log_size)
        if sizes[0] < seen_main and self._probe is not None:
            is_cut = is_cut or not _is_at_least(self.path, self._probe.read_least_size)
        if not is_cut:
            self._sizes = sizes
        return _CUT if is_cut else None

    def check_mark(self) -> None:
        """Raise ``StorageUnavailable``, now and ever after, if ``-mark`` is not what it was."""
        try:
            is_there = os.stat(self.mark).st_ino == self._expected_mark
        except OSError:
            is_there = False
        if not is_there and self._expected is not None:
            self.distrust(_UNMARKED)

    def are_complete(self) -> bool:
        """Return True if the file, its log and its index were always what they were at first."""
        return self._fault in (None, (_UNMARKED, _LOST)) and self._inspect() is None

    def check_before(self) -> None:
        """Raise ``StorageUnavailable`` before a call that would hide a cut, or crash.

        SQLite has the index of the log in its memory, and writes behind the end of the log.
        """
        _, seen_wal, seen_shm = self._sizes
        try:
            size = os.lseek(self._log, 0, os.SEEK_END)  # which costs less than its state
            is_whole = size >= seen_wal and os.stat(self._shm).st_size >= seen_shm
        except OSError:
            is_whole = False
        if not is_whole or self._fault is not None:
            self.check()

    def distrust(self, complaint: str, public: str = _LOST) -> NoReturn:
        """Refuse all work from now on. Raises ``StorageUnavailable``."""
        if self._fault is None and self._expected is not None:
            self._fault = (complaint, public)
            _log.error("the file %s %s", self.path, complaint)
        raise unavailable(self.path, complaint, public)

    def mend_index(self) -> None:
        """Make the index of the log as large again as SQLite expects, which has it in memory."""
        with suppress(OSError):
            found = os.stat(self._shm)
            is_known = self._expected is not None and found.st_ino == self._expected[3]
            if is_known and found.st_size < self._sizes[2]:
                os.truncate(self._shm, self._sizes[2])

    def close(self) -> None:
        """Expect nothing any more."""
        self._expected = None
        if self._log >= 0:
            os.close(self._log)
            self._log = -1

    def _has_log_header(self) -> bool:
        """Return True if the log begins as one does; it may have been emptied meanwhile."""
        return os.pread(self._log, 4, 0) in (*_LOG_MAGIC, b"")


def _is_at_least(name: str, read_size: Callable[[], int]) -> bool:
    """Return True if the file has the size, which may change meanwhile."""
    try:
        return any(read_size() <= os.stat(name).st_size for _ in range(_TRIES))
    except sqlite3.Error:
        return False
