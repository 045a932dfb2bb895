"""How parts of a running facilitator take in settings that have changed."""

from collections.abc import Callable
from typing import TypeAlias

from facilitator.settings.load import Settings

Take: TypeAlias = Callable[[Settings], None]
"""Puts settings into effect. Must not fail."""
Follow: TypeAlias = Callable[[Take], None]
"""Has the settings handed over whenever they have changed."""
