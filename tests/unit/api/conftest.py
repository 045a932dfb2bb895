from collections.abc import Iterator
from pathlib import Path

import pytest

from support.described import Described
from support.web import Answer, Client, serving


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server whose service says yes to everything."""
    folder: Path = tmp_path_factory.mktemp("api")
    with serving(folder) as client:
        yield client


@pytest.fixture(scope="session")
def described(tmp_path_factory: pytest.TempPathFactory) -> Described:
    """The OpenAPI document of a server with everything that can be switched on."""
    with serving(tmp_path_factory.mktemp("openapi"), api={"inspect": dict}) as client:
        return Described(client.call("GET", "/openapi.json").json)


@pytest.fixture(autouse=True)
def _answers_are_described(described: Described, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold every answer that a test here gets to the document."""
    call = Client.call

    def checked(self: Client, method: str, path: str, *args: object, **headers: str) -> Answer:
        answer = call(self, method, path, *args, **headers)
        described.check(method, path, answer)
        return answer

    monkeypatch.setattr(Client, "call", checked)
