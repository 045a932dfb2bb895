"""A facilitator over two devnets, two views of one chain: ``alpha``, and ``beta`` on standby.

Blocks depend on nothing but the clock and the transactions, so what is submitted to both and made a
block of on both at the same time is the same chain.
"""

import importlib
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from facilitator.testing.running import NETWORK, Running
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.faults import Method

ALL_METHODS: tuple[Method, ...] = get_args(Method)
_PLUGIN = """
from facilitator import hookimpl
from support.paired import {kind}

made = []

@hookimpl
def chain_provider(context, network):
    if network != "{network}":
        return None
    made.append({kind}(network, context.clock))
    return made[-1]
"""


class CountedDevnet(Devnet):
    """Counts how often each method was called."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.calls: Counter[str] = Counter()
        super().__init__(*arguments, **options)

    def _check(self, method: str) -> None:
        self.calls[method] += 1
        super()._check(method)

    def fail_all(self) -> None:
        """Fail whatever is asked from now on, until :meth:`heal`."""
        for method in ALL_METHODS:
            self.faults.fail(method, 10**9)

    def heal(self) -> None:
        self.faults = type(self.faults)()


class PolledDevnet(CountedDevnet):
    """One that tells nobody of new blocks, as over HTTP."""

    await_block = None  # type: ignore[assignment]  # takes the capability away

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.poll_seconds = 0.05


class RemoteDevnet(CountedDevnet):
    """One that passes for the network itself."""

    is_devnet = False


@contextmanager
def installed(folder: Path, **plugins: tuple[str, str]) -> Iterator[None]:
    """Have plugins by name, each a class of this module that provides one network."""
    folder.mkdir()
    for name, (kind, network) in plugins.items():
        (folder / f"standby_{name}.py").write_text(_PLUGIN.format(kind=kind, network=network))
    info = folder / "standby_plugins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: standby-plugins\nVersion: 1.0\n")
    entries = "".join(f"{name} = standby_{name}\n" for name in plugins)
    (info / "entry_points.txt").write_text(f"[facilitator.plugins]\n{entries}")
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in plugins:
            sys.modules.pop(f"standby_{name}", None)


class Paired(Running):
    """The running facilitator with both of its devnets."""

    @property
    def devnet(self) -> CountedDevnet:
        return _made("alpha")

    @property
    def standby(self) -> CountedDevnet:
        return _made("beta")

    def next_block(self) -> None:
        """The same block on both, one second later, of what was submitted to both."""
        super().next_block()
        self.standby.produce_block()

    def dependencies(self) -> dict[str, Any]:
        """What ``/health`` tells of the chain's providers, by name, its network left out."""
        _, document = self.call("GET", "/health")
        return {
            name.removeprefix(f"{NETWORK} "): told
            for name, told in document["dependencies"].items()
            if name.startswith(NETWORK)
        }


def _made(name: str) -> CountedDevnet:
    devnet = sys.modules[f"standby_{name}"].made[-1]
    assert isinstance(devnet, CountedDevnet)
    return devnet
