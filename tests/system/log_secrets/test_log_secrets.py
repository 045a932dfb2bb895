"""Nothing secret and nothing of a payment gets into the log or into what the commands print."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from facilitator.clock import SystemClock
from facilitator.plugin.discovery import available_plugins
from facilitator.plugin.loading import load_plugins
from facilitator.settings.schema import fields_of
from facilitator.settings.sections import CORE_SECTIONS
from facilitator.testing.http import call
from facilitator.testing.payments import request_body, requirements
from facilitator.testing.running import NETWORK
from facilitator.testing.waiting import eventually
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.koios.api import ROOT, KoiosApi
from facilitator_devnet.ogmios.api import OgmiosApi
from facilitator_devnet.samples import genesis_output, sign_payment
from support.faulty import install_faulty
from support.process import ServeProcess
from support.redis_servers import RedisServer, needs_redis
from support.redis_servers import running as running_redis

pytestmark = needs_redis

PASSWORD = "hid/den@word"
API_KEY = "key-of-the-shop-0123"
TOKEN = "token-of-the-scraper-4567"
SEED = "test test test test test test test test test test test junk"
PROJECT, BACKUP = "preprodFirstOfTheLeaks0123456789", "preprodOtherOfTheLeaks0123456789"
KOIOS_TOKEN = "ofKoios9b1f0c7dTakesNoPart"
OGMIOS_KEY = "ofOgmios4e2a8b6cTakesNoPart"
OPERATOR_KEY = "ofTheDesk77ThatLooksAtPayments"
DSN_KEY = "0123456789abcdef0123456789abcdef"
REF = genesis_output(NETWORK, "alice", 0, None)
TERMS = requirements()


@cache
def transaction() -> bytes:
    """The payment of a test: the environment of its process holds it, too."""
    return sign_payment(TERMS, "alice", REF, 600)


def secrets(redis_port: int) -> dict[str, str]:
    """A value for each setting that is a secret."""
    login = quote(PASSWORD, safe="")
    return {
        "auth.api_keys.shop": API_KEY,
        "auth.operator_keys.desk": OPERATOR_KEY,
        "facilitator.seed_phrase": SEED,
        "redis.url": f"redis://:{login}@127.0.0.1:{redis_port}/0",
        "prometheus.token": TOKEN,
        "sentry.dsn": f"http://{DSN_KEY}@127.0.0.1:9/77001122",
        "blockfrost.project_id": PROJECT,
        "blockfrost_backup.project_ids.preprod": BACKUP,
        "koios.token": KOIOS_TOKEN,
        "ogmios.header": f"api-key: {OGMIOS_KEY}",
    }


def hidden() -> Iterator[str]:
    """Whatever must be nowhere, as it may be written."""
    for secret in (
        PASSWORD,
        API_KEY,
        OPERATOR_KEY,
        TOKEN,
        SEED,
        PROJECT,
        BACKUP,
        DSN_KEY,
        KOIOS_TOKEN,
        OGMIOS_KEY,
    ):
        encoded = secret.encode()
        yield from (secret, quote(secret, safe=""), repr(secret)[1:-1], encoded.hex())
        yield base64.b64encode(encoded).decode().rstrip("=")
    yield REF.transaction_id.hex()
    for written in payment_forms():
        yield from (written[start : start + 24] for start in range(0, len(written) - 24, 8))


def payment_forms() -> tuple[str, ...]:
    encoded = base64.b64encode(transaction())
    url_safe = base64.urlsafe_b64encode(transaction()).decode()
    return (
        transaction().hex(),
        encoded.decode(),
        url_safe,
        repr(transaction()),
        str(list(transaction())),
    )


def check(printed: str) -> None:
    assert printed
    assert [text for text in hidden() if text in printed] == []


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path / "redis", "--requirepass", PASSWORD) as server:
        yield server


@pytest.fixture
def environ(tmp_path: Path, redis: RedisServer) -> Iterator[dict[str, str]]:
    """With every secret, and a plugin that fails with all of them and the payment in its mouth."""
    transaction.cache_clear()  # it is valid for ten minutes
    with ExitStack() as stack:
        devnet = Devnet(NETWORK, SystemClock(), block_seconds=0.2)
        api = stack.enter_context(BlockfrostApi(stack.enter_context(closing(devnet))))
        koios = stack.enter_context(KoiosApi(devnet))
        ogmios = stack.enter_context(OgmiosApi(devnet))
        chosen = secrets(redis.port)
        said = [*chosen.values(), PASSWORD, str(REF), *payment_forms()]
        settings = {
            "plugins": "blockfrost,blockfrost_backup,koios,ogmios,redis,prometheus,sentry,faulty",
            "chain.fallback": "blockfrost_backup,koios,ogmios",
            "blockfrost.base_url": api.url,
            "blockfrost.poll_seconds": "1",
            "blockfrost_backup.base_url": api.url,
            "koios.base_url": f"{koios.url}{ROOT}",
            "ogmios.url": ogmios.url,
            "ogmios.path": str(tmp_path / "points.json"),
            "log.level": "debug",
            "server.port": "0",
            "server.threads": "8",
            "inspect.enabled": "true",
            **chosen,
        }
        yield {
            "PYTHONPATH": install_faulty(tmp_path),
            "FAULTY_TEXT": " and ".join(said),
            **variables(settings),
        }


def variables(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"FACILITATOR_{key.upper().replace('.', '__')}": settings[key] for key in settings}


def run(folder: Path, environ: Mapping[str, str], *words: str) -> tuple[int, str]:
    """A command's exit code, and all that it printed."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("FACILITATOR_")}
    done = subprocess.run(
        [sys.executable, "-m", "facilitator", *words],
        cwd=folder, env={**inherited, **environ}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_every_setting_that_is_a_secret_is_looked_for() -> None:
    names = [plugin.name for plugin in available_plugins(()) if not plugin.problem]
    sections = {**CORE_SECTIONS, **load_plugins(names).settings_sections()}
    marked = {
        f"{table}.{field.name}"
        for table, section in sections.items()
        for field in fields_of(section).values()
        if field.secret
    }
    looked_for = {".".join(key.split(".")[:2]) for key in secrets(1)}
    # The two are alternatives, and both plugins have the same.
    alike = {"blockfrost.project_ids", "blockfrost_backup.project_id"}
    # Of other storages, whose own tests look for it.
    alike |= {"postgres.url", "channels_watcher.store"}
    assert marked == looked_for | alike


def test_the_log_holds_nothing_of_it(
    tmp_path: Path, environ: dict[str, str], redis: RedisServer
) -> None:
    process = ServeProcess(tmp_path, environ)
    with closing(process):
        # Making an address of the seed phrase takes a while.
        eventually(lambda: any("listening on" in line for line in process.lines))
        port, key = process.port, {"Authorization": f"Bearer {API_KEY}"}
        paid = request_body(transaction(), TERMS)

        def ask(method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
            return call(port, method, path, body, headers)

        assert ask("POST", "/verify", paid, **key)[1]["isValid"] is True
        settled = ask("POST", "/settle", paid, **key, Prefer="wait=60")[1]
        assert settled["success"] is True, settled
        assert ask("POST", "/settle", paid, **key)[1]["errorReason"] == "duplicate_settlement"
        assert ask("POST", "/inspect", paid, **key)[0] == 200
        # Refused, in every way.
        for status, body, headers in (
            (401, paid, {"Authorization": f"Bearer {API_KEY}x", "X-API-Key": PASSWORD}),
            (400, {**paid, "paymentRequirements": {}}, key),
            (400, base64.b64encode(transaction()), key),
            (400, b'{"x402Version": 2, "paymentPayload": "' + transaction().hex().encode(), key),
        ):
            assert ask("POST", f"/verify?key={API_KEY}", body, **headers)[0] == status
        for spoiled in (transaction()[:-1], transaction() + b"\0", transaction()[:200]):
            assert ask("POST", "/settle", request_body_of(spoiled), **key)[1]["success"] is False
        # Faults, in requests and threads, and a storage that goes away.
        assert ask("GET", "/fault/x", **key)[0] == 500
        assert ask("GET", "/thread", **key)[0] == 200
        redis.kill()
        assert ask("POST", "/settle", paid, **key)[0] == 503
        assert ask("GET", "/health")[0] == 200
        assert process.terminate() == 0
    log = "".join(process.lines)
    for said in ("request failed", "a thread ended by an exception", "storage is down"):
        assert said in log
    check(log)


def request_body_of(transaction: bytes) -> dict[str, Any]:
    return request_body(transaction, TERMS, REF)


def test_the_commands_print_nothing_of_it(tmp_path: Path, environ: dict[str, str]) -> None:
    for words in (["check"], ["settings"], ["settings", "--json"], ["plugins"]):
        code, printed = run(tmp_path, environ, *words)
        # That Sentry does not answer is what `check` finds.
        assert code == (1 if words == ["check"] else 0), printed
        check(printed)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("redis.url", "redis://:{}@127.0.0.1:9/0"),
        ("redis.url", "redis://:{}@[127.0.0.1/0"),
        ("sentry.dsn", "http://{}@127.0.0.1/none"),
        ("facilitator.seed_phrase", SEED.replace("junk", "junk {}")),
        ("auth.api_keys.shop", "{} und ü"),
        ("blockfrost.base_url", "http://{}@127.0.0.1:9"),
    ],
)
def test_a_start_that_fails_says_nothing_of_it(
    tmp_path: Path, environ: dict[str, str], key: str, wrong: str
) -> None:
    value = wrong.replace("{}", quote(PASSWORD, safe=""))
    code, printed = run(tmp_path, {**environ, **variables({key: value})}, "serve")
    assert code == 1
    check(printed)
    assert "test test" not in printed
