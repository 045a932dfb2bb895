"""The border of a role: what a plugin's part raises or returns becomes what its role names.

An error that the role does not name, and an answer of a wrong type, count as unavailable for that
call. Both are faults of the plugin, and are reported by the name of the method.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from facilitator.cardano.refusals import Proof
from facilitator.errors import ends_process, one_line
from facilitator.exact.methods import (
    ChecksLedger,
    DeclaresReasons,
    HasUniqueTerms,
    TransferMethod,
)
from facilitator.exact.refused import Refused
from facilitator.plugin.answers import Fits, returns_of
from facilitator.plugin.validation import has_member
from facilitator.roles.chain import (
    AwaitsBlocks,
    ChainProvider,
    ChainUnavailable,
    EvaluatesScripts,
    ExaminesServer,
    HasPlan,
    ListsOutputs,
    NamesNetwork,
    PointNotFound,
    ReadsLedgerState,
    SubmissionRejected,
    SubmissionUnknown,
)
from facilitator.roles.metrics import Meter
from facilitator.roles.rate_limit import ChangesLimits, RateLimiter
from facilitator.roles.sharing import SharesOutputs
from facilitator.roles.storage import HasServerTime, Storage, StorageUnavailable
from facilitator.x402.reasons import Reason

REPORT_SECONDS = 60.0
"""Interval in which the faults of one method are reported once: each call may be one."""


class OnFault(Protocol):
    """A function that gets a plugin's fault."""

    def __call__(self, error: BaseException, method: str, *, is_new: bool) -> None:
        """Take the fault of a method; it is new if none of that method was reported lately."""
        ...


class WrongAnswer(TypeError):
    """A part's method returned what its role does not allow."""


@dataclass(frozen=True, slots=True)
class Role:
    """The errors of a role."""

    protocols: Sequence[type]
    names: Callable[[str, BaseException], bool]
    """Says if a method may raise the error."""
    unavailable: Callable[[str, str, BaseException], Exception | None]
    """Makes the error that takes the place of another, from plugin, method and error.

    ``None`` leaves the call without an effect.
    """
    needs_all: str | None = None
    """The method whose answer has every key that it is asked for."""


def _chain_names(method: str, error: BaseException) -> bool:
    match error:
        case SubmissionRejected():
            return method == "submit" and isinstance(getattr(error, "proves", None), Proof)
        case SubmissionUnknown():
            return method == "submit"
        case PointNotFound():
            return method == "blocks_after"
    return isinstance(error, ChainUnavailable) and hasattr(error, "detail")


def _chain_unavailable(plugin: str, method: str, error: BaseException) -> Exception:  # noqa: ARG001
    kind = SubmissionUnknown if method == "submit" else ChainUnavailable
    return kind(f"the provider failed in {method} ({type(error).__name__})")


def _storage_names(method: str, error: BaseException) -> bool:  # noqa: ARG001
    return isinstance(error, StorageUnavailable) and hasattr(error, "detail")


def _storage_unavailable(plugin: str, method: str, error: BaseException) -> Exception:
    detail = f"plugin {plugin} failed in {method}: {one_line(error)}"
    return StorageUnavailable(f"it failed in {method} ({type(error).__name__})", detail)


def _method_names(method: str, error: BaseException) -> bool:  # noqa: ARG001
    return isinstance(error, Refused)


def _not_checked(plugin: str, method: str, error: BaseException) -> Exception:  # noqa: ARG001
    message = f"the check by plugin '{plugin}' failed, try again later"
    return Refused(Reason.VERIFICATION_ERROR, message)


_CHAIN = (
    ChainProvider,
    AwaitsBlocks,
    ReadsLedgerState,
    EvaluatesScripts,
    ListsOutputs,
    HasPlan,
    NamesNetwork,
    ExaminesServer,
)
_METHODS = (TransferMethod, ChecksLedger, HasUniqueTerms, DeclaresReasons)
ROLES: Mapping[str, Role] = {
    "chain_provider": Role(_CHAIN, _chain_names, _chain_unavailable, needs_all="outputs"),
    "storage": Role((Storage, SharesOutputs, HasServerTime), _storage_names, _storage_unavailable),
    "rate_limiter": Role((RateLimiter, ChangesLimits), _storage_names, _storage_unavailable),
    "meter": Role((Meter,), lambda *_: False, lambda *_: None),
    "transfer_methods": Role(_METHODS, _method_names, _not_checked),
}
"""Roles by the hook that returns their parts."""


class Guarded:
    """A part behind its border; it offers the same optional protocols."""

    def __init__(self, part: Any) -> None:
        """Take the plugin's part."""
        self.part = part

    def __getattr__(self, name: str) -> Any:
        """Return what no role knows of."""
        return getattr(self.part, name)


def guard(hook: str, part: Any, plugin: str, on_fault: OnFault) -> Any:
    """Return the plugin's part behind the border of its role; the part itself without one."""
    role = ROLES.get(hook)
    if role is None:
        return part
    members: dict[str, Any] = {}
    for name, member in _members(role.protocols).items():
        border = _Border(role, plugin, name, returns_of(member), on_fault)
        if isinstance(member, property):
            if has_member(part, name):  # which does not read it
                members[name] = border.property()
        elif getattr(part, name, None) is not None:
            members[name] = border.method()
    return type(type(part).__name__, (Guarded,), members)(part)


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
        self, role: Role, plugin: str, name: str, fits: Fits | None, on_fault: OnFault
    ) -> None:
        self._role = role
        self._plugin = plugin
        self._name = name
        self._fits = fits
        self._on_fault = on_fault
        self._lock = threading.Lock()
        self._silent_until = 0.0

    def method(self) -> Callable[..., Any]:
        """Return the method, which calls the part's."""
        name, fits, failed = self._name, self._fits, self._failed
        needs_all = self._role.needs_all == name

        def call(guarded: Guarded, *arguments: Any, **named: Any) -> Any:
            try:
                answer = getattr(guarded.part, name)(*arguments, **named)
                if fits is not None and not fits(answer):
                    raise WrongAnswer(f"{name} returned {_a(answer)}")
                if needs_all:
                    _check_complete(answer, *arguments, **named)
            except BaseException as error:
                return failed(error)
            return answer

        return call

    def property(self) -> property:
        """Return the property, which reads the part's."""
        name, fits, failed = self._name, self._fits, self._failed

        def read(guarded: Guarded) -> Any:
            try:
                value = getattr(guarded.part, name)
                if fits is not None and not fits(value):
                    raise WrongAnswer(f"{name} is {_a(value)}")
            except BaseException as error:
                return failed(error)
            return value

        return property(read)

    def _failed(self, error: BaseException) -> None:
        """Raise the error if the role names it, else report it and raise what stands for it."""
        if ends_process(error) or self._role.names(self._name, error):
            raise error
        self._on_fault(error, self._name, is_new=self._is_due())
        instead = self._role.unavailable(self._plugin, self._name, error)
        if instead is not None and self._name != "close":
            raise instead from error

    def _is_due(self) -> bool:
        with self._lock:
            now = time.monotonic()
            is_due = now >= self._silent_until
            if is_due:
                self._silent_until = now + REPORT_SECONDS
            return is_due


def _check_complete(answer: Mapping[Any, Any], refs: Collection[Any]) -> None:
    """Raise :class:`WrongAnswer` unless the answer has every reference asked for."""
    for ref in refs:
        if ref not in answer:
            raise WrongAnswer(f"the answer lacks {ref}")


def _a(value: object) -> str:
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
