"""The border of a role: what a plugin's part raises or returns becomes what its role names.

An error that the role does not name, and an answer of a wrong type, count as unavailable for that
call. Both are faults of the plugin, and are reported by the name of the method.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeAlias

from facilitator.errors import ends_process
from facilitator.immutable import copy_of
from facilitator.pauses import pausing
from facilitator.plugin.answers import Returns, WrongAnswer, returns_of
from facilitator.plugin.role_borders import ROLES, Role
from facilitator.plugin.time_limits import Outcome
from facilitator.plugin.validation import has_member
from facilitator.plugin.watch import Caller

OnFault: TypeAlias = Callable[[BaseException, str], None]
"""A function that gets a plugin's fault, and the name of the method."""


class PartCalls(Protocol):
    """The ways in which the methods of one plugin's parts are called."""

    def watching(self, method: str) -> Caller:
        """Return a function that makes the calls of a method at once, and watches them."""
        ...

    def in_time(self, call: Callable[[], Any]) -> Outcome:
        """Return the outcome of the call, which has a time limit."""
        ...

    def in_scheme_time(self, call: Callable[[], Any]) -> Outcome:
        """Return the outcome of a call that asks the chain, which has a longer time limit."""
        ...

    def later(self, method: str, call: Callable[[], Any]) -> Outcome:
        """Have the call made in a thread of the plugin's own; return that it was."""
        ...

    def at_end(self, call: Callable[[], Any]) -> Outcome:
        """Return the outcome of the call, which gets a share of the time for the end."""
        ...


Through: TypeAlias = Callable[[Callable[[], Any]], Outcome]


_AT_END = ("close", "flush")
_ASK_CHAIN = ("verify", "verify_landed", "check_chain")
"""Methods that ask the chain, for which they get more time."""
_ANSWERS = ("where",)
"""Methods that are asked for what they return, of roles whose others are called later."""


class Guarded:
    """A part behind its border; it offers the same optional protocols."""

    def __init__(self, part: Any) -> None:
        """Take the plugin's part."""
        self.part = part

    def __getattr__(self, name: str) -> Any:
        """Return what no role knows of."""
        return getattr(self.part, name)


def guard(hook: str, part: Any, plugin: str, on_fault: OnFault, calls: PartCalls) -> Any:
    """Return the plugin's part behind the border of its role; the part itself without one."""
    role = ROLES.get(hook)
    if role is None:
        return part
    is_prompt = getattr(part, "is_prompt", False) is True
    members: dict[str, Any] = {}
    for name, member in _members(role.protocols).items():
        border = _Border(role, plugin, name, returns_of(member), on_fault)
        through = _way("at once" if is_prompt else role.called, name, calls)
        if isinstance(member, property):
            if has_member(part, name):  # which does not read it
                members[name] = border.property()
        elif getattr(part, name, None) is not None:
            at_once = calls.watching(name) if role.is_watched and through is None else _call
            if through is None and not is_prompt:
                at_once = _in_pause(at_once)
            members[name] = border.method(at_once, through)
    return type(type(part).__name__, (Guarded,), members)(part)


def _way(called: str, method: str, calls: PartCalls) -> Through | None:
    """Return the function that calls the method; ``None`` to call it at once."""
    if method in _AT_END:
        return calls.at_end
    if method in _ASK_CHAIN:
        return None if called == "at once" else calls.in_scheme_time
    if called == "later" and method not in _ANSWERS:
        return partial(calls.later, method)
    return None if called == "at once" else calls.in_time


def _call(function: Callable[..., Any], given: Sequence[Any], named: Mapping[str, Any]) -> Any:
    return function(*given, **named)


def _in_pause(call: Caller) -> Caller:
    """Return the function as a pause of the calling request."""

    def paused(function: Callable[..., Any], given: Sequence[Any], named: Mapping[str, Any]) -> Any:
        with pausing():
            return call(function, given, named)

    return paused


def _members(protocols: Sequence[type]) -> Mapping[str, Any]:
    return {
        name: member
        for protocol in protocols
        for base in reversed(protocol.__mro__)
        if getattr(base, "_is_protocol", False)
        for name, member in vars(base).items()
        if not name.startswith("_")
    }


class _Border:
    """The border at one method of one part."""

    def __init__(
        self, role: Role, plugin: str, name: str, returns: Returns, on_fault: OnFault
    ) -> None:
        self._role = role
        self._plugin = plugin
        self._name = name
        self._returns = returns
        self._on_fault = on_fault

    def method(self, at_once: Caller, through: Through | None) -> Callable[..., Any]:
        """Return the method, which calls the part's ``at_once``, or ``through`` another thread."""
        name, failed, failed_elsewhere = self._name, self._failed, self._failed_elsewhere
        kinds, fits = self._returns
        check, gets_copies = self._role.checks.get(name), self._role.gets_copies

        def call(guarded: Guarded, *arguments: Any, **named: Any) -> Any:
            try:
                function = getattr(guarded.part, name)
                given, further = arguments, named
                if gets_copies:
                    given = tuple(map(copy_of, arguments))
                    further = {key: copy_of(value) for key, value in named.items()}
                if through is None:
                    answer = at_once(function, given, further)
                else:
                    answer, error = through(partial(function, *given, **further))
                    if error is not None:
                        return failed_elsewhere(error)
                if not isinstance(answer, kinds) or (fits is not None and not fits(answer)):
                    raise WrongAnswer(f"{name} returned {_a(answer)}")
                if check is not None:
                    check(answer, *arguments, **named)
            except BaseException as error:
                return failed(error)
            return answer

        return call

    def property(self) -> property:
        """Return the property, which reads the part's."""
        name, failed = self._name, self._failed
        kinds, fits = self._returns

        def read(guarded: Guarded) -> Any:
            try:
                value = getattr(guarded.part, name)
                if not isinstance(value, kinds) or (fits is not None and not fits(value)):
                    raise WrongAnswer(f"{name} is {_a(value)}")
            except BaseException as error:
                return failed(error)
            return value

        return property(read)

    def _failed(self, error: BaseException) -> None:
        """Raise the error if the role names it, else report it and raise what stands for it."""
        if ends_process(error):
            raise error
        self._failed_elsewhere(error)

    def _failed_elsewhere(self, error: BaseException) -> None:
        """Do the same for an error of another thread, which no signal has raised."""
        if self._role.names(self._name, error):
            raise error
        self._on_fault(error, self._name)
        instead = self._role.unavailable(self._plugin, self._name, error)
        if instead is not None and self._name != "close":
            raise instead from error


def _a(value: object) -> str:
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
