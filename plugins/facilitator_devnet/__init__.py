"""The embedded Cardano ledger for development and tests, as a plugin."""

import argparse
from collections.abc import Callable, Mapping, Sequence

from facilitator.plugin import ChainProvider, ChainUnavailable, Context, PluginError, hookimpl
from facilitator_devnet.commands import Run, prepare_demo, prepare_devnet, prepare_sample_payment
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import wallets as genesis_wallets
from facilitator_devnet.protocol import ProtocolSchedule
from facilitator_devnet.settings import DevnetSettings
from facilitator_devnet.wallet import Wallet


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """Return the table ``devnet``."""
    return {"devnet": DevnetSettings}


@hookimpl
def cli_commands() -> Sequence[tuple[str, str, Callable[[argparse.ArgumentParser], Run]]]:
    """Return ``demo``, ``devnet`` and ``sample-payment``."""
    return [
        ("demo", "show a payment from request to confirmation", prepare_demo),
        ("devnet", "run the devnet alone, as a Blockfrost-compatible API", prepare_devnet),
        (
            "sample-payment",
            "print a signed payment to post",
            prepare_sample_payment,
        ),
    ]


@hookimpl
def wallets(network: str) -> Mapping[str, Wallet]:
    """Return the genesis wallets."""
    return genesis_wallets(network)


@hookimpl
def chain_provider(context: Context, network: str) -> ChainProvider:
    """Return a devnet for any network.

    Raises :class:`PluginError` in production, or when its file cannot be used.
    """
    if context.settings.environment == "production":
        raise PluginError(
            "the devnet is a test double and does not start in the environment production;"
            " put the plugin of a real chain, such as blockfrost, in the setting plugins"
        )
    settings = context.settings.section(DevnetSettings)
    path = settings.path and settings.path.replace("{network}", network.removeprefix("cardano:"))
    try:
        devnet = Devnet(
            network,
            context.clock,
            block_seconds=settings.block_seconds,
            path=path,
            schedule=ProtocolSchedule(
                settings.protocol_version, settings.fork_slot, settings.fork_version
            ),
        )
    except ChainUnavailable as error:
        raise PluginError(f"the devnet cannot start: {error}") from error
    if any((settings.listen, settings.listen_koios, settings.listen_ogmios)):
        _to_serve.append((context, devnet))
    return devnet


@hookimpl
def startup(context: Context) -> None:
    """Serve the devnets where settings say; other commands make devnets that are not served."""
    settings = context.settings.section(DevnetSettings)
    own = [each for each in _to_serve if each[0] is context]
    for each in own:
        _to_serve.remove(each)
    addresses = {
        "listen": settings.listen,
        "listen_koios": settings.listen_koios,
        "listen_ogmios": settings.listen_ogmios,
    }
    for name, listen in addresses.items():
        if len(own) > 1 and listen is not None and not listen.endswith(":0"):
            raise PluginError(
                f"several devnets cannot share one port; with several networks, devnet.{name} must"
                " end in :0, which takes a free one for each"
            )
    if context.is_trial or not own:
        return
    # Here, for most devnets are not served, and their start is spared the APIs.
    from facilitator_devnet.blockfrost.serving import serve, serve_koios, serve_ogmios

    for _, devnet in own:
        if settings.listen is not None:
            serve(devnet, settings.listen, settings.dress)
        if settings.listen_koios is not None:
            serve_koios(devnet, settings.listen_koios)
        if settings.listen_ogmios is not None:
            serve_ogmios(devnet, settings.listen_ogmios)


_to_serve: list[tuple[Context, Devnet]] = []
"""The devnets that wait for the start of their facilitator."""
