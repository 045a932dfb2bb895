"""The first questions to every chain provider, at start.

What no waiting mends, such as a refused key or another network, ends the start. A provider that is
away is tolerated: it is asked again before it is used.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from facilitator.chain.failover.failover_chain import FailoverChain
from facilitator.errors import PluginError, one_line
from facilitator.roles.chain import ChainProvider
from facilitator.roles.chain_errors import ChainUnavailable, ProviderUnusable, ServerLacks

WAIT_SECONDS = 5.0
"""Seconds that the start waits for providers, all asked at the same time."""

_log = logging.getLogger("facilitator.chain")


def make_contact(chains: Mapping[str, ChainProvider]) -> None:
    """Ask every provider if it can be used; log those that cannot be reached.

    Raises :class:`PluginError`, a line for each that can never be used as it is set up.
    """
    contacts = [
        _Contact(network, name, prove)
        for network, chain in chains.items()
        if isinstance(chain, FailoverChain)
        for name, prove in chain.proofs().items()
    ]
    end = time.monotonic() + WAIT_SECONDS
    for contact in contacts:
        contact.wait(max(0.0, end - time.monotonic()))
    if lines := [contact.fault for contact in contacts if contact.fault]:
        raise PluginError("\n".join(lines))


class _Contact:
    def __init__(self, network: str, name: str, prove: Callable[[], None]) -> None:
        """Begin to ask, in a thread: a server may take long to be away."""
        self._label = f"{network}: plugin '{name}'"
        self._prove = prove
        self.fault = ""
        self._thread = threading.Thread(target=self._ask, name=f"contact {name}", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait for the answer, and log that there is none yet."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            _log.warning("%s has not answered yet; the start goes on", self._label)

    def _ask(self) -> None:
        try:
            self._prove()
        except ProviderUnusable as error:
            self.fault = f"{self._label} cannot be used: {error.detail}"
            _log.error("%s", self.fault)
        except ServerLacks as error:
            _log.error("%s gives no verdicts: %s", self._label, error.detail)
        except ChainUnavailable as error:
            _log.warning(
                "%s does not answer; it is asked again when needed: %s", self._label, error.detail
            )
        except Exception as error:
            _log.warning("%s does not answer: %s", self._label, one_line(error))
