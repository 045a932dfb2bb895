"""Replicas of the facilitator in this process, each with an upstream that counts."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

from virtual_time import VirtualTime

from facilitator.observability.storage_metrics import OPERATIONS
from facilitator.plugin.loading import configure
from facilitator.plugin.manager import Plugins
from facilitator.runtime.composition import Facilitator, build_facilitator
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.blockfrost.faults import Effects
from facilitator_devnet.blockfrost.server import Answer
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.koios.api import KoiosApi

TAKEN_OVER = (
    "facilitator.chain",
    "facilitator.settlement",
    "facilitator.payments",
    "facilitator.roles",
    "facilitator_blockfrost",
    "facilitator_koios",
)
"""The packages that go by the clock of the simulation."""


class CountedBlockfrost(BlockfrostApi):
    """Blockfrost, with the bytes of its answers."""

    received = 0

    def respond(self, asked: Any, effects: Effects) -> Answer:
        answer = super().respond(asked, effects)
        self.received += len(answer.body)
        return answer


class CountedKoios(KoiosApi):
    """Koios, with the bytes of its answers."""

    received = 0

    def respond(self, asked: Any, effects: Effects) -> Answer:
        answer = super().respond(asked, effects)
        self.received += len(answer.body)
        return answer


class Announcements:
    """Passes on what a storage announces at the moment at which it was published."""

    def __init__(self) -> None:
        self._calls: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)

    def announce(self, network: str, call: Callable[[], None]) -> None:
        self._calls[network].append(call)

    def published(self, network: str) -> None:
        for call in self._calls[network]:
            call()


class Replica:
    """One facilitator, without HTTP in front of it."""

    def __init__(
        self,
        provider: str,
        devnet: Devnet,
        clock: VirtualTime,
        announcements: Announcements,
        environ: Mapping[str, str],
        folder: Path,
    ) -> None:
        self.operations: Counter[str] = Counter()
        """Calls of the storage, by name."""
        self.upstream = (CountedBlockfrost if provider == "blockfrost" else CountedKoios)(devnet)
        own = {
            "FACILITATOR_PLUGINS": f"{provider},{environ['storage']}",
            "FACILITATOR_SERVER__THREADS": "2000",
            "FACILITATOR_BLOCKFROST__BASE_URL": f"{self.upstream.url}/api/v0",
            "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodbenchmark",
            "FACILITATOR_KOIOS__BASE_URL": f"{self.upstream.url}/api/v1",
            **{name: value for name, value in environ.items() if name.isupper()},
        }
        settings, plugins = configure(environ=own, cwd=folder)
        self._count_storage(plugins, announcements)
        self.facilitator: Facilitator = build_facilitator(settings, plugins, clock)
        self.facilitator.start()
        self.calls_at_start = self._all_calls()

    def calls(self) -> Counter[str]:
        """Requests to the provider since the start, by endpoint."""
        return self._all_calls() - self.calls_at_start

    def _all_calls(self) -> Counter[str]:
        return Counter(self.upstream.counts()["by_endpoint"])

    def close(self) -> None:
        self.facilitator.service.drain()
        self.facilitator.service.close()
        self.facilitator.close()
        self.upstream.close()

    def _count_storage(self, plugins: Plugins, announcements: Announcements) -> None:
        one_storage = plugins.one_storage

        def counted(context: Any) -> Any:
            storage: Any = one_storage(context)
            for name in OPERATIONS:
                operation = getattr(storage, name, None)
                if operation is not None:
                    setattr(storage, name, partial(self._call, name, operation, announcements))
            if hasattr(storage, "announce"):
                storage.announce = announcements.announce
            return storage

        plugins.one_storage = counted  # type: ignore[method-assign]

    def _call(
        self,
        name: str,
        operation: Callable[..., Any],
        announcements: Announcements,
        /,
        *arguments: Any,
        **named: Any,
    ) -> Any:
        self.operations[name] += 1
        answer = operation(*arguments, **named)
        if name == "publish" and answer:
            announcements.published(arguments[0])
        return answer


class Fleet:
    """Replicas that share a storage."""

    def __init__(
        self,
        stack: ExitStack,
        number: int,
        provider: str,
        devnet: Devnet,
        clock: VirtualTime,
        environ: Mapping[str, str],
        folder: Path,
    ) -> None:
        announcements = Announcements()
        self.replicas: list[Replica] = []
        for _ in range(number):
            replica = Replica(provider, devnet, clock, announcements, environ, folder)
            stack.callback(replica.close)
            self.replicas.append(replica)

    def states(self, transactions: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """The state of each claim that the storage has."""
        storage = self.replicas[0].facilitator.storage
        found = {each: storage.claim(each) for each in transactions}
        return {each: [claim.state.value] for each, claim in found.items() if claim is not None}


def cpu_by_thread() -> Mapping[str, float]:
    """Seconds of CPU so far, by the first word of the threads' names."""
    used: defaultdict[str, float] = defaultdict(float)
    for thread in threading.enumerate():
        with suppress(FileNotFoundError):  # it has just ended
            times = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()
            used[thread.name.split()[0].split("_")[0]] += int(times[0]) / 1e9
    return used
