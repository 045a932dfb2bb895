"""Verify and settle are one payment to the limiter: no caller is cut off between them."""

from collections.abc import Callable
from typing import Any

import pytest

from facilitator.testing.payments import Payer
from facilitator.testing.running import Running
from facilitator.testing.threads import together
from support.web import Answer, Client

SHOP, KIOSK = "203.0.113.7", "203.0.113.8"
PROXY = {"server__trusted_proxies": "['127.0.0.1']", "settlement__wait_seconds": 0}


class Shop:
    """A resource server at an address, which sends an API key if it has one."""

    def __init__(self, running: Running, address: str = SHOP, key: str | None = None) -> None:
        self._client = Client(running.server.port)
        self._headers = {"X_Forwarded_For": address, **({"X_API_Key": key} if key else {})}

    def post(self, path: str, body: object, **headers: str) -> Answer:
        return self._client.call("POST", path, body, **self._headers, **headers)

    def use_up(self) -> Answer:
        """Ask until it is refused."""
        answers = [self.post("/status", {"transaction": "ab" * 32}) for _ in range(30)]
        assert answers[-1].status == 429
        return answers[-1]


def limited(run: Callable[..., Running], sensitive: int = 4, **settings: Any) -> Running:
    limits = {"rate_limit__sensitive_per_minute": sensitive, "rate_limit__global_per_minute": 50}
    return run(**PROXY, **limits, **settings)


def is_refused(answer: Answer) -> bool:
    if answer.status != 429:
        return False
    assert answer.headers["retry-after"] == answer.headers["ratelimit-reset"]
    assert answer.json.get("errorReason", "rate_limited") == "rate_limited"
    return True


def test_a_payment_counts_once_for_both_calls(run: Callable[..., Running]) -> None:
    running = limited(run)
    payer, shop = Payer(running), Shop(running)
    for _ in range(4):
        body = payer.body()
        assert shop.post("/verify", body).json["isValid"]
        assert shop.post("/settle", body).json["errorReason"] == "settlement_pending"
    assert is_refused(shop.post("/verify", payer.body()))


@pytest.mark.parametrize("hold", [0, 120])
def test_who_was_let_in_by_verify_gets_to_settle(run: Callable[..., Running], hold: int) -> None:
    """However long the work takes, and however many were let in meanwhile."""
    running = limited(run, reservation__ttl_seconds=hold)
    payer, shop = Payer(running), Shop(running)
    bodies = [payer.body() for _ in range(4)]
    assert all(shop.post("/verify", body).json["isValid"] for body in bodies)
    assert is_refused(shop.use_up())
    assert running.clock is not None
    running.clock.advance(200)
    for body in bodies:
        assert shop.post("/settle", body).json["errorReason"] == "settlement_pending"


def test_a_verified_payment_is_let_in_once_and_for_the_sdks_repeat(
    run: Callable[..., Running],
) -> None:
    """They repeat a pending settlement once, and take 429 for the end. Further repeats count."""
    running = limited(run)
    shop, body = Shop(running), Payer(running).body()
    shop.post("/verify", body)
    shop.use_up()
    answers = together([lambda: shop.post("/settle", body)] * 8)
    assert sorted(answer.status for answer in answers) == [200] * 2 + [429] * 6
    assert is_refused(shop.post("/settle", body))


def test_a_payment_verified_again_is_let_in_again(run: Callable[..., Running]) -> None:
    """As a resource server does for the repeat of a payment that was pending."""
    running = limited(run)
    shop, body = Shop(running), Payer(running).body()
    for _ in range(4):
        assert shop.post("/verify", body).json["isValid"]
        assert shop.post("/settle", body).json["errorReason"] == "settlement_pending"
    assert is_refused(shop.post("/verify", body))


def test_a_refusal_of_the_caller_s_key_gives_no_further_call(run: Callable[..., Running]) -> None:
    running = limited(run, sensitive=3)
    payer, shop = Payer(running), Shop(running)
    key = {"Idempotency_Key": "order-1001"}
    assert shop.post("/settle", payer.body(), **key).status == 200
    body = payer.body()
    assert shop.post("/verify", body).json["isValid"]
    shop.use_up()
    assert [shop.post("/settle", body, **key).status for _ in range(3)] == [409, 409, 429]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b" " * 70_000,
        {"x402Version": 1},
        {"x402Version": 2},
        {"paymentRequirements": {"network": "cardano:preprod"}},
    ],
    ids=lambda body: str(body)[:30],
)
def test_an_unusable_settle_beyond_the_limit_is_429(
    run: Callable[..., Running], body: object
) -> None:
    shop = Shop(limited(run))
    assert shop.post("/settle", body).status in (400, 413)
    shop.use_up()
    assert is_refused(shop.post("/settle", body))


def test_an_unusable_settle_counts(run: Callable[..., Running]) -> None:
    shop = Shop(limited(run))
    answers = [shop.post("/settle", b"{") for _ in range(5)]
    assert [answer.status for answer in answers] == [400] * 4 + [429]
    left = [answer.headers["ratelimit-remaining"] for answer in answers]
    assert left == ["3", "2", "1", "0", "0"]


def test_a_settle_that_was_never_verified_is_429_beyond_the_limit(
    run: Callable[..., Running],
) -> None:
    running = limited(run)
    shop, payer = Shop(running), Payer(running)
    shop.use_up()
    assert is_refused(shop.post("/settle", payer.body()))
    invalid = payer.body(seconds=0)
    other = Shop(running, KIOSK)
    assert other.post("/verify", invalid).json["isValid"] is False
    other.use_up()
    assert is_refused(other.post("/settle", invalid))


def test_keys_cannot_be_guessed_beyond_the_limit(run: Callable[..., Running]) -> None:
    """Neither of the two paths is a way around it."""
    running = limited(run, auth__api_keys__shop="the-key-of-the-shop")
    for path, address in (("/verify", SHOP), ("/settle", KIOSK)):
        shop = Shop(running, address, "a-guess")
        answers = [shop.post(path, Payer(running).body()) for _ in range(6)]
        assert [answer.status for answer in answers] == [401] * 4 + [429] * 2


def test_each_key_has_limits_of_its_own_and_others_have_less(run: Callable[..., Running]) -> None:
    running = limited(
        run,
        auth__api_keys__a="key-of-shop-a",
        auth__api_keys__b="key-of-shop-b",
        rate_limit__key_global_per_minute=9,
        rate_limit__key_sensitive_per_minute=6,
    )
    statuses = {"transaction": "ab" * 32}
    shops = [Shop(running, SHOP, key) for key in ("key-of-shop-a", "key-of-shop-b", None)]
    for shop, sensitive, everything in zip(shops, (6, 6, 4), (9, 9, 50), strict=True):
        answers = [shop.post("/status", statuses) for _ in range(sensitive + 1)]
        assert [answer.status for answer in answers] == [200] * sensitive + [429]
        assert answers[0].headers["ratelimit-policy"] == f'{sensitive};w=60;name="sensitive"'
        other = shop.post("/supported", {})
        assert other.headers["ratelimit-policy"] == f'{everything};w=60;name="global"'
        assert other.headers["ratelimit-remaining"] == str(everything - sensitive - 1)


def test_by_default_a_key_may_do_far_more(run: Callable[..., Running]) -> None:
    running = run(**PROXY, auth__api_keys__a="key-of-shop-a")
    answers = [
        Shop(running, SHOP, key).post("/status", {"transaction": "ab" * 32})
        for key in (None, "key-of-shop-a")
    ]
    anonymous, keyed = (int(answer.headers["ratelimit-limit"]) for answer in answers)
    assert keyed >= 100 * anonymous


def test_a_payment_is_let_in_though_another_request_gave_it_up(
    run: Callable[..., Running],
) -> None:
    """Its payer sent it to the shop twice, and one of the two pages could not be made."""
    running = limited(run)
    shop, body = Shop(running), Payer(running).body()
    shop.post("/verify", body)
    shop.use_up()
    assert shop.post("/cancel", body).json["cancelled"] is True
    assert shop.post("/settle", body).json["errorReason"] == "settlement_pending"


def test_giving_up_is_no_sensitive_request(run: Callable[..., Running]) -> None:
    """Each `/verify` may be followed by one."""
    running = limited(run)
    shop, payer = Shop(running), Payer(running)
    bodies = [payer.body() for _ in range(4)]
    for body in bodies:
        assert shop.post("/verify", body).json["isValid"]
    answers = [shop.post("/cancel", body) for body in bodies]
    assert [answer.json["cancelled"] for answer in answers] == [True] * 4
    assert answers[-1].headers["ratelimit-policy"] == '50;w=60;name="global"'
