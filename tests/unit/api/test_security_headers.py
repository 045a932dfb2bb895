"""What every answer tells browsers, whoever made it, and what none tells anybody."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

import facilitator
from facilitator.api.responses import HEADERS
from support.web import Answer, Client, ScriptedService, payment, serving


class Page:
    """A resource with a policy of its own."""

    def on_get(self, req: Any, resp: Any) -> None:  # noqa: ARG002
        resp.text = "<script>"
        resp.content_type = "text/html"
        resp.set_header("Content-Security-Policy", "script-src 'self'")
        resp.cache_control = ["max-age=60"]


class Broken:
    """A resource that fails, and says too much in doing so."""

    def on_get(self, req: Any, resp: Any) -> None:  # noqa: ARG002
        raise RuntimeError("/etc/secret of waitress 3.0.2")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    routes = {"/page": Page(), "/broken": Broken()}
    folder = tmp_path_factory.mktemp("headers")
    with serving(folder, ScriptedService(), api={"routes": routes}) as client:
        yield client


def every_answer(client: Client) -> dict[int, Answer]:
    """One of each status, of the app's and of the server's own."""
    answers = [
        client.call("GET", "/supported"),
        client.call("POST", "/verify", payment()),
        client.call("POST", "/verify", b"{"),
        client.call("GET", "/nothing"),
        client.call("DELETE", "/verify"),
        client.call("POST", "/settle", b"{}", Content_Type="text/plain"),
        client.call("POST", "/settle", b" " * 70_000),
        client.call("GET", "/broken"),
        client.raw(b"NONSENSE\r\n\r\n"),
        client.raw(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n"),
        client.raw(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40_000 + b"\r\n\r\n"),
        client.call("OPTIONS", "/verify"),
        client.call("HEAD", "/"),
    ]
    return {answer.status: answer for answer in answers}


def test_every_answer_has_them(client: Client) -> None:
    answers = every_answer(client)
    assert sorted(answers) == [200, 400, 404, 405, 413, 415, 431, 500]
    for answer in answers.values():
        assert {name: answer.headers.get(name.lower()) for name in HEADERS} == HEADERS


def test_a_resource_may_say_otherwise(client: Client) -> None:
    headers = client.call("GET", "/page").headers
    assert headers["content-security-policy"] == "script-src 'self'"
    assert headers["cache-control"] == "max-age=60"
    assert headers["x-content-type-options"] == "nosniff"


def test_no_error_shows_what_runs_here(client: Client) -> None:
    for status, answer in every_answer(client).items():
        assert not {"server", "via", "x-powered-by"} & set(answer.headers)
        if status >= 400:
            told = answer.body.decode().lower() + " ".join(answer.headers.values()).lower()
            assert facilitator.__version__ not in told
            assert not re.search(r"waitress|falcon|python|traceback|/etc/", told)
