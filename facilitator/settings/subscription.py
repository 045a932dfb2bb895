"""Subscription of a running facilitator's parts to changes of the settings."""

from collections.abc import Callable
from typing import TypeAlias

from facilitator.settings.load import Settings

Apply: TypeAlias = Callable[[Settings], None]
"""Puts settings into effect. Where it fails the former ones stay in force in that part."""
Subscribe: TypeAlias = Callable[[Apply], None]
"""Registers a function to call whenever the settings have changed."""
