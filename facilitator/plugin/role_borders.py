"""The roles of plugins' parts: what each may raise, and what takes the place of other errors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from facilitator.cardano.refusals import Proof
from facilitator.client.errors import CannotPay, OutcomeNotKnown
from facilitator.errors import FacilitatorError, PluginError, one_line
from facilitator.exact.methods import (
    ChecksChain,
    ChecksLanded,
    ChecksLedger,
    DeclaresReasons,
    HasUniqueTerms,
    TransferMethod,
)
from facilitator.plugin.chain_answers import CHAIN_CHECKS
from facilitator.plugin.scheme_answers import SCHEME_CHECKS
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
from facilitator.roles.payer import Payer
from facilitator.roles.payment_ledger import KeepsOutbox, PaymentLedger, RecordsPayments
from facilitator.roles.rate_limit import ChangesLimits, RateLimiter, TakesLimits
from facilitator.roles.refused import Refused
from facilitator.roles.reporting import DescribesDestination, ErrorReporter
from facilitator.roles.scheme import Scheme, VerifiesLanded
from facilitator.roles.sharing import AnnouncesEntries, SharesOutputs
from facilitator.roles.storage import HasServerTime, HoldsWithClaim, Storage, StorageUnavailable
from facilitator.roles.wallet import SignsMessages, Wallet
from facilitator.x402.reasons import Reason

Check: TypeAlias = Callable[..., None]
"""A function that gets a method's answer, and its arguments."""


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
    checks: Mapping[str, Check] = field(default_factory=dict)
    """By method, what checks an answer of the right type further; raises :class:`WrongAnswer`."""
    called: Literal["at once", "in time", "later"] = "at once"
    """The way in which parts are called that do not say of themselves that they are prompt."""
    is_watched: bool = False
    """True if a call that is made at once, and takes very long, is reported meanwhile."""
    gets_copies: bool = False
    """True if a part that sets a field of a payment changes nothing for the core."""


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


_VERDICTS = ("verify", "verify_landed")
"""Methods of a scheme that ask the chain."""


def _scheme_names(method: str, error: BaseException) -> bool:
    is_of_the_chain = isinstance(error, ChainUnavailable) and hasattr(error, "detail")
    return isinstance(error, Refused) or (method in _VERDICTS and is_of_the_chain)


def _scheme_failed(plugin: str, method: str, error: BaseException) -> Exception:
    if method == "kind":  # at start
        return PluginError(f"plugin '{plugin}' failed in kind: {one_line(error)}")
    return _not_checked(plugin, method, error)


def _payer_names(method: str, error: BaseException) -> bool:  # noqa: ARG001
    return isinstance(error, FacilitatorError | OSError)


def _outcome_not_known(plugin: str, method: str, error: BaseException) -> Exception:
    return OutcomeNotKnown(
        f"plugin '{plugin}' failed in {method}: {one_line(error)}; whether it has paid, or shown"
        " the server a payment, is not known"
    )


def _not_signed(plugin: str, method: str, error: BaseException) -> Exception:
    return CannotPay(f"the wallet of plugin '{plugin}' failed in {method}: {one_line(error)}")


def _reporter_names(method: str, error: BaseException) -> bool:
    return method == "where" and isinstance(error, Exception)


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
_METHODS = (
    TransferMethod,
    ChecksLedger,
    ChecksChain,
    ChecksLanded,
    HasUniqueTerms,
    DeclaresReasons,
)
ROLES: Mapping[str, Role] = {
    "chain_provider": Role(
        _CHAIN, _chain_names, _chain_unavailable, checks=CHAIN_CHECKS, is_watched=True
    ),
    "storage": Role(
        (
            Storage,
            SharesOutputs,
            AnnouncesEntries,
            HasServerTime,
            HoldsWithClaim,
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
    "payers": Role((Payer,), _payer_names, _outcome_not_known),
    "wallets": Role((Wallet, SignsMessages), _payer_names, _not_signed),
    "meter": Role((Meter,), lambda *_: False, lambda *_: None, called="later"),
    "transfer_methods": Role(
        _METHODS, _method_names, _not_checked, called="in time", gets_copies=True
    ),
    "schemes": Role(
        (Scheme, DeclaresReasons, VerifiesLanded),
        _scheme_names,
        _scheme_failed,
        checks=SCHEME_CHECKS,
        called="in time",
        gets_copies=True,
    ),
    "error_reporter": Role(
        (ErrorReporter, DescribesDestination), _reporter_names, lambda *_: None, called="later"
    ),
}
"""Roles by the hook that returns their parts."""
