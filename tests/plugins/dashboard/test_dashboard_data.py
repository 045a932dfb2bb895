"""The data of the dashboard, and who may read it."""

from collections.abc import Callable
from typing import Any

import pytest

from facilitator.plugin import PaymentLedger, RefusalCount
from facilitator.testing.clock import ManualClock
from facilitator.testing.payment_ledger import DAY, NOON, delivered, settled, submitted
from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.running import Running
from support.web import Answer, Client

OPERATOR, SHOP = "an-operator-s-key-of-the-tests", "a-shop-s-key-of-the-tests"
KEYS = {"auth__operator_keys__anna": OPERATOR, "auth__api_keys__shop": SHOP}
PATHS = [
    "overview",
    "payments",
    "events",
    f"payments/{1:064x}",
    f"payments/{1:064x}/report",
]
Run = Callable[..., Running]


@pytest.fixture
def running(run: Run) -> Running:
    return run(plugins="devnet,memory,dashboard", clock=ManualClock(NOON + 3_600), **KEYS)


@pytest.fixture
def ledger(running: Running) -> PaymentLedger:
    ledger = running.facilitator.ledger
    assert ledger is not None
    first = submitted(1, NOON)
    ledger.record([first, submitted(2, NOON + 1), submitted(3, NOON + 2)])
    ledger.record([delivered(settled(first))])
    return ledger


def get(running: Running, path: str, **headers: str) -> tuple[int, Any]:
    return running.call("GET", f"/dashboard/data/{path}", None, headers)


# --- Who may read it ------------------------------------------------------------------------------


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("far", [{"X-Forwarded-For": "203.0.113.7"}, {"Via": "1.1 proxy"}])
def test_what_was_forwarded_needs_an_operators_key(
    running: Running, path: str, far: dict[str, str]
) -> None:
    status, refusal = get(running, path, **far)
    assert (status, refusal["error"]) == (401, "unauthorized")
    status, refusal = get(running, path, **{"X-API-Key": "no-key"}, **far)
    assert (status, refusal["error"]) == (401, "unauthorized")
    status, refusal = get(running, path, **{"X-API-Key": SHOP}, **far)
    assert (status, refusal["error"]) == (403, "insufficient_scope")
    status, answer = get(running, path, **{"X-API-Key": OPERATOR}, **far)
    assert status == 200 or answer["error"] == "no_claim"


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:3000"},
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"X-Real-IP": "127.0.0.1"},
    ],
)
def test_a_web_page_is_no_program_of_this_machine(
    running: Running, headers: dict[str, str]
) -> None:
    client = Client(running.server.port)
    assert client.call("GET", "/dashboard/data/payments", **headers).status == 401
    assert client.call("GET", "/dashboard/data/payments").status == 200


def test_this_machine_needs_a_key_where_the_settings_say_so(run: Run) -> None:
    running = run(plugins="devnet,memory,dashboard", dashboard__local="false", **KEYS)
    for path in PATHS:
        assert get(running, path)[0] == 401
    assert get(running, "payments", **{"X-API-Key": OPERATOR})[0] == 200


def test_it_is_off_unless_named(run: Run) -> None:
    running = run()
    assert running.call("GET", "/dashboard")[0] == 404
    assert get(running, "payments")[0] == 404


# --- What there is to read ------------------------------------------------------------------------


@pytest.mark.usefixtures("ledger")
def test_payments_come_page_by_page(running: Running) -> None:
    _, page = get(running, "payments?limit=2")
    assert [each["transaction"][-1] for each in page["payments"]] == ["3", "2"]
    before = page["next"].replace(" ", "%20")
    _, page = get(running, f"payments?limit=2&before={before}")
    assert [each["transaction"][-1] for each in page["payments"]] == ["1"]
    assert "next" not in page


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=settled", "1"),
        (f"since={NOON + 1}", "32"),
        (f"until={NOON + 1}", "1"),
        ("payTo=addr_test1shop&payer=addr_test1payer&asset=lovelace&caller=shop", "321"),
        ("caller=", ""),
        ("resource=https://shop.example/", "321"),
        ("network=cardano:mainnet", ""),
    ],
)
def test_payments_are_filtered(running: Running, query: str, found: str) -> None:
    status, page = get(running, f"payments?{query}")
    assert status == 200
    assert [each["transaction"][-1] for each in page["payments"]] == list(found)


@pytest.mark.parametrize(
    "query", ["state=gone", "since=nan", "since=x", "limit=0", "limit=101", "before=1"]
)
def test_other_searches_are_refused(running: Running, query: str) -> None:
    status, refusal = get(running, f"payments?{query}")
    assert status == 400
    assert query.partition("=")[0] in refusal["message"]


def test_events_are_followed(running: Running, ledger: PaymentLedger) -> None:
    _, now = get(running, "events")
    assert now == {"events": [], "last": 4}
    ledger.record([settled(submitted(2, NOON + 1))])
    _, then = get(running, "events?after=4")
    assert [(each["transaction"][-1], each["state"]) for each in then["events"]] == [
        ("2", "settled")
    ]
    assert get(running, f"events?after={then['last']}")[1]["events"] == []


@pytest.mark.usefixtures("ledger")
def test_a_payment_comes_with_its_events(running: Running) -> None:
    _, payment = get(running, f"payments/{1:064x}")
    assert payment["state"] == "settled"
    assert [each["state"] for each in payment["events"]] == ["submitted", "settled"]
    for other in (f"{9:064x}", "x"):
        status, refusal = get(running, f"payments/{other}")
        assert (status, refusal["error"]) == (404, "no_payment")


def test_the_overview_adds_up(running: Running, ledger: PaymentLedger) -> None:
    old = submitted(7, NOON - 3 * DAY)
    older = submitted(8, NOON - 8 * DAY)
    ledger.record([settled(old), settled(older)])
    refused = RefusalCount("2024-10-04", "verify", "bad", "", 2, NOON, "It is bad.")
    ledger.count_refusals([refused])
    _, found = get(running, "overview")
    (total,) = found["totals"]
    assert total["today"] == {"count": 1, "amount": "2000000", "fee": "170000"}
    assert total["week"] == {"count": 2, "amount": "4000000", "fee": "340000"}
    (caller,) = found["callers"]
    assert (caller["caller"], caller["count"]) == ("shop", 2)
    times = found["confirmation"]
    assert (times["count"], times["median"], times["p90"]) == (2, 40.0, 41.0)
    (reason,) = found["refusals"]
    assert (reason["reason"], reason["count"], reason["sample"]) == ("bad", 2, "It is bad.")
    assert found["metrics"] is False


def test_the_overview_says_that_there_are_metrics(run: Run) -> None:
    running = run(plugins="devnet,memory,dashboard,prometheus")
    assert get(running, "overview")[1]["metrics"] is True


def test_a_transaction_is_reported_on_while_its_claim_is_there(running: Running) -> None:
    body = Payer(running).body()
    transaction = transaction_id(body)
    status, refusal = get(running, f"payments/{transaction}/report")
    assert (status, refusal["error"]) == (404, "no_claim")
    running.settle(body, **{"Prefer": "wait=0", "X-API-Key": SHOP})
    _, report = get(running, f"payments/{transaction}/report")
    assert (report["input"], report["verify"]) == ("transaction", None)
    assert report["transaction"]["id"] == transaction
    assert {check["scope"] for check in report["checks"]} == {"ledger"}


def test_without_a_ledger_it_says_so(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running.facilitator.context.reader, "_ledger", None)
    status, refusal = get(running, "overview")
    assert (status, refusal["error"]) == (404, "no_ledger")


# --- The files ------------------------------------------------------------------------------------


def file(running: Running, path: str, **headers: str) -> Answer:
    return Client(running.server.port).call("GET", path, **headers)


def test_the_files_come_once_and_run_nothing_else(running: Running) -> None:
    page = file(running, "/dashboard")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    script = file(running, "/dashboard/app.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert file(running, "/dashboard/app.js", If_None_Match='"x"').status == 200
    again = file(running, "/dashboard/app.js", If_None_Match=script.headers["etag"])
    assert (again.status, again.body) == (304, b"")


def test_a_slash_at_the_end_is_led_to_the_page(running: Running) -> None:
    answer = file(running, "/dashboard/")
    assert (answer.status, answer.headers["location"]) == (308, "../dashboard")


@pytest.mark.parametrize("path", ["index.html", "../settings.py", "%2e%2e/settings.py", "x.js"])
def test_there_is_no_other_file(running: Running, path: str) -> None:
    assert file(running, f"/dashboard/{path}").status == 404
