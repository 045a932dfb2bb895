"""The look-up of agents in the registry: by other plugins first, then by the chain provider.

What is known is used for a while. What is not known is never guessed: the payment may be tried
again.
"""

import threading
from collections import OrderedDict

from facilitator.cardano.transaction import AssetId
from facilitator.plugin import (
    AssetState,
    ChainUnavailable,
    Context,
    PluginError,
    Refused,
    Unknown,
    current_allowance,
)
from facilitator_masumi.reasons import MasumiReason

_MOST = 1024
"""Agents of which the answers are kept."""
_WAIT_SECONDS = 10.0


class _Entry:
    """An answer about one agent. Its lock lets one caller ask while others wait for the answer."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.state: AssetState | None = None
        self.since = 0.0


class Registry:
    """The registry of agents. Safe to use from many threads."""

    def __init__(self, context: Context, seconds: float) -> None:
        """Use answers for so many seconds."""
        self._context = context
        self._seconds = seconds
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[str, AssetId], _Entry] = OrderedDict()

    def state(self, network: str, agent: AssetId) -> AssetState:
        """Return the state of the agent's token.

        Raises :class:`ChainUnavailable` if it is not known now, and :class:`Refused` if nothing
        here can look it up.
        """
        entry = self._entry(network, agent)
        allowance = current_allowance()
        wait = _WAIT_SECONDS if allowance is None else max(0.0, allowance.seconds_left)
        if not entry.lock.acquire(timeout=wait):
            raise ChainUnavailable("the registry of agents did not answer in time")
        try:
            age = self._context.clock.time() - entry.since
            if entry.state is None or not 0 <= age < self._seconds:
                entry.state = None
                state = self._look_up(network, agent)
                entry.state, entry.since = state, self._context.clock.time()
            return entry.state
        finally:
            entry.lock.release()

    def _entry(self, network: str, agent: AssetId) -> _Entry:
        with self._lock:
            entry = self._entries.setdefault((network, agent), _Entry())
            self._entries.move_to_end((network, agent))
            if len(self._entries) > _MOST:
                self._entries.popitem(last=False)
            return entry

    def _look_up(self, network: str, agent: AssetId) -> AssetState:
        state = self._by_plugins(network, agent)
        if state is None:
            state = self._context.reader.asset(network, agent)
        if state is None:
            raise Refused(
                MasumiReason.AGENT_IDENTIFIER,
                "extra.terms.agentIdentifier: this facilitator has no way to look up agents in the "
                "registry; the seller may omit it",
            )
        if isinstance(state, Unknown):
            raise ChainUnavailable(f"the registry of agents: {state.why}")
        return state

    def _by_plugins(self, network: str, agent: AssetId) -> AssetState | Unknown | None:
        try:
            found: object = self._context.hooks.first(
                "masumi_registry", network=network, agent=agent.hex()
            )
        except PluginError as error:
            raise ChainUnavailable("the look-up in the registry of agents failed") from error
        if found is not None and not isinstance(found, AssetState | Unknown):
            raise ChainUnavailable("the look-up in the registry of agents failed")
        return found
