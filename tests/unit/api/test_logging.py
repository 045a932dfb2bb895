"""The log: lines as pino writes them, and no secret in any of them."""

import base64
import io
import json
import logging
import os
import re
import socket
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
from falcon.testing import TestClient
from hypothesis import given
from hypothesis import strategies as st

from facilitator.api import application
from facilitator.api.key_text import make_key
from facilitator.observability.logs import JsonFormatter, PrettyFormatter, configure_logging
from facilitator.observability.redaction import MASK, Redactor
from facilitator.settings import LogSettings
from support.web import ScriptedService, payment, serving, settings


def configured(*secrets: str, **chosen: Any) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(LogSettings(**chosen), secrets=secrets, stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def record_of(message: str, *args: object, **fields: object) -> logging.LogRecord:
    level = {"levelno": logging.INFO, "levelname": "INFO"}
    return logging.makeLogRecord({"msg": message, "args": args, **level, **fields})


def test_a_line_is_as_pino_writes_it() -> None:
    stream = configured()
    logging.getLogger("facilitator.settlement").info(
        "settlement %s", "changed", extra={"tx": "ab", "state": "submitted"}
    )
    [line] = lines(stream)
    moment = line.pop("time")
    assert isinstance(moment, int)
    assert moment > 1_600_000_000_000
    assert line == {
        "level": 30,
        "pid": os.getpid(),
        "hostname": socket.gethostname(),
        "name": "facilitator.settlement",
        "tx": "ab",
        "state": "submitted",
        "msg": "settlement changed",
    }


@pytest.mark.parametrize(
    ("level", "number"),
    [("debug", 20), ("info", 30), ("warning", 40), ("error", 50), ("critical", 60)],
)
def test_levels_are_pinos(level: str, number: int) -> None:
    stream = configured(level=level)
    for name in ("debug", "info", "warning", "error", "critical"):
        getattr(logging.getLogger("facilitator"), name)(name)
    assert [line["level"] for line in lines(stream)] == list(range(number, 61, 10))


def test_libraries_are_heard_from_info_on() -> None:
    stream = configured(level="debug")
    logging.getLogger("urllib3").debug("GET /?key=1")
    logging.getLogger("waitress").info("heard")
    assert [line["msg"] for line in lines(stream)] == ["heard"]


def test_configuring_again_replaces() -> None:
    first, second = configured(), configured()
    logging.getLogger("facilitator").info("once")
    assert (lines(first), len(lines(second))) == ([], 1)


def test_an_exception_is_told_with_its_trace() -> None:
    stream = configured()
    try:
        raise ValueError("bad\nthing")
    except ValueError:
        logging.getLogger("facilitator").exception("failed")
    error = lines(stream)[0]["err"]
    assert (error["type"], error["message"]) == ("ValueError", "bad\nthing")
    assert "test_logging.py" in error["stack"]


SECRETS = ["hunter2", 'qu"ote\\d', "redis://user:p%40ss@db:6379/0", "née", "twelve words\nof seed"]


def log_everywhere(text: str) -> None:
    """Put the text in every place that a line has."""
    ours = logging.getLogger("facilitator")
    ours.info("in the message: %s", text)
    ours.info(
        "in fields",
        extra={
            "a": text,
            "b": {"nested": [text, {text: (1, {text})}]},
            "c": repr(text),
            "d": text.encode(),
            "e": Path(text),
        },
    )
    try:
        raise RuntimeError(f"could not use {text!r}") from KeyError(text)
    except RuntimeError:
        ours.exception("in a trace")


@pytest.mark.parametrize("kind", ["json", "pretty"])
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_masked_wherever_it_turns_up(secret: str, kind: str) -> None:
    stream = configured(*SECRETS, format=kind)
    log_everywhere(f"<{secret}>")
    output = stream.getvalue()
    assert MASK in output
    for form in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], repr(repr(secret))[2:-2]):
        assert form not in output


@pytest.mark.parametrize("part", ["p%40ss", "p@ss", "user", "gate"])
def test_the_logins_in_a_url_are_secrets_themselves(part: str) -> None:
    stream = configured("redis+sentinel://user:p%40ss@db/main/0?sentinel_password=gate")
    logging.getLogger("facilitator").info("AUTH user:p%%40ss failed, user:p@ss, at the gate")
    assert part not in stream.getvalue()


@pytest.mark.parametrize("kind", ["json", "pretty"])
def test_what_an_error_says_of_a_payment_is_left_out(kind: str) -> None:
    stream = configured(format=kind)
    signed = bytes(range(256))
    for form in (signed.hex(), base64.b64encode(signed).decode(), repr(signed)):
        try:
            raise ValueError(f"cannot read {form}")
        except ValueError:
            logging.getLogger("facilitator").exception("failed")
    output = stream.getvalue()
    assert output.count("cannot read [left out]") >= 3
    assert "test_logging.py" in output
    for part in ("404142434445", "QEFCQ0RFRkdI", "ABCDEFGHIJKL"):
        assert part not in output


@given(
    secret=st.text(min_size=1, max_size=8),
    before=st.text(max_size=5),
    after=st.text(max_size=5),
)
def test_no_secret_survives_and_every_line_is_json(secret: str, before: str, after: str) -> None:
    text = before + secret + after
    record = record_of("%s", text, field={text: [text]})
    line = JsonFormatter(Redactor([secret])).format(record)
    assert "\n" not in line
    entry = json.loads(line)
    if secret not in MASK and secret not in "msg":  # names of fields are masked, too
        [field] = [value for value in entry.values() if isinstance(value, dict)]
        [(name, [value])] = field.items()
        assert secret not in name.replace(MASK, "")
        assert secret not in value.replace(MASK, "")
        assert secret not in entry["msg"].replace(MASK, "")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_whatever_is_logged_becomes_one_line(value: object) -> None:
    record = record_of("text", value=value)
    json.loads(JsonFormatter(Redactor([])).format(record))
    assert len(PrettyFormatter(Redactor([])).format(record).splitlines()) == 1


def test_text_that_is_no_unicode_is_logged() -> None:
    record = record_of("\ud800", big=1 << 80)
    assert json.loads(JsonFormatter(Redactor([])).format(record))["big"] == 1 << 80
    assert PrettyFormatter(Redactor([])).format(record).encode()


def test_fields_do_not_overwrite_what_pino_says() -> None:
    stream = configured()
    logging.getLogger("facilitator").info("text", extra={"level": 99, "time": "x", "pid": 0})
    [line] = lines(stream)
    assert (line["level"], line["pid"]) == (30, os.getpid())


def test_pretty_shows_control_characters_escaped() -> None:
    stream = configured(format="pretty")
    logging.getLogger("facilitator").info("a\nforged line\x1b[31m", extra={"res": {"code": 1}})
    [line] = stream.getvalue().splitlines()
    assert line.endswith("a\\nforged line\\x1b[31m res.code=1")
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3} INFO ", line)


def test_pretty_indents_the_trace() -> None:
    stream = configured(format="pretty")
    try:
        raise ValueError("one\ntwo")
    except ValueError:
        logging.getLogger("facilitator").exception("failed")
    first, *trace = stream.getvalue().splitlines()
    assert "failed" in first
    assert trace
    assert all(line.startswith("    ") for line in trace)


def test_waitress_queue_warnings_are_few() -> None:
    stream = configured()
    for depth in range(100):
        logging.getLogger("waitress.queue").warning("Task queue depth is %d", depth)
    assert len(lines(stream)) == 1


def test_warnings_and_failed_threads_are_logged() -> None:
    stream = configured("hunter2")

    def fail() -> None:
        raise ValueError("hunter2")

    thread = threading.Thread(target=fail, name="worker-7")
    thread.start()
    thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old hunter2", DeprecationWarning, stacklevel=1)
    failure, warning = lines(stream)
    assert failure["worker"] == "worker-7"
    assert failure["err"]["message"] == MASK
    assert MASK in warning["msg"]


def test_a_key_that_is_made_here_is_masked_wherever_it_is_written(tmp_path: Path) -> None:
    stream, key = configured(), make_key()
    with serving(tmp_path) as client:
        client.call("GET", f"/status/{key}")
    logging.getLogger("facilitator").info("the key %s of %s", key, {"a": key})
    assert key not in stream.getvalue()
    assert [line["msg"] for line in lines(stream)][-1] == f"the key {MASK} of {{'a': '{MASK}'}}"


def test_each_request_is_one_line_with_its_id(tmp_path: Path) -> None:
    stream = configured()
    key = "s3cret-key"
    with serving(tmp_path, auth__api_keys__shop=key) as client:
        client.call(
            "POST",
            "/verify/?api_key=oops",
            payment(),
            X_Request_ID="mine",
            Authorization=f"Bearer {key}",
        )
        client.call("GET", "/nothing", X_Request_ID="other")
        client.raw(b"GARBAGE\r\nX-Request-ID: x\r\n\r\n")
    completed = [line for line in lines(stream) if line["msg"] == "request completed"]
    first, second, third = completed
    assert first["reqId"] == "mine"
    assert first["req"] == {"method": "POST", "url": "/verify", "remoteAddress": "127.0.0.1"}
    assert first["res"] == {"statusCode": 200}
    assert first["responseTime"] > 0
    assert first["caller"] == "shop"
    assert (second["reqId"], second["res"]["statusCode"]) == ("other", 404)
    assert third["res"]["statusCode"] == 400
    for secret in (key, "AAAA", "oops", "Bearer"):
        assert secret not in stream.getvalue()


def test_what_a_request_logs_carries_its_id_and_nothing_after_it_does(tmp_path: Path) -> None:
    stream = configured()

    class Chatty:
        def on_get(self, req: Any, resp: Any) -> None:  # noqa: ARG002
            logging.getLogger("facilitator.plugin").info("working")

    app = application(ScriptedService(), settings=settings(tmp_path), routes={"/chat": Chatty()})
    # In this thread, as the next request of a worker is in the thread of the one before.
    TestClient(app).simulate_get("/chat", headers={"X-Request-ID": "mine"})
    logging.getLogger("facilitator").info("after")
    ids = {line["msg"]: line.get("reqId") for line in lines(stream)}
    assert ids["working"] == "mine"
    assert ids["after"] is None


def test_the_settings_secrets_can_be_handed_over(tmp_path: Path) -> None:
    loaded = settings(tmp_path, auth__api_keys__shop="s3cret-shop")
    stream = configured(*loaded.secrets())
    logging.getLogger("facilitator").info("key s3cret-shop")
    assert lines(stream)[0]["msg"] == f"key {MASK}"
