"""The border of a role: what a plugin's part raises or returns becomes what its role names.

An error that the role does not name, and an answer of a wrong type, count as unavailable for that
call. Both are faults of the plugin, and are reported by the name of the method.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol, TypeAlias

from facilitator.cardano.refusals import Proof
from facilitator.errors import PluginError, ends_process, one_line
from facilitator.exact.methods import (
    ChecksChain,
    ChecksLedger,
    DeclaresReasons,
    HasUniqueTerms,
    TransferMethod,
)
from facilitator.plugin.answers import Fits, WrongAnswer, returns_of
from facilitator.plugin.scheme_answers import check_scheme_answer
from facilitator.plugin.time_limits import Outcome
from facilitator.plugin.validation import has_member
from facilitator.roles.api_keys import StoresApiKeys
from facilitator.roles.chain import (
    AwaitsBlocks,
    ChainProvider,
    EvaluatesScripts,
    ExaminesServer,
    FindsTransactions,
    ForeseesForks,
    HasPlan,
    ListsOutputs,
    NamesNetwork,
    ReadsAssets,
    ReadsLedgerState,
    SignsExamples,
)
from facilitator.roles.chain_errors import (
    ChainUnavailable,
    PointNotFound,
    SubmissionRejected,
    SubmissionUnknown,
)
from facilitator.roles.chain_spenders import FindsSpenders
from facilitator.roles.metrics import Meter
from facilitator.roles.payment_ledger import KeepsOutbox, PaymentLedger, RecordsPayments
from facilitator.roles.rate_limit import ChangesLimits, RateLimiter, TakesLimits
from facilitator.roles.refused import Refused
from facilitator.roles.reporting import DescribesDestination, ErrorReporter
from facilitator.roles.scheme import Scheme
from facilitator.roles.sharing import AnnouncesEntries, SharesOutputs
from facilitator.roles.storage import HasServerTime, Storage, StorageUnavailable
from facilitator.x402.reasons import Reason

OnFault: TypeAlias = Callable[[BaseException, str], None]
"""A function that gets a plugin's fault, and the name of the method."""


Watching: TypeAlias = tuple[Callable[[], int], Callable[[int], None]]
"""Functions that begin to watch a call, which returns its number, and end that."""


class PartCalls(Protocol):
    """The ways in which the methods of one plugin's parts are called."""

    def watching(self, method: str) -> Watching:
        """Return what is called before and after a call that is made at once."""
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
Check: TypeAlias = Callable[..., None]
"""A function that gets a method's name, its answer, and its arguments."""


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
    check: Check | None = None
    """Checks an answer of the right type further; raises :class:`WrongAnswer`."""
    called: Literal["at once", "in time", "later"] = "at once"
    """The way in which parts are called that do not say of themselves that they are prompt."""
    is_watched: bool = False
    """True if a call that is made at once, and takes very long, is reported meanwhile."""


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


def _method_names(method: str, error: BaseException) -> bool:
    is_unknown = isinstance(error, ChainUnavailable) and hasattr(error, "detail")
    return isinstance(error, Refused) or (method == "check_chain" and is_unknown)


def _not_checked(plugin: str, method: str, error: BaseException) -> Exception:  # noqa: ARG001
    message = f"the check by plugin '{plugin}' failed, try again later"
    return Refused(Reason.VERIFICATION_ERROR, message)


def _scheme_names(method: str, error: BaseException) -> bool:
    is_of_the_chain = isinstance(error, ChainUnavailable) and hasattr(error, "detail")
    return isinstance(error, Refused) or (method == "verify" and is_of_the_chain)


def _scheme_failed(plugin: str, method: str, error: BaseException) -> Exception:
    if method == "kind":  # at start
        return PluginError(f"plugin '{plugin}' failed in kind: {one_line(error)}")
    return _not_checked(plugin, method, error)


def _reporter_names(method: str, error: BaseException) -> bool:
    return method == "where" and isinstance(error, Exception)


def _check_complete(method: str, answer: Any, *arguments: Any, **named: Any) -> None:
    """Raise :class:`WrongAnswer` unless outputs and transactions have everything asked for."""
    if method not in ("outputs", "transactions"):
        return
    for each in [*arguments, *named.values()][0]:
        if each not in answer:
            raise WrongAnswer(f"the answer lacks {each}")


_CHAIN = (
    ChainProvider,
    AwaitsBlocks,
    ReadsLedgerState,
    EvaluatesScripts,
    ListsOutputs,
    FindsTransactions,
    FindsSpenders,
    ReadsAssets,
    HasPlan,
    NamesNetwork,
    ExaminesServer,
    ForeseesForks,
    SignsExamples,
)
_METHODS = (TransferMethod, ChecksLedger, ChecksChain, HasUniqueTerms, DeclaresReasons)
ROLES: Mapping[str, Role] = {
    "chain_provider": Role(
        _CHAIN, _chain_names, _chain_unavailable, check=_check_complete, is_watched=True
    ),
    "storage": Role(
        (
            Storage,
            SharesOutputs,
            AnnouncesEntries,
            HasServerTime,
            RecordsPayments,
            KeepsOutbox,
            StoresApiKeys,
        ),
        _storage_names,
        _storage_unavailable,
        is_watched=True,
    ),
    "payment_ledger": Role((PaymentLedger,), _storage_names, _storage_unavailable),
    "rate_limiter": Role(
        (RateLimiter, ChangesLimits, TakesLimits),
        _storage_names,
        _storage_unavailable,
        called="in time",
    ),
    "meter": Role((Meter,), lambda *_: False, lambda *_: None, called="later"),
    "transfer_methods": Role(_METHODS, _method_names, _not_checked, called="in time"),
    "schemes": Role(
        (Scheme, DeclaresReasons),
        _scheme_names,
        _scheme_failed,
        check=check_scheme_answer,
        called="in time",
    ),
    "error_reporter": Role(
        (ErrorReporter, DescribesDestination), _reporter_names, lambda *_: None, called="later"
    ),
}
"""Roles by the hook that returns their parts."""
_AT_END = ("close", "flush")
_ASK_CHAIN = ("verify", "check_chain")
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
            watched = role.is_watched and through is None
            members[name] = border.method(through, calls.watching(name) if watched else None)
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

    def method(self, through: Through | None, watching: Watching | None) -> Callable[..., Any]:
        """Return the method, which calls the part's."""
        begin, end = watching or (None, None)
        name, fits, failed = self._name, self._fits, self._failed
        failed_elsewhere = self._failed_elsewhere
        check = self._role.check

        def call(guarded: Guarded, *arguments: Any, **named: Any) -> Any:
            try:
                function = getattr(guarded.part, name)
                if begin is not None and end is not None:
                    number = begin()
                    try:
                        answer = function(*arguments, **named)
                    finally:
                        end(number)
                elif through is None:
                    answer = function(*arguments, **named)
                else:
                    answer, error = through(partial(function, *arguments, **named))
                    if error is not None:
                        return failed_elsewhere(error)
                if fits is not None and not fits(answer):
                    raise WrongAnswer(f"{name} returned {_a(answer)}")
                if check is not None:
                    check(name, answer, *arguments, **named)
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
