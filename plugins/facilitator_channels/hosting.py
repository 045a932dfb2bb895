"""The plugin ``channels_watcher``: the watcher of a seller's channels, run by the facilitator.

It uses the store in which the seller keeps its records, and the facilitator's chains. So the seller
needs no chain of its own to learn that a consumer has closed a channel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from facilitator.plugin import (
    Advice,
    ChainProvider,
    ConfigInvalidError,
    Context,
    HealthCheck,
    PluginError,
    Problem,
    Scheme,
    SchemeChain,
    hookimpl,
    hookspec,
    setting,
)
from facilitator_channels.seller.notices import Notice
from facilitator_channels.seller.store import ChannelStore, Records, StoreUnavailable
from facilitator_channels.seller.stores.opening import address_problem, open_store
from facilitator_channels.seller.watcher import INTERVAL_SECONDS, Watcher


@dataclass(frozen=True)
class ChannelsWatcherSettings:
    """The table ``channels_watcher``."""

    store: str | None = setting(
        None,
        "Where the seller keeps its records: `sqlite:///PATH`, `redis://…` or `postgresql://…`.",
        secret=True,
        check=address_problem,
    )
    interval_seconds: float = setting(
        INTERVAL_SECONDS, "Seconds between two looks at the chain.", minimum=1, maximum=150
    )


@hookspec
def channels_watcher_notice(notice: Mapping[str, Any]) -> None:
    """Learn what became of a channel: closed by its consumer, restored by a rollback, or ended.

    Called like a gate, perhaps more than once for one change, with the same ``id``. If it raises,
    it is called again later: so none is lost. What it returns changes nothing, and must be
    ``None``, or other plugins are not called.
    """


class ChannelsWatcher:
    """The plugin, with a watcher for each network."""

    channels_watcher_notice = staticmethod(channels_watcher_notice)

    def __init__(self) -> None:
        """Watch nothing yet."""
        self._chains: Mapping[str, SchemeChain] = {}
        self._watchers: dict[str, Watcher] = {}
        self._store: ChannelStore | None = None

    @hookimpl
    def settings_sections(self) -> Mapping[str, type]:
        """Return the table ``channels_watcher``."""
        return {"channels_watcher": ChannelsWatcherSettings}

    @hookimpl
    def schemes(
        self,
        context: Context,  # noqa: ARG002
        chains: Mapping[str, SchemeChain],
    ) -> Mapping[str, Scheme]:
        """Take the chains; add no scheme."""
        self._chains = chains
        return {}

    @hookimpl
    def startup(self, context: Context) -> None:
        """Begin to watch. Raises :class:`FacilitatorError` if the store cannot be used."""
        settings = context.settings.section(ChannelsWatcherSettings)
        if settings.store is None:
            what = "must be set: where the seller keeps the records of its channels"
            raise ConfigInvalidError([Problem("channels_watcher.store", what)])
        try:
            self._store = open_store(settings.store)
        except StoreUnavailable as error:
            raise PluginError(f"the records of channels cannot be used: {error}") from error
        if context.is_trial:
            return
        self._watchers = {
            network: Watcher(
                Records(self._store),
                cast(ChainProvider, chain.provider),  # the whole provider, as at start
                partial(_notify, context),
                clock=context.clock,
                meter=context.meter,
                interval_seconds=settings.interval_seconds,
            )
            for network, chain in self._chains.items()
        }
        for watcher in self._watchers.values():
            watcher.start()

    @hookimpl
    def health_checks(self, context: Context) -> Mapping[str, HealthCheck]:  # noqa: ARG002
        """Return a check of each network's watcher, on which no request depends."""
        return {
            f"channels of {network}": Advice(partial(self._check, network))
            for network in self._chains
        }

    @hookimpl
    def shutdown(self) -> None:
        """Stop, and close the store."""
        for watcher in self._watchers.values():
            watcher.close()
        self._watchers = {}
        if self._store is not None:
            self._store.close()
            self._store = None

    def _check(self, network: str) -> float | None:
        watcher = self._watchers.get(network)
        return None if watcher is None else watcher.check()


def _notify(context: Context, notice: Notice) -> None:
    context.hooks.first("channels_watcher_notice", notice=notice.to_json())


plugin = ChannelsWatcher()
