"""The command ``facilitator serve``."""

import argparse
from functools import partial

from facilitator.cli.output import without_secrets
from facilitator.plugin.loading import configure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options for where to listen; the settings say all else."""
    parser.description = (
        "Answer x402 requests over HTTP until SIGTERM or SIGINT, then let running requests end. "
        "SIGHUP reads the settings again. "
        "What is served, where and how, is set by the settings: see 'facilitator settings'."
    )
    parser.add_argument("--host", help="address to listen on, instead of the setting server.host")
    parser.add_argument("--port", help="port to listen on, instead of the setting server.port")


def run(arguments: argparse.Namespace) -> int:
    """Serve; return the exit code. Raises :class:`FacilitatorError` when the start fails."""
    given = {"server.host": arguments.host, "server.port": arguments.port}
    options = {name: value for name, value in given.items() if value is not None}
    read = partial(configure, arguments.settings, options=options)
    settings, plugins = read()
    from facilitator.runtime.process import serve

    with without_secrets(settings):
        return serve(settings, plugins, lambda: read()[0])
