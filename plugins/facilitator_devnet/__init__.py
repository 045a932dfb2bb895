"""The embedded Cardano ledger for development and tests, as a plugin."""

import argparse
from collections.abc import Callable, Mapping, Sequence

from facilitator import hookimpl
from facilitator.context import Context
from facilitator.errors import PluginError
from facilitator.roles.chain import ChainProvider, ChainUnavailable
from facilitator_devnet.commands import Run, prepare_demo, prepare_sample_payment
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.settings import DevnetSettings


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """The table ``devnet``."""
    return {"devnet": DevnetSettings}


@hookimpl
def cli_commands() -> Sequence[tuple[str, str, Callable[[argparse.ArgumentParser], Run]]]:
    """``demo`` and ``sample-payment``."""
    return [
        ("demo", "show a payment from request to confirmation", prepare_demo),
        (
            "sample-payment",
            "print a signed payment to post",
            prepare_sample_payment,
        ),
    ]


@hookimpl
def chain_provider(context: Context, network: str) -> ChainProvider:
    """A devnet for any network. Raises :class:`PluginError` in production or without its file."""
    if context.settings.environment == "production":
        raise PluginError(
            "the devnet is a test double and does not start in the environment production;"
            " put the plugin of a real chain, such as blockfrost, in the setting plugins"
        )
    settings = context.settings.section(DevnetSettings)
    path = settings.path and settings.path.replace("{network}", network.removeprefix("cardano:"))
    try:
        return Devnet(network, context.clock, block_seconds=settings.block_seconds, path=path)
    except ChainUnavailable as error:
        raise PluginError(f"the devnet cannot start: {error}") from error
