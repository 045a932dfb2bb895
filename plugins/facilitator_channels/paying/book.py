"""The file with the records of one wallet's channels on one network.

It is replaced as a whole, durably, and one process at a time uses it. It holds no key: what is in
it helps others to nothing but to know what was bought. Lost, it is made again from the chain.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from facilitator.plugin import CannotPay
from facilitator_channels.paying.entry import Entry, entry_from_json, entry_json

_ONLY_OWNER, _FOLDER = 0o600, 0o700


class Book:
    """The records, by channel id. Use it inside of :meth:`locked`."""

    def __init__(self, folder: Path, network: str, payer: bytes, *, durable: bool = True) -> None:
        """Keep them below the folder; ``payer`` is the hash of the wallet's key.

        Unless they are ``durable``, a loss of power may take the newest ones away.
        """
        self._durable = durable
        name = f"{network.replace(':', '-')}-{payer.hex()}"
        self.path = folder / "channels" / f"{name}.json"

    @contextmanager
    def locked(self, report: Callable[[str], None]) -> Iterator[None]:
        """Keep other processes out. Raises :class:`CannotPay` if the folder cannot be used."""
        try:
            self.path.parent.mkdir(_FOLDER, parents=True, exist_ok=True)
            lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, _ONLY_OWNER)
        except OSError as error:
            raise CannotPay(f"the records of channels cannot be kept: {error}") from None
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report("another payment from this wallet is under way: waiting for its end")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def entries(self) -> list[Entry]:
        """Return all records. Raises :class:`CannotPay` if the file is there and not readable."""
        try:
            kept = orjson.loads(self.path.read_bytes())
            return [entry_from_json(each) for each in kept["channels"]]
        except FileNotFoundError:
            return []
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise CannotPay(
                f"the records of channels in {self.path} cannot be read ({error!r:.100}): move the"
                " file away, and the channels are found again on the chain"
            ) from None

    def put(self, entry: Entry) -> None:
        """Add the record, or replace the one of that channel.

        Raises :class:`CannotPay` if it cannot be written.
        """
        others = [each for each in self.entries() if each.id != entry.id]
        kept = {"channels": [entry_json(each) for each in (*others, entry)]}
        try:
            content = orjson.dumps(kept, option=orjson.OPT_INDENT_2)
            _replace(self.path, content, durable=self._durable)
        except OSError as error:
            raise CannotPay(f"the record of the channel cannot be written: {error}") from None


def _replace(path: Path, content: bytes, *, durable: bool) -> None:
    """Replace the file: a crash leaves the old one or the new one."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ONLY_OWNER)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        if durable:
            os.fsync(descriptor)
    new.replace(path)
    if not durable:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
