"""x402 payment facilitator for Cardano: a Falcon core that is extended by pluggy plugins."""

from pluggy import HookimplMarker

__version__ = "0.1.0"

hookimpl = HookimplMarker("facilitator")
"""Marks a function or method of a plugin as the implementation of the hook of the same name."""

__all__ = ["__version__", "hookimpl"]
