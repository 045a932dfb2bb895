"""What may happen to the files of a database under a process that uses it."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path


def unlink(*ends: str) -> Callable[[Path], None]:
    def injure(path: Path) -> None:
        for end in ends:
            Path(f"{path}{end}").unlink()

    return injure


def cut(end: str, part: float) -> Callable[[Path], None]:
    """Leave a part of a file: none of it with 0."""

    def injure(path: Path) -> None:
        name = f"{path}{end}"
        os.truncate(name, int(os.path.getsize(name) * part) // 512 * 512)

    return injure


def replace(*ends: str) -> Callable[[Path], None]:
    """Put copies into the places of files."""

    def injure(path: Path) -> None:
        for end in ends:
            shutil.copy(f"{path}{end}", f"{path}{end}.copy")
            os.replace(f"{path}{end}.copy", f"{path}{end}")

    return injure


def move(*ends: str) -> Callable[[Path], None]:
    def injure(path: Path) -> None:
        for end in ends:
            os.replace(f"{path}{end}", f"{path}{end}.moved")

    return injure


REMOVALS: Mapping[str, Callable[[Path], None]] = {
    "wal removed": unlink("-wal"),
    "shm removed": unlink("-shm"),
    "wal and shm removed": unlink("-wal", "-shm"),
    "mark removed": unlink("-mark"),
    "all beside it removed": unlink("-wal", "-shm", "-mark"),
    "wal moved": move("-wal"),
    "wal replaced": replace("-wal"),
    "shm replaced": replace("-shm"),
    "wal and shm replaced": replace("-wal", "-shm"),
    "mark replaced": replace("-mark"),
    "all beside it replaced": replace("-wal", "-shm", "-mark"),
}
"""Injuries by which the processes that have the file open lose nothing that they have written."""

LOSSES: Mapping[str, Callable[[Path], None]] = {
    "wal emptied": cut("-wal", 0),
    "wal cut": cut("-wal", 0.5),
    "file removed": unlink(""),
    "everything removed": unlink("", "-wal", "-shm", "-mark"),
    "file emptied": cut("", 0),
    "file cut": cut("", 0.5),
    "file replaced": replace(""),
    "everything replaced": replace("", "-wal", "-shm", "-mark"),
}
"""Injuries by which records may be lost, or two files take the place of one."""

CRASHES: Mapping[str, Callable[[Path], None]] = {"shm emptied": cut("-shm", 0)}
"""Injuries that end a process that is using the file just then: SQLite maps it into its memory."""

INJURIES = {**REMOVALS, **LOSSES, **CRASHES}
