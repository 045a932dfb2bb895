"""SIGHUP: what can change does so at once, the rest is named, wrong settings change nothing."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from facilitator.testing.http import call
from facilitator.testing.waiting import eventually
from reload.conftest import Service
from support.process import ServeProcess
from support.web import Client

Serve = Callable[..., Service]

TAKEN = "serving by the settings that were read again"
NOT_TAKEN = "serving by the former settings, since the new ones are wrong: see the log"


def admits(service: Service, key: str | None) -> bool:
    """Whether ``/verify`` goes on to find the body wrong."""
    headers = {} if key is None else {"X-API-Key": key}
    status, _ = call(service.port, "POST", "/verify", {}, headers)
    assert status in (400, 401)
    return status == 400


def keys(**by_name: str) -> str:
    lines = [f'{name} = "{key}"' for name, key in by_name.items()]
    return "\n".join(["[default.auth.api_keys]", *lines])


def test_keys_are_rotated_side_by_side(serve: Serve) -> None:
    service = serve(secrets=keys(shop="the-first-key"))
    assert (admits(service, "the-first-key"), admits(service, None)) == (True, False)
    assert service.read_again(secrets=keys(shop="the-first-key", shop2="the-second-key")) == TAKEN
    assert (admits(service, "the-first-key"), admits(service, "the-second-key")) == (True, True)
    service.read_again(secrets=keys(shop2="the-second-key"))
    assert (admits(service, "the-first-key"), admits(service, "the-second-key")) == (False, True)
    for key in ("the-first-key", "the-second-key"):  # the former one stays masked
        call(service.port, "GET", f"/{key}")
    service.read_again(secrets="[default.auth]\nrequired = true\n")
    assert not admits(service, None)
    service.read_again(secrets="")
    assert admits(service, None)
    assert service.terminate() == 0
    assert "settings read again: auth.api_keys.shop2 changed" in service.said(30)
    assert sum('"url":"/***"' in line for line in service.lines) == 2
    assert not any("-key" in line for line in service.lines)


def test_the_log_changes(serve: Serve) -> None:
    service = serve()
    call(service.port, "GET", "/")
    assert service.read_again(settings='[default.log]\nlevel = "error"\n') == TAKEN
    call(service.port, "GET", "/not-logged")
    assert service.read_again(settings='[default.log]\nformat = "pretty"\n') == TAKEN
    call(service.port, "GET", "/pretty")
    assert service.terminate() == 0
    log = "".join(service.lines)
    assert '"url":"/"' in log
    assert "not-logged" not in log
    assert "req.url=/pretty" in log


def test_proxies_limits_and_origins_change(serve: Serve) -> None:
    service = serve()
    client = Client(service.port)
    origin = "https://shop.example"

    def ask() -> tuple[int, str | None, str | None]:
        answer = client.call("GET", "/supported", X_Forwarded_For="192.0.2.1", Origin=origin)
        headers = answer.headers
        told = headers.get("ratelimit-limit"), headers.get("access-control-allow-origin")
        return answer.status, *told

    service.read_again(settings="[default.rate_limit]\nglobal_per_minute = 50\n")
    assert ask() == (200, "50", None)  # all clients of a proxy that is not trusted are one
    trusting = '[default.server]\ntrusted_proxies = ["127.0.0.1"]\n'
    service.read_again(settings=trusting)
    assert ask() == (200, "100", None)
    service.read_again(settings=trusting + f'cors_origins = ["{origin}"]\n')
    assert ask() == (200, "100", origin)
    service.read_again(settings=trusting + "[default.rate_limit]\nglobal_per_minute = 1\n")
    assert ask() == (200, "1", None)
    assert ask() == (429, "1", None)
    service.read_again(settings="")
    assert ask() == (200, "100", None)


def test_what_needs_a_restart_is_named_and_stays(serve: Serve) -> None:
    service = serve()
    changed = (
        '[default]\nplugins = ["devnet", "memory"]\nnetwork = "cardano:preview"\n'
        "[default.settlement]\nwait_seconds = 7\n[default.devnet]\nblock_seconds = 5\n"
        "[default.rate_limit]\nglobal_per_minute = 7\n"
    )
    warning = (
        "settings that need a restart have changed:"
        " devnet.block_seconds, network, plugins, settlement.wait_seconds"
    )
    for times in (1, 2):
        assert service.read_again(settings=changed) == TAKEN
        eventually(lambda times=times: service.said(40).count(warning) == times)  # type: ignore[misc]
    _, supported = call(service.port, "GET", "/supported")
    assert supported["kinds"][0]["network"] == "cardano:preprod"
    service.read_again(settings="")
    service.read_again()
    last = "settings read again: nothing to change"
    eventually(lambda: service.said(30)[-1] == last)
    assert service.said(30)[-2] == "settings read again: rate_limit.global_per_minute changed"
    assert service.said(40).count(warning) == 2


def test_wrong_settings_are_told_in_full_and_change_nothing(serve: Serve) -> None:
    service = serve(secrets=keys(shop="the-first-key"))
    wrong = '[default.settlement]\nwait_seconds = -1\n[default.log]\nlevel = "loud"\n'
    assert service.read_again(settings=wrong, secrets=keys(shop="new")) == NOT_TAKEN
    told = [
        "settings not taken: settlement.wait_seconds: must be at least 0 (settings.toml [default])",
        "settings not taken: log.level: must be one of debug, info, warning, error, critical"
        " (settings.toml [default])",
    ]
    eventually(lambda: service.said(50) == told)
    assert (admits(service, "the-first-key"), admits(service, "new")) == (True, False)
    assert service.read_again(settings="[default]\nplugins = ['sqlit', 'devnet']\n") == NOT_TAKEN
    eventually(lambda: "unknown plugin 'sqlit', did you mean sqlite?" in service.said(50)[-1])
    assert service.read_again(settings="") == TAKEN
    assert (admits(service, "the-first-key"), admits(service, "new")) == (False, True)


def test_no_request_is_lost_meanwhile(serve: Serve) -> None:
    service = serve(secrets=keys(shop="the-first-key"))
    enough = Event()

    def ask() -> int:
        asked = 0
        while not enough.is_set() or not asked:
            assert admits(service, "the-first-key")
            asked += 1
        return asked

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        for number in range(10):
            service.read_again(secrets=keys(shop="the-first-key", other=f"key-{number}"))
        enough.set()
        assert all(each.result(60) for each in asking)


def test_a_terminal_that_is_closed_ends_it(tmp_path: Path) -> None:
    """The shell then sends SIGHUP to what it has started."""
    ours, theirs = os.openpty()
    process = ServeProcess(tmp_path, stderr=theirs)
    os.close(theirs)
    try:
        told = b""
        while b"listening on" not in told:
            told += os.read(ours, 4096)
        os.close(ours)
        process.process.send_signal(signal.SIGHUP)
        assert process.wait() == 0
    finally:
        process.close()
