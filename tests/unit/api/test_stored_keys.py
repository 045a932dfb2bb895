"""API keys in the storage: who gets in, and what guesses cost."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import falcon
import pytest

from facilitator.api.callers import Caller, Sender
from facilitator.api.key_text import digest_of, is_key, make_key
from facilitator.api.last_use import INTERVAL_SECONDS, LastUse
from facilitator.api.stored_keys import GUESSES_PER_MINUTE, StoredKeys
from facilitator.roles.api_keys import ApiKey, Scope
from facilitator.roles.rate_limit import Limits, RateDecision
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.clock import ManualClock
from facilitator.testing.waiting import eventually
from facilitator.x402.messages import PaymentRequest, VerifyResponse
from facilitator_memory.storage import MemoryStorage
from support.web import Answer, Client, ScriptedService, payment, serving

NOW = 1_000_000.0
GUARDED = ["/verify", "/settle", "/cancel"]
PROXY = {"server__trusted_proxies": "['127.0.0.1']"}
SHOP = "203.0.113.7"
AWAY = {"X_Forwarded_For": SHOP}


class Keys(MemoryStorage):
    """A storage that counts look-ups, and fails when asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.looked_up: list[str] = []
        self.noted: list[tuple[str, float]] = []

    def api_key(self, digest: str) -> ApiKey | None:
        self.looked_up.append(digest)
        if self.is_down:
            raise StorageUnavailable("the storage does not answer")
        return super().api_key(digest)

    def note_api_key_use(self, name: str, now: float) -> None:
        if self.is_down:
            raise StorageUnavailable
        super().note_api_key_use(name, now)
        self.noted.append((name, now))

    def make(self, name: str, scope: Scope = Scope.PAY, **fields: Any) -> str:
        """Add a key of this name; return its text."""
        key = make_key()
        assert self.add_api_key(ApiKey(name, digest_of(key), scope, None, NOW, **fields))
        return key


@dataclass
class Callers(ScriptedService):
    """A service that notes who asks."""

    seen: list[tuple[str | None, str]] = field(default_factory=list)

    def verify(self, request: PaymentRequest, **context: Any) -> VerifyResponse:
        self.seen.append((context["caller"], context["client"]))
        return super().verify(request)


class Desk:
    """An endpoint for the operator alone."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        req.context.gate.require(req, Scope.OPERATE)
        resp.media = {"caller": req.context.caller}


Serve = Callable[..., AbstractContextManager[Client]]


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def service() -> Callers:
    return Callers()


@pytest.fixture
def serve(tmp_path: Path, keys: Keys, clock: ManualClock, service: Callers) -> Serve:
    """A server that has these keys, and the endpoint ``/desk``."""

    @contextmanager
    def serve(api: Mapping[str, Any] | None = None, **variables: object) -> Iterator[Client]:
        own = {"stored_keys": StoredKeys(keys, clock), "routes": {"/desk": Desk()}}
        with serving(tmp_path, service, api={**own, **(api or {})}, **variables) as client:
            yield client

    return serve


def asked(client: Client, key: str | None, path: str = "/verify", **headers: str) -> Answer:
    shown = {} if key is None else {"X_API_Key": key}
    method, body = ("GET", None) if path == "/desk" else ("POST", payment())
    return client.call(method, path, body, **shown, **headers)


def test_a_key_has_its_form_and_256_bits() -> None:
    made = {make_key() for _ in range(100)}
    assert len(made) == 100
    assert all(is_key(key) and len(key) == len("facilitator_") + 64 for key in made)
    for other in ("", "facilitator_", make_key()[:-1], make_key() + "0", make_key().upper()):
        assert not is_key(other)


# --- Who gets in ------------------------------------------------------------------------------


@pytest.mark.parametrize("required", ["true", "false"])
def test_a_stored_key_lets_in_under_its_name(
    serve: Serve, keys: Keys, service: Callers, required: str
) -> None:
    key = keys.make("shop")
    with serve(auth__required=required) as client:
        assert [asked(client, key, path).status for path in GUARDED] == [200] * 3
        bearer = client.call("POST", "/verify", payment(), Authorization=f"Bearer {key}")
    assert bearer.status == 200
    assert [caller for caller, _ in service.seen] == ["shop", "shop"]


def test_each_request_asks_the_storage_once(serve: Serve, keys: Keys) -> None:
    key = keys.make("shop")
    with serve(**PROXY) as client:
        for _ in range(3):
            assert asked(client, key, **AWAY).status == 200
            assert asked(client, key).status == 200
        assert keys.looked_up == [digest_of(key)] * 6
        asked(client, None)
        asked(client, "another text")
        assert len(keys.looked_up) == 6


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize("required", ["true", "false"])
def test_a_key_that_is_not_valid_lets_no_caller_in(
    serve: Serve, keys: Keys, clock: ManualClock, path: str, required: str
) -> None:
    ends, revoked = keys.make("ends", expires_at=NOW + 60), keys.make("revoked")
    with serve(auth__required=required) as client:
        assert [asked(client, key, path).status for key in (ends, revoked)] == [200, 200]
        keys.revoke_api_key("revoked", NOW)
        clock.advance(60)
        answers = [asked(client, key, path) for key in (ends, revoked, make_key())]
    assert [answer.status for answer in answers] == [401] * 3
    assert all(answer.headers["www-authenticate"].startswith("Bearer") for answer in answers)
    texts = [answer.body for answer in answers]
    assert [b"expired" in texts[0], b"revoked" in texts[1]] == [True, True]


def test_without_a_key_payments_pass_unless_one_is_required(
    serve: Serve, keys: Keys, service: Callers
) -> None:
    keys.make("shop")
    with serve() as client:
        assert asked(client, None).status == asked(client, "any").status == 200
    assert {caller for caller, _ in service.seen} == {None}
    for setting in ({"auth__required": "true"}, {"auth__api_keys__kiosk": "s3cret"}):
        with serve(**setting) as client:
            assert asked(client, None).status == asked(client, "any").status == 401


def test_a_storage_that_fails_makes_a_key_unknown(serve: Serve, keys: Keys) -> None:
    key = keys.make("shop")
    with serve(auth__api_keys__kiosk="s3cret-kiosk", auth__operator_keys__me="s3cret-me") as client:
        assert asked(client, key).status == 200
        keys.is_down = True
        for each in (key, make_key()):
            for path in (*GUARDED, "/desk"):
                answer = asked(client, each, path)
                assert (answer.status, answer.headers["retry-after"]) == (503, "5")
                assert b"does not answer" in answer.body
        assert asked(client, None).status == 401
        assert [asked(client, "s3cret-kiosk", path).status for path in GUARDED] == [200] * 3
        assert asked(client, "s3cret-me", "/desk").status == 200
        assert client.call("GET", "/supported", X_API_Key=key).status == 200
        keys.is_down = False
        assert asked(client, key).status == 200


def test_a_name_of_the_settings_is_theirs(serve: Serve, keys: Keys) -> None:
    key = keys.make("shop")
    with serve(auth__api_keys__shop="s3cret-shop") as client:
        assert asked(client, key).status == 401
        assert asked(client, "s3cret-shop").status == 200
    assert keys.make("me", Scope.OPERATE)
    with serve(auth__operator_keys__shop="s3cret-shop") as client:
        assert asked(client, key).status == 401


def test_a_storage_without_keys_changes_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        assert asked(client, make_key()).status == 200
    with serving(tmp_path, auth__required="true") as client:
        assert asked(client, make_key()).status == 401


# --- Scopes -----------------------------------------------------------------------------------


def test_an_operators_endpoint_takes_its_keys_alone(serve: Serve, keys: Keys) -> None:
    operator, shop = keys.make("me", Scope.OPERATE), keys.make("shop")
    variables = {"auth__api_keys__kiosk": "s3cret-kiosk", "auth__operator_keys__you": "s3cret-you"}
    with serve(**variables) as client:
        assert asked(client, operator, "/desk").json == {"caller": "me"}
        assert asked(client, "s3cret-you", "/desk").json == {"caller": "you"}
        for key in (shop, "s3cret-kiosk"):
            answer = asked(client, key, "/desk")
            assert (answer.status, answer.json["error"]) == (403, "insufficient_scope")
            assert 'scope="operate"' in answer.headers["www-authenticate"]
        for missing in (None, make_key(), "s3cret"):
            assert asked(client, missing, "/desk").status == 401


def test_an_operators_endpoint_is_closed_where_payments_need_no_key(serve: Serve) -> None:
    with serve() as client:
        assert asked(client, None, "/desk").status == 401
        assert asked(client, None).status == 200


@pytest.mark.parametrize("path", GUARDED)
def test_an_operators_key_pays_for_nothing(serve: Serve, keys: Keys, path: str) -> None:
    stored = keys.make("me", Scope.OPERATE)
    with serve(auth__operator_keys__you="s3cret-you") as client:
        for key in (stored, "s3cret-you"):
            answer = asked(client, key, path)
            assert answer.status == 403
            assert b"insufficient_scope" in answer.body
        assert asked(client, None, path).status == 200


# --- What guesses cost ------------------------------------------------------------------------


class Counting:
    """A rate limiter that lets so many requests of a client pass."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.counted: list[tuple[str, Limits | None, bool]] = []

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        return self.hit_within(client, None, sensitive=sensitive)

    def hit_within(self, client: str, limits: Limits | None, *, sensitive: bool) -> RateDecision:
        used = [each for each, *_ in self.counted].count(client)
        if used < self.most:
            self.counted.append((client, limits, sensitive))
        return RateDecision(used < self.most, self.most, 0, reset_seconds=7)

    def close(self) -> None:
        pass


def test_guesses_from_an_address_are_looked_up_to_a_number(serve: Serve, keys: Keys) -> None:
    limiter = Counting(1_000)
    with serve({"rate_limiter": limiter}, **PROXY) as client:
        statuses = [asked(client, make_key(), **AWAY).status for _ in range(102)]
        last = asked(client, make_key(), **AWAY)
        assert asked(client, make_key(), X_Forwarded_For="203.0.113.8").status == 401
        assert client.call("GET", "/supported", X_API_Key=make_key(), **AWAY).status == 200
    assert statuses == [401] * GUESSES_PER_MINUTE + [429] * 2
    assert (last.json["invalidReason"], last.headers["retry-after"]) == ("rate_limited", "60")
    assert len(keys.looked_up) == GUESSES_PER_MINUTE + 1
    assert limiter.counted[:103] == [("203.0.113.7", None, True)] * 103  # as without a key


def test_guesses_from_an_address_stop_no_key_in_use(keys: Keys, clock: ManualClock) -> None:
    stored, used, new = StoredKeys(keys, clock), keys.make("used"), keys.make("new")
    assert stored.find(digest_of(used), SHOP).caller is not None
    for _ in range(GUESSES_PER_MINUTE):
        assert stored.find(digest_of(make_key()), SHOP).caller is None
    assert stored.find(digest_of(used), SHOP) == Sender(Caller("used", Scope.PAY))
    assert refused(stored.find(digest_of(new), SHOP)) == 429
    assert stored.find(digest_of(new), "203.0.113.8").caller is not None
    assert stored.find(digest_of(new), SHOP).caller is not None
    clock.advance(60)
    assert refused(stored.find(digest_of(make_key()), SHOP)) == 401
    for _ in range(GUESSES_PER_MINUTE - 1):
        stored.find(digest_of(make_key()), SHOP)
    keys.revoke_api_key("used", NOW)
    assert [refused(stored.find(digest_of(used), SHOP)) for _ in range(2)] == [401, 429]


def test_any_number_of_valid_keys_may_come_from_an_address(keys: Keys, clock: ManualClock) -> None:
    stored = StoredKeys(keys, clock)
    for number in range(GUESSES_PER_MINUTE + 9):
        assert stored.find(digest_of(keys.make(f"shop-{number}")), SHOP).refusal is None


@pytest.mark.parametrize("limits_guesses", [True, False])
def test_guesses_of_this_machine_or_without_limits_are_looked_up(
    keys: Keys, clock: ManualClock, limits_guesses: bool
) -> None:
    stored = StoredKeys(keys, clock, limits_guesses=limits_guesses)
    address = None if limits_guesses else SHOP
    for _ in range(GUESSES_PER_MINUTE + 9):
        assert refused(stored.find(digest_of(make_key()), address)) == 401


def test_guesses_are_not_remembered(keys: Keys, clock: ManualClock) -> None:
    stored = StoredKeys(keys, clock)
    keys.make("shop")
    for number in range(1_000):
        assert stored.find(digest_of(make_key()), f"address {number}").caller is None
    assert not stored._callers
    assert not stored._last_use._noted


def refused(sender: Sender) -> int:
    assert sender.refusal is not None
    return sender.refusal.status


def test_a_key_may_have_limits_of_its_own(serve: Serve, keys: Keys) -> None:
    limited, plain = make_key(), keys.make("plain")
    keys.add_api_key(ApiKey("limited", digest_of(limited), Scope.PAY, 7, NOW))
    limiter = Counting(100)
    with serve({"rate_limiter": limiter}, **PROXY) as client:
        asked(client, limited, **AWAY)
        asked(client, plain, **AWAY)
    counted = [each for each in limiter.counted if each[0].startswith("key:")]
    assert counted == [("key:limited", Limits(7, 7), True), ("key:plain", None, True)]


def test_a_known_key_counts_as_itself_while_the_storage_is_away(serve: Serve, keys: Keys) -> None:
    key, limiter = keys.make("shop"), Counting(100)
    with serve({"rate_limiter": limiter}, **PROXY) as client:
        asked(client, key, **AWAY)
        keys.is_down = True
        assert asked(client, key, **AWAY).status == 503
        assert asked(client, make_key(), **AWAY).status == 503
    clients = [client for client, *_ in limiter.counted]
    assert clients == ["key:shop", "key:shop", SHOP]


# --- The last use -----------------------------------------------------------------------------


def test_the_last_use_is_noted_once_a_minute(serve: Serve, keys: Keys, clock: ManualClock) -> None:
    key = keys.make("shop")
    with serve() as client:
        for _ in range(3):
            asked(client, key)
        eventually(lambda: keys.noted)
        clock.advance(INTERVAL_SECONDS - 1)
        asked(client, key)
        clock.advance(1)
        asked(client, key)
        eventually(lambda: len(keys.noted) == 2)
    assert keys.noted == [("shop", NOW), ("shop", NOW + INTERVAL_SECONDS)]
    assert keys.api_keys()[0].used_at == NOW + INTERVAL_SECONDS


def test_no_request_waits_for_the_note_of_its_use(serve: Serve, keys: Keys) -> None:
    hangs, written = threading.Event(), []

    def note(name: str, now: float) -> None:  # noqa: ARG001
        hangs.wait(60)
        written.append(name)

    keys.note_api_key_use = note  # type: ignore[method-assign]
    shop, kiosk = keys.make("shop"), keys.make("kiosk")
    with serve() as client:
        assert asked(client, shop).status == asked(client, kiosk).status == 200
        assert written == []
        hangs.set()
        eventually(lambda: sorted(written) == ["kiosk", "shop"])


def test_a_use_that_cannot_be_noted_fails_nothing(keys: Keys) -> None:
    keys.make("shop")
    last_use = LastUse(keys)
    keys.is_down = True
    last_use.note("shop", NOW)
    eventually(lambda: not last_use._is_writing)
    keys.is_down = False
    last_use.note("shop", NOW + INTERVAL_SECONDS)
    eventually(lambda: keys.noted == [("shop", NOW + INTERVAL_SECONDS)])


def test_a_caller_is_what_its_key_is_now(keys: Keys, clock: ManualClock) -> None:
    stored, key = StoredKeys(keys, clock), keys.make("shop")
    found = stored.find(digest_of(key), SHOP)
    assert found.caller == Caller("shop", Scope.PAY)
    keys._api_keys["shop"] = replace(keys._api_keys["shop"], per_minute=9)
    found = stored.find(digest_of(key), SHOP)
    assert found.caller == Caller("shop", Scope.PAY, Limits(9, 9))
