"""The command ``facilitator serve``."""

import argparse

from facilitator.cli.output import without_secrets
from facilitator.plugin.loading import configure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command, which has no options of its own: the settings say all."""
    parser.description = (
        "Answer x402 requests over HTTP until SIGTERM or SIGINT, then let running requests end. "
        "SIGHUP reads the settings again. "
        "What is served, where and how, is set by the settings: see 'facilitator settings'."
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve; return the exit code. Raises :class:`FacilitatorError` when the start fails."""
    settings, plugins = configure(arguments.settings)
    from facilitator.runtime.process import serve

    with without_secrets(settings):
        return serve(settings, plugins, lambda: configure(arguments.settings)[0])
