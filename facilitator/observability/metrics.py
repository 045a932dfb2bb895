"""All metrics of the core, and those that all chain providers share.

``docs/reference/metrics.md`` lists the same. Counts begin at 0 when the facilitator starts.
"""

from facilitator.roles.metrics import Counter, Gauge, Histogram, Metric

_LOCAL_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_REMOTE_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 75)
_SETTLEMENT_SECONDS = (1, 2.5, 5, 10, 20, 30, 45, 60, 75, 90, 120, 180, 300, 600, 1800)

# --- The process ---------------------------------------------------------------------------------

BUILD = Gauge("facilitator_build_info", "Always 1; the label is the version.", ("version",), "max")
FAULTS = Counter(
    "facilitator_faults_total",
    "Faults of the facilitator itself, which error reporters get and the log shows.",
)
PLUGIN_FAULTS = Counter(
    "facilitator_plugin_faults_total",
    "Calls of a plugin's hook, or of a method of its part, that failed, hang or take too long.",
    ("plugin", "hook"),
)
PLUGIN_DROPPED = Counter(
    "facilitator_plugin_dropped_calls_total",
    "Calls of a plugin's observer that were not made, since too many waited or it is switched off.",
    ("plugin", "hook"),
)

# --- HTTP ----------------------------------------------------------------------------------------

HTTP_REQUESTS = Counter(
    "facilitator_http_requests_total",
    "Requests answered. The route is its template, or none for what matched none or was refused"
    " before it was looked at.",
    ("method", "route", "status"),
)
HTTP_SECONDS = Histogram(
    "facilitator_http_request_seconds",
    "Seconds from a request's arrival to its answer.",
    _REQUEST_SECONDS,
    ("method", "route"),
)
KEY_REQUESTS = Counter(
    "facilitator_api_key_requests_total",
    "Requests that an API key let in, by the name of the key.",
    ("key",),
)
RATE_LIMITED = Counter(
    "facilitator_rate_limited_requests_total",
    "Requests refused with 429, of sensitive endpoints or others.",
    ("endpoints",),
)
THREADS = Gauge(
    "facilitator_server_threads",
    "Most threads that answer requests; fewer where the system gives no more.",
)
BUSY_THREADS = Gauge("facilitator_server_busy_threads", "How many of them have a request.")
QUEUE = Gauge("facilitator_server_queued_requests", "Requests that wait for a thread.")
CONNECTIONS = Gauge("facilitator_server_connections", "Open connections.")

# --- Payments ------------------------------------------------------------------------------------

VERDICTS = Counter(
    "facilitator_verdicts_total",
    "Verdicts of /verify, by reason; none when valid.",
    ("valid", "reason"),
)
SETTLE_ANSWERS = Counter(
    "facilitator_settle_answers_total",
    "Answers of /settle, by reason; none when successful. One settlement may have several.",
    ("success", "reason"),
)
SETTLEMENTS = Counter(
    "facilitator_settlements_total",
    "Settlements that reached a state: submitted, included, settled, rejected or expired.",
    ("network", "state"),
)
CORRECTED = Counter(
    "facilitator_corrected_settlements_total",
    "Settlements that were rejected or expired until their transaction was found in a block.",
    ("network", "state"),
)
SETTLEMENT_SECONDS = Histogram(
    "facilitator_settlement_seconds",
    "Seconds from a payment's claim, just before it is submitted, to as many confirmations as it"
    " requires.",
    _SETTLEMENT_SECONDS,
    ("network",),
)
WAITING = Gauge("facilitator_waiting_settles", "Callers of /settle that wait for the chain.")
MAX_WAITING = Gauge(
    "facilitator_waiting_settles_limit", "How many may wait at once; others are answered at once."
)

# --- The chain -----------------------------------------------------------------------------------

OUTPUT_LOOKUPS = Counter(
    "facilitator_output_lookups_total",
    "Outputs looked up, by where they were found: memory or fleet (cached), or provider.",
    ("network", "source"),
)
FOLLOWING = Gauge(
    "facilitator_following",
    "Processes that follow the chain now; none while no settlement or payment needs it.",
    ("network",),
)
FOLLOWER_LAG = Gauge(
    "facilitator_follower_lag_seconds",
    "Seconds since the newest followed block; 0 while the chain is not followed.",
    ("network",),
    "max",
)
FOLLOWED_BLOCKS = Counter(
    "facilitator_followed_blocks_total", "Blocks that each process has taken in.", ("network",)
)
ROLLED_BACK_BLOCKS = Counter(
    "facilitator_rolled_back_blocks_total", "Blocks that each process took back.", ("network",)
)
BREAKER_OPEN = Gauge(
    "facilitator_breaker_open",
    "Whether a chain provider is not asked for now, since it failed repeatedly: 1 or 0.",
    ("network", "provider"),
    "max",
)

# --- Upstream requests of chain providers, for every plugin that is one --------------------------

UPSTREAM_REQUESTS = Counter(
    "facilitator_upstream_requests_total",
    "Requests that a chain provider made. The status is that of HTTP, timeout, unreachable, or"
    " failed for a connection that broke.",
    ("provider", "network", "endpoint", "status"),
)
UPSTREAM_SECONDS = Histogram(
    "facilitator_upstream_request_seconds",
    "Seconds that each of these requests took.",
    _REMOTE_SECONDS,
    ("provider", "network", "endpoint"),
)
UPSTREAM_RETRIES = Counter(
    "facilitator_upstream_retries_total",
    "How many of these requests repeated one that failed.",
    ("provider", "network"),
)
UPSTREAM_WITHHELD = Counter(
    "facilitator_upstream_withheld_requests_total",
    "Requests not made, to keep within the plan's limits.",
    ("provider", "network"),
)
QUOTA_USED = Gauge(
    "facilitator_upstream_quota_used_requests",
    "Requests made since midnight UTC, of those that the plan has a day.",
    ("provider", "network"),
)
QUOTA_REMAINING = Gauge(
    "facilitator_upstream_quota_remaining_requests",
    "Requests left of the plan's day: 0 once the provider says so, else by this facilitator's own"
    " count. Of several worker processes, what the one with the least has.",
    ("provider", "network"),
    "min",
)

# --- The storage ---------------------------------------------------------------------------------

STORAGE_SECONDS = Histogram(
    "facilitator_storage_seconds",
    "Seconds that the storage took, failures included.",
    _LOCAL_SECONDS,
    ("operation",),
)
STORAGE_FAILURES = Counter(
    "facilitator_storage_failures_total", "How many of these failed.", ("operation",)
)

LEDGER_WAITING = Gauge(
    "facilitator_ledger_waiting_changes",
    "Changes of payments that wait in the storage until the payment ledger has them.",
    (),
    "max",
)

METRICS: tuple[Metric, ...] = tuple(
    each for each in vars().copy().values() if isinstance(each, Counter | Gauge | Histogram)
)
"""All metrics of this module, in this order."""
