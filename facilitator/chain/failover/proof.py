"""The proof, before a provider is used, that it is of its network and can give verdicts."""

import logging
import threading

from facilitator.errors import one_line
from facilitator.roles.chain import ChainProvider, ExaminesServer, NamesNetwork
from facilitator.roles.chain_errors import ChainUnavailable, ProviderUnusable
from facilitator.x402.networks import cardano_network, cardano_networks

_log = logging.getLogger("facilitator.chain")


def check_network(provider: ChainProvider) -> None:
    """Ask the provider which network it is of.

    Raises :class:`ProviderUnusable` if it is another one, and :class:`ChainUnavailable`.
    """
    if not isinstance(provider, NamesNetwork):
        return
    magic, network = provider.network_magic(), cardano_network(provider.network)
    if magic is None or magic == network.magic:
        return
    named = next((each.id for each in cardano_networks() if each.magic == magic), "another network")
    public = f"it is of {named} (network magic {magic}), but {network.id} has the magic"
    public += f" {network.magic}"
    raise ProviderUnusable(f"{public}: set the provider of {network.id}", public)


class Proof:
    """Proves a provider at most once until it is doubted. Safe to use from many threads."""

    def __init__(self, name: str, provider: ChainProvider) -> None:
        """Take the provider by its plugin's name, not asked yet."""
        self._name = name
        self._provider = provider
        self._lock = threading.Lock()
        self._failures = 0
        self._failure = ("", "")
        self._examined = False
        self.is_there = not isinstance(provider, NamesNetwork | ExaminesServer)
        """True while nothing need be asked before a use."""

    def doubt(self) -> None:
        """Have the network proved again: another server may answer after an outage."""
        if isinstance(self._provider, NamesNetwork):
            self.is_there = False

    def give(self) -> None:
        """Return once the provider is proved, asking it if need be.

        Threads that wait for another's questions share a failure. Raises
        :class:`ChainUnavailable`.
        """
        failures = self._failures
        with self._lock:
            if self.is_there:
                return
            if self._failures != failures:
                raise ChainUnavailable(*self._failure)
            try:
                self._ask()
            except Exception as error:
                if isinstance(error, ChainUnavailable):
                    self._failure = str(error), error.detail
                else:
                    self._failure = type(error).__name__, one_line(error)
                self._failures += 1
                raise
            self.is_there = True

    def _ask(self) -> None:
        check_network(self._provider)
        if self._examined or not isinstance(self._provider, ExaminesServer):
            return
        found = self._provider.examine()
        self._examined = True
        _log.info("%s: %s: %s", self._provider.network, self._name, found)
