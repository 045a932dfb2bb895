"""Where a run's claims are, and the storages that are files."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from chaos.history import Loss
from chaos.plan import Trouble, Upset
from facilitator.roles.payment_ledger import PaymentLedger, RecordsPayments
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator_sqlite.storage import SqliteStorage

LONG_LEASE_SECONDS = 60


class Kept:
    """Where the claims are, for the facilitators and for who looks at them at the end."""

    plugin = "sqlite"
    places: Sequence[int] | None = None
    """The places of facilitators that share nothing, if they don't."""

    def __init__(self, environ: Mapping[str, str], open_: Callable[[], Storage]) -> None:
        self._environ = environ
        self._open = open_
        self.losses: list[Loss] = []

    def environ(self, place: int) -> Mapping[str, str]:  # noqa: ARG002
        """The settings of the facilitator in the place."""
        return self._environ

    def open(self) -> Sequence[Storage]:
        """All the storages there are."""
        return [self._open()]

    def ledger(self, storage: Storage) -> PaymentLedger:
        """The payment ledger that belongs to a storage, with all that waits for it."""
        assert isinstance(storage, RecordsPayments)
        return storage.payment_ledger()

    def suffer(self, trouble: Trouble) -> None:
        """Have it happen, and be over."""
        raise NotImplementedError(trouble.upset)

    def recover(self) -> None:
        """Do what has to be done after it, while no facilitator runs."""


class KeptInFile(Kept):
    """In one SQLite file. Its log can be removed, or emptied, while processes use it."""

    def __init__(self, path: Path) -> None:
        super().__init__({"FACILITATOR_SQLITE__PATH": str(path)}, lambda: SqliteStorage(str(path)))
        self._path = path

    def suffer(self, trouble: Trouble) -> None:
        if trouble.upset is not Upset.LOSE_LOG:
            super().suffer(trouble)
        for end in ("-wal", "-shm") if trouble.draw < 0.7 else ("-wal",):
            file = self._path.with_name(self._path.name + end)
            if trouble.draw < 0.5:
                file.unlink(missing_ok=True)
            elif file.exists():
                with file.open("r+b") as opened:
                    opened.truncate(0)

    def recover(self) -> None:
        """Go on with the file if it has all that it acknowledged, else with another one."""
        try:
            self._open().close()
        except StorageUnavailable as error:
            why = str(error.detail)
            self.losses.append(Loss(0.0, time.monotonic(), why, forgets_deliveries=False))
            for each in list(self._path.parent.glob(self._path.name + "*")):
                each.rename(each.with_name(f"lost{len(self.losses)}-{each.name}"))


class KeptSeparately(Kept):
    """In a file for each of two facilitators, which share nothing but the chain."""

    places = (0, 1)

    def __init__(self, folder: Path) -> None:
        self._paths = [folder / f"facilitator{place}.db" for place in self.places]
        super().__init__({}, lambda: SqliteStorage(str(self._paths[0])))

    def environ(self, place: int) -> Mapping[str, str]:
        return {
            "FACILITATOR_SQLITE__PATH": str(self._paths[place]),
            # A submission that takes longer may have been made by another worker meanwhile.
            "FACILITATOR_SETTLEMENT__LEASE_SECONDS": str(LONG_LEASE_SECONDS),
        }

    def open(self) -> Sequence[Storage]:
        return [SqliteStorage(str(path)) for path in self._paths]
