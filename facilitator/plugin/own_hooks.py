"""The hooks that a plugin defines for other plugins, as it calls them.

It defines one by a function with docstring and arguments, marked with ``hookspec``, beside its own
``hookimpl``s. Its name should begin with the plugin's. Others implement it as they do the core's:
with ``hookimpl(optionalhook=True)``, they may be enabled without the plugin that defines it.
"""

from typing import Any, Protocol


class OwnHooks(Protocol):
    """Calls of hooks that enabled plugins define. Safe to use from many threads.

    The hooks of the core cannot be called so.
    """

    def provided(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Return each plugin's name and its answer that is not ``None``. For hooks of the start.

        The plugins are called like providers: for at most ``hooks.start_seconds``, and one that
        fails ends the start. Raises :class:`~facilitator.errors.FacilitatorError`.
        """
        ...

    def first(self, hook: str, **arguments: Any) -> Any:
        """Return the first answer that is not ``None``; ``None`` without one. For requests.

        The plugins are called like gates: with copies, for at most ``hooks.gate_seconds``. Raises
        :class:`~facilitator.errors.PluginError` for one that fails, which is reported.
        """
        ...


class _NoHooks:
    """A context that was made without plugins."""

    def provided(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        """Return nothing."""
        return []

    def first(self, hook: str, **arguments: Any) -> Any:  # noqa: ARG002
        """Return nothing."""
        return None


NO_HOOKS: OwnHooks = _NoHooks()
"""The hooks of a context without plugins, as tests make one: none has an answer."""
