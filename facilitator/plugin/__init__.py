"""The public face for plugins: every name that a plugin needs, besides pure ledger values.

A plugin imports from here, and where it handles transactions or networks from
:mod:`facilitator.cardano` and :mod:`facilitator.x402`, which do no I/O. Nothing deeper is public.
"""

from facilitator import hookimpl
from facilitator.clock import Clock, SystemClock
from facilitator.errors import (
    ConfigInvalidError,
    FacilitatorError,
    PluginError,
    Problem,
    one_line,
)
from facilitator.exact.methods import (
    ChecksLedger,
    DeclaresReasons,
    DefaultTransfer,
    HasUniqueTerms,
    TransferMethod,
    UniqueTerms,
)
from facilitator.exact.refused import Refused
from facilitator.exact.terms import Terms
from facilitator.observability.metrics import (
    QUOTA_REMAINING,
    QUOTA_USED,
    UPSTREAM_REQUESTS,
    UPSTREAM_RETRIES,
    UPSTREAM_SECONDS,
    UPSTREAM_WITHHELD,
)
from facilitator.observability.redaction import LEFT_OUT, Redactor, without_payments
from facilitator.plugin.context import Context, Worker
from facilitator.roles.chain import (
    AwaitsBlocks,
    Block,
    ChainProvider,
    ChainUnavailable,
    EvaluatesScripts,
    HasPlan,
    InBlock,
    InMempool,
    ListsOutputs,
    NotFound,
    OutputStatus,
    Point,
    PointNotFound,
    ProviderBehind,
    ReadsLedgerState,
    Spent,
    SubmissionRejected,
    SubmissionUnknown,
    Tip,
    TransactionStatus,
    Unknown,
    Unspent,
)
from facilitator.roles.claim import NOT_KNOWN, Claim, ClaimState
from facilitator.roles.health import HealthCheck
from facilitator.roles.metrics import NO_METER, Counter, Gauge, Histogram, Meter, Metric
from facilitator.roles.payment_hooks import PaymentView, Refusal
from facilitator.roles.rate_limit import ChangesLimits, RateDecision, RateLimiter, Window, decided
from facilitator.roles.reporting import DescribesDestination, ErrorReporter
from facilitator.roles.sharing import Entry, SharedOutput, SharesChain, SharesOutputs
from facilitator.roles.storage import (
    Reservation,
    ReservedElsewhere,
    Storage,
    StorageUnavailable,
    TooManyReservations,
)
from facilitator.roles.wallet import Signature, Wallet
from facilitator.settings import RateLimitSettings, Settings, setting
from facilitator.x402.messages import Requirements, SettleResponse, VerifyResponse
from facilitator.x402.reasons import Reason

__all__ = [
    "LEFT_OUT",
    "NOT_KNOWN",
    "NO_METER",
    "QUOTA_REMAINING",
    "QUOTA_USED",
    "UPSTREAM_REQUESTS",
    "UPSTREAM_RETRIES",
    "UPSTREAM_SECONDS",
    "UPSTREAM_WITHHELD",
    "AwaitsBlocks",
    "Block",
    "ChainProvider",
    "ChainUnavailable",
    "ChangesLimits",
    "ChecksLedger",
    "Claim",
    "ClaimState",
    "Clock",
    "ConfigInvalidError",
    "Context",
    "Counter",
    "DeclaresReasons",
    "DefaultTransfer",
    "DescribesDestination",
    "Entry",
    "ErrorReporter",
    "EvaluatesScripts",
    "FacilitatorError",
    "Gauge",
    "HasPlan",
    "HasUniqueTerms",
    "HealthCheck",
    "Histogram",
    "InBlock",
    "InMempool",
    "ListsOutputs",
    "Meter",
    "Metric",
    "NotFound",
    "OutputStatus",
    "PaymentView",
    "PluginError",
    "Point",
    "PointNotFound",
    "Problem",
    "ProviderBehind",
    "RateDecision",
    "RateLimitSettings",
    "RateLimiter",
    "ReadsLedgerState",
    "Reason",
    "Redactor",
    "Refusal",
    "Refused",
    "Requirements",
    "Reservation",
    "ReservedElsewhere",
    "Settings",
    "SettleResponse",
    "SharedOutput",
    "SharesChain",
    "SharesOutputs",
    "Signature",
    "Spent",
    "Storage",
    "StorageUnavailable",
    "SubmissionRejected",
    "SubmissionUnknown",
    "SystemClock",
    "Terms",
    "Tip",
    "TooManyReservations",
    "TransactionStatus",
    "TransferMethod",
    "UniqueTerms",
    "Unknown",
    "Unspent",
    "VerifyResponse",
    "Wallet",
    "Window",
    "Worker",
    "decided",
    "hookimpl",
    "one_line",
    "setting",
    "without_payments",
]
