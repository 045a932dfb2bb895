"""Subscription of a running facilitator's parts to changes of the settings."""

from collections.abc import Callable
from typing import TypeAlias

from facilitator.settings.load import Settings

Apply: TypeAlias = Callable[[Settings], None]
"""Puts settings into effect. Must not fail."""
Subscribe: TypeAlias = Callable[[Apply], None]
"""Registers a function to call whenever the settings have changed."""
