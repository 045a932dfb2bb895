"""Servers for a run of benchmarks: each is started when it is first needed, and then shared.

Servers that are measured run on the first core; the devnet, the clients and storages on the others.
"""

import os
import tempfile
import urllib.request
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, TracebackType

from harness import Api, Payer, on_blockfrost
from processes import Running, is_listening, on_cores, process

from facilitator.testing.redis_server import free_port
from facilitator.testing.waiting import eventually

HERE = Path(__file__).parent
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


class Servers:
    """The devnet, its answers as an upstream, and facilitators over it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._facilitators: dict[str, Running] = {}
        self._embedded: dict[str, tuple[Running, Api]] = {}
        self._funded = 0
        self.cores = sorted(os.sched_getaffinity(0))
        self.first, *others = self.cores
        self._others = others or [self.first]

    def __enter__(self) -> "Servers":
        self._stack.enter_context(on_cores(self._others))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def new_folder(self) -> Path:
        """A folder that is removed at the end."""
        return Path(self._stack.enter_context(tempfile.TemporaryDirectory()))

    @cached_property
    def api(self) -> Api:
        """The devnet's API, with a block every 20 seconds."""
        devnet = ["devnet", "--listen", "127.0.0.1:0", "--block-seconds", "20"]
        return Api(self._stack.enter_context(process(devnet, {}, self.new_folder())).url)

    @cached_property
    def upstream(self) -> str:
        """The URL of a server that gives the devnet's answers at little cost."""
        started = process([self.api.url], {}, self.new_folder(), script=str(HERE / "upstream.py"))
        return self._stack.enter_context(started).url

    def delay_upstream(self, milliseconds: int) -> None:
        """Have each answer of the upstream take so long from now on."""
        urllib.request.urlopen(f"{self.upstream}/delay/{milliseconds}", b"").close()

    @cached_property
    def constant(self) -> Running:
        """The server under the facilitator, answering a constant: what waitress itself costs."""
        return self.start([], {}, script=str(HERE / "constant.py"))

    def settings(self, plugins: str) -> dict[str, str]:
        """The environment of a facilitator with these plugins over the upstream."""
        return on_blockfrost(Api(self.upstream)) | {"FACILITATOR_PLUGINS": f"blockfrost,{plugins}"}

    def facilitator(self, plugins: str, added: Mapping[str, str] = NO_SETTINGS) -> Running:
        """A facilitator with these plugins over the upstream, and with settings of theirs."""
        if plugins not in self._facilitators:
            environ = {**self.settings(plugins), **added}
            self._facilitators[plugins] = self.start(["serve"], environ)
        return self._facilitators[plugins]

    def embedded(self, storage: str, **added: str) -> tuple[Running, Api]:
        """A facilitator with the devnet in it, which makes blocks on demand, and its API."""
        if storage not in self._embedded:
            port, listen = free_port(), f"127.0.0.1:{free_port()}"
            environ = {
                "FACILITATOR_PLUGINS": f"devnet,{storage}",
                "FACILITATOR_SERVER__PORT": str(port),
                "FACILITATOR_DEVNET__BLOCK_SECONDS": "0",
                "FACILITATOR_DEVNET__LISTEN": listen,
                "FACILITATOR_RATE_LIMIT__ENABLED": "false",
                **added,
            }
            pid = self.start(["serve"], environ).pid  # first it says where the devnet listens
            eventually(lambda: is_listening(port))
            running = Running(pid, f"http://127.0.0.1:{port}")
            self._embedded[storage] = running, Api(f"http://{listen}")
        return self._embedded[storage]

    def start(
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        *,
        script: str | None = None,
        under: Sequence[str] = (),
        cores: Collection[int] | None = None,
    ) -> Running:
        """A process that is measured: on the first core, unless others are named."""
        with on_cores([self.first] if cores is None else cores):
            started = process(arguments, environ, self.new_folder(), script, under)
            return self._stack.enter_context(started)

    def payers(self, number: int) -> list[Payer]:
        """So many payers that no facilitator has seen, each with an output of its own."""
        first, self._funded = self._funded, self._funded + number
        made = [self.api.fund(f"payer {each}") for each in range(first, self._funded)]
        for each in made:
            transaction_id = each.ref.transaction_id.hex()
            asked = f"{self.upstream}/api/v0/txs/{transaction_id}/utxos"
            urllib.request.urlopen(asked).close()
        return made

    def bodies(self, number: int) -> list[bytes]:
        """A payment of each of so many new payers."""
        return [payer.body() for payer in self.payers(number)]
