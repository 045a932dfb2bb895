"""The public interface for plugins: everything that a plugin imports from the facilitator.

The only exceptions are pure values, which do no I/O: transactions, addresses and protocol
parameters from :mod:`facilitator.cardano`, and networks from :mod:`facilitator.x402.networks`.
``docs/reference/plugin-api.md`` describes the names by the same sections.
"""

from facilitator import hookimpl
from facilitator.client.errors import CannotPay, OutcomeNotKnown
from facilitator.client.sponsored import (
    OfferNotUsed,
    choose_inputs,
    find_offer,
    look_up_offered,
)
from facilitator.client.timed_http import HttpBounds, TimedHttp
from facilitator.clock import Clock, SystemClock
from facilitator.errors import (
    ConfigInvalidError,
    FacilitatorError,
    PluginError,
    Problem,
    one_line,
)
from facilitator.exact.methods import (
    ChecksChain,
    ChecksLanded,
    ChecksLedger,
    DeclaresReasons,
    DefaultTransfer,
    HasUniqueTerms,
    TransferMethod,
)
from facilitator.exact.sponsor_rules import RULES as SPONSOR_RULES
from facilitator.exact.sponsor_rules import SponsoredTransaction, find_broken_rule
from facilitator.exact.sponsorship import add_sponsor_witnesses, require_offered
from facilitator.observability.advice import Advice, Concern
from facilitator.observability.metrics import (
    QUOTA_REMAINING,
    QUOTA_USED,
    UPSTREAM_REQUESTS,
    UPSTREAM_RETRIES,
    UPSTREAM_SECONDS,
    UPSTREAM_WITHHELD,
)
from facilitator.observability.redaction import LEFT_OUT, Redactor, without_payments
from facilitator.observability.request_metrics import (
    NO_REQUEST_METRICS,
    NotSent,
    RequestMetrics,
    RequestOutcome,
)
from facilitator.pauses import pausing
from facilitator.plugin.api_version import API_VERSION
from facilitator.plugin.context import Context, Worker
from facilitator.plugin.hookspecs import hookspec
from facilitator.plugin.own_hooks import NO_HOOKS, OwnHooks
from facilitator.plugin.reader import Reader
from facilitator.plugin.scheme_ledger import judge_transaction
from facilitator.plugin.scheme_terms import agree_terms
from facilitator.roles.allowance import (
    NOT_ASKED,
    Allowance,
    AllowanceLate,
    AllowanceSpent,
    AllowanceUsedUp,
    allowing,
    current_allowance,
)
from facilitator.roles.api_keys import ApiKey, Scope, StoresApiKeys
from facilitator.roles.callers_clock import CallersClock
from facilitator.roles.chain import (
    AssetState,
    AwaitsBlocks,
    Block,
    ChainProvider,
    EvaluatesScripts,
    ExaminesServer,
    ExamplePayment,
    FindsTransactions,
    ForeseesForks,
    HasPlan,
    InBlock,
    InMempool,
    ListsOutputs,
    NamesNetwork,
    NotFound,
    OutputStatus,
    Point,
    ReadsAssets,
    ReadsLedgerState,
    SignsExamples,
    Spent,
    Tip,
    TransactionStatus,
    Unknown,
    Unspent,
)
from facilitator.roles.chain_errors import (
    ChainUnavailable,
    NotFoundSince,
    PointNotFound,
    ProviderBehind,
    ProviderUnusable,
    ServerLacks,
    SubmissionRejected,
    SubmissionUnknown,
)
from facilitator.roles.chain_spenders import FindsSpenders, Spender, SpentBy
from facilitator.roles.change_log import ChangeLog
from facilitator.roles.circuit import Circuit, Complaint
from facilitator.roles.claim import NO_END, Claim, ClaimState, Delivery
from facilitator.roles.claim_record import UnreadableRecord, claim_from_record, claim_to_record
from facilitator.roles.health import HealthCheck
from facilitator.roles.held_inputs import Deadlines, HeldInputs
from facilitator.roles.metrics import NO_METER, Counter, Gauge, Histogram, Meter, Metric
from facilitator.roles.payer import HttpAnswer, Paid, Payer, PayOrder, Presented
from facilitator.roles.payment import MEMPOOL, UNKNOWN_ORIGIN, Origin, PaymentView, Terms
from facilitator.roles.payment_hooks import Refusal
from facilitator.roles.payment_json import (
    event_json,
    iso_time,
    payment_json,
    refusal_json,
    total_json,
)
from facilitator.roles.payment_ledger import (
    EVERY_PAYMENT,
    Change,
    Cursor,
    KeepsOutbox,
    PaymentLedger,
    PaymentQuery,
    Place,
    RecordsPayments,
    RefusalCount,
    Total,
    TotalBy,
)
from facilitator.roles.payment_record import (
    PaymentDetails,
    PaymentEvent,
    PaymentRecord,
    changing_fields,
    is_recorded,
    new_event,
    new_record,
    next_record,
)
from facilitator.roles.rate_limit import (
    ChangesLimits,
    ClientLimits,
    Limits,
    RateDecision,
    RateLimiter,
    TakesLimits,
    Window,
    decide,
)
from facilitator.roles.readable_claims import ReadableClaims
from facilitator.roles.refused import MayBeOnChain, Refused
from facilitator.roles.reporting import DescribesDestination, ErrorReporter
from facilitator.roles.requests import RequestView, ResponseView
from facilitator.roles.scheme import (
    MAX_EXTRA_BYTES,
    MAX_RECORD_BYTES,
    Answer,
    Scheme,
    SchemePayment,
    UniqueTerms,
    Verified,
    VerifiesLanded,
)
from facilitator.roles.scheme_chain import ChainFacts, OutputLookup, SchemeChain, ScriptEvaluators
from facilitator.roles.sharing import (
    AnnouncesEntries,
    Entry,
    Lease,
    SharedOutput,
    SharesChain,
    SharesOutputs,
)
from facilitator.roles.single_flight import SingleFlight
from facilitator.roles.storage import (
    HasServerTime,
    HoldsWithClaim,
    Reservation,
    ReservedElsewhere,
    Storage,
    StorageUnavailable,
    TooManyReservations,
)
from facilitator.roles.wallet import FundedChain, Signature, SignsMessages, Wallet
from facilitator.settings import RateLimitSettings, Settings, setting
from facilitator.settings.hosts import is_loopback, is_own_host
from facilitator.x402.messages import PaymentRequest, Requirements, SettleResponse, VerifyResponse
from facilitator.x402.networks import CardanoNetwork, Network
from facilitator.x402.reasons import Reason

# Hooks: what they receive and return
__all__ = [
    "API_VERSION",
    "NO_HOOKS",
    "Context",
    "Origin",
    "OwnHooks",
    "PaymentView",
    "Reader",
    "Reason",
    "Refusal",
    "RequestView",
    "Requirements",
    "ResponseView",
    "SettleResponse",
    "VerifyResponse",
    "Worker",
    "hookimpl",
    "hookspec",
    "pausing",
]
# Settings and the clock
__all__ += [
    "Clock",
    "RateLimitSettings",
    "Settings",
    "SystemClock",
    "is_loopback",
    "is_own_host",
    "setting",
]
# Chain providers
__all__ += [
    "NOT_ASKED",
    "Allowance",
    "AllowanceLate",
    "AllowanceSpent",
    "AllowanceUsedUp",
    "AssetState",
    "AwaitsBlocks",
    "Block",
    "CardanoNetwork",
    "ChainProvider",
    "ChainUnavailable",
    "EvaluatesScripts",
    "ExaminesServer",
    "ExamplePayment",
    "FindsSpenders",
    "FindsTransactions",
    "ForeseesForks",
    "HasPlan",
    "InBlock",
    "InMempool",
    "ListsOutputs",
    "NamesNetwork",
    "Network",
    "NotFound",
    "NotFoundSince",
    "OutputStatus",
    "Point",
    "PointNotFound",
    "ProviderBehind",
    "ProviderUnusable",
    "ReadsAssets",
    "ReadsLedgerState",
    "ServerLacks",
    "SignsExamples",
    "SingleFlight",
    "Spender",
    "Spent",
    "SpentBy",
    "SubmissionRejected",
    "SubmissionUnknown",
    "Tip",
    "TransactionStatus",
    "Unknown",
    "Unspent",
    "allowing",
    "current_allowance",
]
# Storages
__all__ += [
    "AnnouncesEntries",
    "ApiKey",
    "CallersClock",
    "ChangeLog",
    "Circuit",
    "Claim",
    "ClaimState",
    "Complaint",
    "Deadlines",
    "Delivery",
    "Entry",
    "HasServerTime",
    "HeldInputs",
    "HoldsWithClaim",
    "Lease",
    "ReadableClaims",
    "Reservation",
    "ReservedElsewhere",
    "Scope",
    "SharedOutput",
    "SharesChain",
    "SharesOutputs",
    "Storage",
    "StorageUnavailable",
    "StoresApiKeys",
    "TooManyReservations",
    "UnreadableRecord",
    "claim_from_record",
    "claim_to_record",
]
# Payment ledgers
__all__ += [
    "EVERY_PAYMENT",
    "Change",
    "Cursor",
    "KeepsOutbox",
    "PaymentDetails",
    "PaymentEvent",
    "PaymentLedger",
    "PaymentQuery",
    "PaymentRecord",
    "Place",
    "RecordsPayments",
    "RefusalCount",
    "Total",
    "TotalBy",
    "changing_fields",
    "event_json",
    "is_recorded",
    "iso_time",
    "new_event",
    "new_record",
    "next_record",
    "payment_json",
    "refusal_json",
    "total_json",
]
# Transfer methods of the scheme ``exact``
__all__ += [
    "ChecksChain",
    "ChecksLanded",
    "ChecksLedger",
    "DeclaresReasons",
    "DefaultTransfer",
    "HasUniqueTerms",
    "Refused",
    "Terms",
    "TransferMethod",
    "UniqueTerms",
]
# Schemes
__all__ += [
    "MAX_EXTRA_BYTES",
    "MAX_RECORD_BYTES",
    "MEMPOOL",
    "NO_END",
    "UNKNOWN_ORIGIN",
    "Answer",
    "ChainFacts",
    "MayBeOnChain",
    "OutputLookup",
    "PaymentRequest",
    "Scheme",
    "SchemeChain",
    "SchemePayment",
    "ScriptEvaluators",
    "Verified",
    "VerifiesLanded",
    "agree_terms",
    "judge_transaction",
]
# Fees that a resource server sponsors
__all__ += [
    "SPONSOR_RULES",
    "SponsoredTransaction",
    "add_sponsor_witnesses",
    "find_broken_rule",
    "require_offered",
]
# Rate limiters
__all__ += [
    "ChangesLimits",
    "ClientLimits",
    "Limits",
    "RateDecision",
    "RateLimiter",
    "TakesLimits",
    "Window",
    "decide",
]
# Error reporters
__all__ += [
    "LEFT_OUT",
    "DescribesDestination",
    "ErrorReporter",
    "Redactor",
    "without_payments",
]
# Health checks
__all__ += [
    "Advice",
    "Concern",
    "HealthCheck",
]
# Paying
__all__ += [
    "CannotPay",
    "FundedChain",
    "OfferNotUsed",
    "OutcomeNotKnown",
    "Paid",
    "PayOrder",
    "Payer",
    "Presented",
    "Signature",
    "SignsMessages",
    "Wallet",
    "choose_inputs",
    "find_offer",
    "look_up_offered",
]
# Requests over HTTP
__all__ += [
    "HttpAnswer",
    "HttpBounds",
    "TimedHttp",
]
# Meters and metrics
__all__ += [
    "NO_METER",
    "NO_REQUEST_METRICS",
    "QUOTA_REMAINING",
    "QUOTA_USED",
    "UPSTREAM_REQUESTS",
    "UPSTREAM_RETRIES",
    "UPSTREAM_SECONDS",
    "UPSTREAM_WITHHELD",
    "Counter",
    "Gauge",
    "Histogram",
    "Meter",
    "Metric",
    "NotSent",
    "RequestMetrics",
    "RequestOutcome",
]
# Errors
__all__ += [
    "ConfigInvalidError",
    "FacilitatorError",
    "PluginError",
    "Problem",
    "one_line",
]
