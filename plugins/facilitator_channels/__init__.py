"""Payment channels: the scheme ``batch-settlement`` of a draft that :mod:`.draft` names.

A client locks money once in a channel output, and pays each request by a signed promise (IOU) for
all that it owes so far. One transaction redeems many channels later.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence

from facilitator.plugin import Context, Payer, Scheme, SchemeChain, hookimpl
from facilitator_channels.channel import Validator
from facilitator_channels.commands import Run, prepare_channels
from facilitator_channels.datum import SUBBIT
from facilitator_channels.draft import SCHEME
from facilitator_channels.scheme import ChannelScheme
from facilitator_channels.settings import ChannelsSettings
from facilitator_channels.validators import KNOWN

__all__ = ["cli_commands", "payers", "schemes", "settings_sections"]


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """Return the table ``channels``."""
    return {"channels": ChannelsSettings}


@hookimpl
def schemes(context: Context, chains: Mapping[str, SchemeChain]) -> Mapping[str, Scheme]:
    """Return the scheme ``batch-settlement``."""
    settings = context.settings
    named = map(bytes.fromhex, settings.section(ChannelsSettings).script_hashes)
    validators = {each: Validator(each, KNOWN.get(each, SUBBIT)) for each in tuple(named) or KNOWN}
    return {SCHEME: ChannelScheme(settings, context.clock, chains, validators)}


@hookimpl
def cli_commands() -> Sequence[tuple[str, str, Callable[[argparse.ArgumentParser], Run]]]:
    """Return ``channels``."""
    return [("channels", "look at channels, and take back what is in them", prepare_channels)]


@hookimpl
def payers() -> Mapping[str, Payer]:
    """Return the payer, for ``facilitator pay --channel``."""
    from facilitator_channels.paying.payer import ChannelPayer  # that command alone needs it

    return {SCHEME: ChannelPayer()}
