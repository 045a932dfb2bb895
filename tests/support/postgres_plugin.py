"""The plugin as it is enabled by settings."""

import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from facilitator.clock import SystemClock
from facilitator.errors import PluginError
from facilitator.plugin.context import Context
from facilitator.plugin.loading import configure
from facilitator.plugin.manager import Plugins
from facilitator.roles.payment_ledger import PaymentLedger
from facilitator.roles.storage import Storage

PASSWORD = "hid/den@word"
QUOTED = "hid%2Fden%40word"


def storage_of(folder: Path, **postgres: str) -> Storage:
    context, plugins = _enabled(folder, "devnet,postgres", postgres)
    return plugins.one_storage(context)


def ledger_of(folder: Path, *, is_trial: bool = False, **postgres: str) -> PaymentLedger:
    context, plugins = _enabled(folder, "devnet,memory,postgres", postgres)
    ledger = plugins.payment_ledger(replace(context, is_trial=is_trial))
    assert ledger is not None
    return ledger


def _enabled(folder: Path, names: str, postgres: Mapping[str, str]) -> tuple[Context, Plugins]:
    environ: Mapping[str, str] = {
        "FACILITATOR_PLUGINS": names,
        **{f"FACILITATOR_POSTGRES__{key.upper()}": value for key, value in postgres.items()},
    }
    settings, plugins = configure(environ=environ, cwd=folder)
    return Context(settings, SystemClock()), plugins


def refusal(folder: Path, url: str, **postgres: str) -> str:
    """Return what stops the start; the password must be nowhere in it or in what led to it."""
    with pytest.raises(PluginError) as caught:
        storage_of(folder, url=url, **postgres)
    shown = "".join(traceback.format_exception(caught.value))
    assert "hid" not in shown
    return str(caught.value)
