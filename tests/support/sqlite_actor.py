"""Processes that use an SQLite file and do what they are asked, each by its own connections.

``claim ID`` is answered ``claimed``; ``deliver ID`` is answered ``delivered`` by the process that
wrote the success, else ``not``; ``ping`` is answered ``works``. What the storage refuses is
answered ``refused``. ``forget`` is answered ``forgotten``, ``hold`` is answered ``held``. ``plant
MOMENT INJURY`` has the file injured during the next write: ``inside`` its transaction,
``committed``, ``marked`` or ``checked``.
"""

import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from facilitator.roles.claim import ClaimState
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.examples import example_claim, example_reservation
from facilitator_sqlite.storage import SqliteStorage
from support.sqlite_knife import INJURIES

SECONDS = 120
OVER = 300.0
"""Unix seconds at which every settled claim may be removed."""
MOMENTS = ("inside", "committed", "marked", "checked")


class Actor:
    """The storage, and what it is asked to do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.storage = SqliteStorage(str(path), busy_seconds=0.2)

    def obey(self, task: str, *words: str) -> str:
        try:
            return str(getattr(self, task)(*words))
        except StorageUnavailable:
            return "refused"

    def ping(self) -> str:
        self.storage.ping()
        return "works"

    def claim(self, transaction_id: str) -> str:
        self.storage.add_claim(example_claim(transaction_id=transaction_id))
        return "claimed"

    def deliver(self, transaction_id: str) -> str:
        """Deliver the success, as a settlement does: to the caller whose answer is written."""
        claim = self.storage.add_claim(example_claim(transaction_id=transaction_id))
        if claim.answer is not None:
            return "not"
        delivered = claim.changed(state=ClaimState.SETTLED, answer=b"{}")
        return "delivered" if self.storage.change_claim(delivered) else "not"

    def forget(self) -> str:
        """Forget settled claims, which is a change that no mark is made of."""
        return "forgotten" if self.storage.forget_claims(OVER) else "none"

    def hold(self) -> str:
        """Hold the input of a settlement, which is a change that has no number."""
        wanted = example_reservation(is_settling=True)
        return "held" if self.storage.reserve(wanted, now=0.0, limit=1) is None else "not"

    def close(self) -> str:
        self.storage.close()
        return "closed"

    def plant(self, moment: str, *injury: str) -> str:
        def injure() -> None:
            INJURIES[" ".join(injury)](self.path)

        strike = once(injure)
        database = self.storage._database
        if moment == "inside":
            writer = database._writer
            writer._count = before(writer._count, strike)
        elif moment == "committed":
            vars(database._marks)["acknowledge"] = before(database._marks.acknowledge, strike)
        elif moment == "marked":
            vars(database._files)["check_mark"] = before(database._files.check_mark, strike)
        else:
            writer = database._writer
            writer._after = after(writer._after, strike)
        return "planted"


def before(call: Callable[..., Any], strike: Callable[[], None]) -> Callable[..., Any]:
    def struck(*arguments: Any) -> Any:
        strike()
        return call(*arguments)

    return struck


def after(call: Callable[..., Any], strike: Callable[[], None]) -> Callable[..., Any]:
    def struck(*arguments: Any) -> Any:
        result = call(*arguments)
        if arguments != (None,):
            strike()
        return result

    return struck


def once(strike: Callable[[], None]) -> Callable[[], None]:
    left = [strike]

    def struck() -> None:
        if left:
            left.pop()()

    return struck


def act(path: Path, line: Connection) -> None:
    """Open the storage, and answer until there is no one to answer to."""
    try:
        actor = Actor(path)
    except StorageUnavailable as error:
        line.send(f"refused: {error.detail}")
        return
    line.send("open")
    with suppress(EOFError):
        while True:
            line.send(actor.obey(*line.recv().split()))


class Process:
    """An actor in a process of its own."""

    context = multiprocessing.get_context("forkserver")
    # Imports take most of the life of a process. The path of this module is not known there.
    context.set_forkserver_preload(["facilitator.testing.examples", "facilitator_sqlite.storage"])

    def __init__(self, path: Path) -> None:
        self._line, other = self.context.Pipe()
        self._process = self.context.Process(target=act, args=(path, other), daemon=True)
        self._process.start()
        other.close()
        self.began = self._answer()

    def ask(self, task: str) -> str:
        """Return the answer; none from a process that has ended."""
        with suppress(OSError):
            self._line.send(task)
        return self._answer()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        """Have it close its storage and end."""
        assert self.ask("close") == "closed"
        self._line.close()
        self._process.join()
        assert self._process.exitcode == 0

    def _answer(self) -> str:
        try:
            assert self._line.poll(SECONDS)
            return str(self._line.recv())
        except (EOFError, OSError):
            return ""
