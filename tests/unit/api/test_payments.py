"""``GET /payments``: the ledger over HTTP, for operators."""

from collections.abc import Callable
from typing import Any

import pytest

from facilitator.plugin import PaymentLedger, StorageUnavailable
from facilitator.testing.payment_ledger import NOON, delivered, settled, submitted
from facilitator.testing.running import Running

KEY = "an-operator-s-key-of-the-tests"
SHOP = "a-shop-s-key-of-the-tests"


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(auth__operator_keys__anna=KEY, auth__api_keys__shop=SHOP, rate_limit__enabled=False)


@pytest.fixture
def ledger(running: Running) -> PaymentLedger:
    ledger = running.facilitator.ledger
    assert ledger is not None
    ledger.record([submitted(number, NOON + number) for number in range(1, 5)])
    ledger.record([delivered(settled(submitted(1, NOON + 1)))])
    return ledger


def get(running: Running, path: str) -> tuple[int, Any]:
    return running.call("GET", path, None, {"X-API-Key": KEY})


@pytest.mark.usefixtures("ledger")
def test_payments_come_page_by_page(running: Running) -> None:
    status, page = get(running, "/payments?limit=3")
    assert status == 200
    assert [each["transaction"][-1] for each in page["payments"]] == ["4", "3", "2"]
    _, page = get(running, f"/payments?limit=3&cursor={page['next']}")
    assert [each["transaction"][-1] for each in page["payments"]] == ["1"]
    assert "next" not in page
    _, page = get(running, "/payments?state=settled&resource=https://shop.example/")
    (paid,) = page["payments"]
    assert paid == {
        **paid,
        "state": "settled",
        "amount": "2000000",
        "payTo": "addr_test1shop",
        "caller": "shop",
        "createdAt": "2024-10-04T12:00:01.000Z",
        "deliveredTo": "192.0.2.7",
        "block": {"hash": "b" * 64, "slot": 2**64 - 2, "height": 7, "depth": 3},
    }


@pytest.mark.usefixtures("ledger")
def test_a_payment_comes_with_its_events(running: Running) -> None:
    status, story = get(running, f"/payments/{1:064X}")
    assert status == 200
    assert [each["state"] for each in story["events"]] == ["submitted", "settled"]
    assert story["events"][-1]["deliveryRequestId"] == "9a2b"
    assert get(running, f"/payments/{9:064x}")[0] == 404


@pytest.mark.usefixtures("ledger")
def test_totals_are_of_settled_payments_unless_it_says_otherwise(running: Running) -> None:
    _, answer = get(running, "/payments/totals?by=day,caller")
    (total,) = answer["totals"]
    assert (total["day"], total["caller"], total["count"]) == ("2024-10-04", "shop", 1)
    assert (total["amount"], total["fee"]) == ("2000000", "170000")
    _, answer = get(running, "/payments/totals?state=submitted,settled")
    assert answer["totals"][0]["count"] == 4


@pytest.mark.usefixtures("ledger")
def test_events_are_followed_from_where_a_reader_stands(running: Running) -> None:
    _, now = get(running, "/payments/events")
    assert (now["events"], now["last"]) == ([], 5)
    _, first = get(running, "/payments/events?after=0&limit=2")
    _, rest = get(running, f"/payments/events?after={first['last']}")
    assert [each["number"] for each in (*first["events"], *rest["events"])] == [1, 2, 3, 4, 5]
    assert get(running, "/payments/events?after=5")[1] == {"events": [], "last": 5}


BAD = [
    ("/payments?state=paid", "state must be some of submitted"),
    ("/payments?limit=0", "limit must be a whole number from 1 to 1000"),
    ("/payments?limit=1001", "limit must be"),
    ("/payments?limit=" + "9" * 5_000, "limit must be"),
    ("/payments?cursor=abc", "cursor must be one of an earlier answer"),
    ("/payments?since=today", "since must be a day such as"),
    ("/payments?payto=x", "The query has 'payto'"),
    ("/payments/totals?by=payer", "by must be some of day"),
    ("/payments/events?after=-1", "after must be a whole number from 0"),
    ("/payments/refusals?limit=1", "The query has 'limit'"),
    (f"/payments/{1:064x}?limit=1", "It may have none"),
]


@pytest.mark.usefixtures("ledger")
def test_a_query_that_means_nothing_is_refused(running: Running) -> None:
    for path, words in BAD:
        status, answer = get(running, path)
        assert (status, answer["error"]) == (400, "invalid_query"), path[:60]
        assert words in answer["message"]


def test_only_operators_see_payments(running: Running) -> None:
    for path in ("", "/totals", "/events", "/refusals", f"/{1:064x}"):
        assert running.call("GET", f"/payments{path}")[0] == 401
        shop = {"X-API-Key": SHOP}
        assert running.call("GET", f"/payments{path}", None, shop)[0] == 403


def test_a_ledger_that_does_not_work_is_no_fault_of_the_request(
    running: Running, ledger: PaymentLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageUnavailable("the disk is gone", "/srv/facilitator.db is gone")

    monkeypatch.setattr(ledger, "payments", fail)
    status, answer = get(running, "/payments")
    assert status == 503
    assert "the disk is gone" in answer["message"]
    assert "/srv" not in str(answer)
