"""x402 payment facilitator for Cardano: a Falcon core that is extended by pluggy plugins."""

from pluggy import HookimplMarker

__version__ = "0.1.0"

hookimpl = HookimplMarker("facilitator")
"""Marker of a plugin's function or method that implements the hook of the same name."""

__all__ = ["__version__", "hookimpl"]
