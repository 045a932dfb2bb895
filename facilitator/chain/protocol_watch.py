"""The protocol versions in force: a later one than is known here means that nothing is judged."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from facilitator.cardano.parameters import DIJKSTRA, LAST_KNOWN
from facilitator.observability.advice import Concern
from facilitator.roles.chain import ChainProvider
from facilitator.roles.chain_errors import ChainUnavailable

_ASKED_SECONDS = 60.0
"""Pause between two questions for the parameters, which a provider keeps for an epoch anyway."""

_log = logging.getLogger("facilitator.protocol")


def describe_version(major: int) -> str:
    """Return what follows from a major version that is in force, as part of a sentence."""
    if major > LAST_KNOWN:
        return (
            f"protocol version {major}, and this release knows the rules up to {LAST_KNOWN}: it"
            " refuses every payment there until it is upgraded"
        )
    if major >= DIJKSTRA:
        return (
            f"protocol version {major}; reference scripts are limited and priced by Conway's"
            " constants, which no provider reports otherwise"
        )
    return f"protocol version {major}"


class ProtocolWatch:
    """A memory of the versions as they were seen. Safe to use from many threads."""

    def __init__(
        self,
        chains: Mapping[str, ChainProvider],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Watch the networks of ``chains``, which are by canonical id."""
        self._chains = chains
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._asked_at = -math.inf
        self._seen: dict[str, int] = {}

    def check(self) -> None:
        """Raise :class:`~facilitator.observability.advice.Concern` for a version that is not known.

        A provider that is away says nothing here: its own check reports that.
        """
        with self._lock:
            if self._monotonic() - self._asked_at >= _ASKED_SECONDS:
                self._asked_at = self._monotonic()
                self._look()
            unknown = list(_describe_unknown(self._seen.items()))
        if unknown:
            raise Concern("; ".join(unknown))

    def _look(self) -> None:
        for network, chain in self._chains.items():
            try:
                major = chain.parameters().protocol_major
            except ChainUnavailable:
                continue
            before = self._seen.get(network)
            if major != before and (before is not None or major >= DIJKSTRA):
                level = logging.WARNING if major > LAST_KNOWN else logging.INFO
                _log.log(level, "%s has %s", network, describe_version(major))
            self._seen[network] = major


def _describe_unknown(seen: Iterable[tuple[str, int]]) -> Iterator[str]:
    for network, major in seen:
        if major > LAST_KNOWN:
            yield f"{network} has {describe_version(major)}"
