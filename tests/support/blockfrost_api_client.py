"""Asking the devnet's API as a client of Blockfrost does."""

import http.client
import json
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

PROJECT = "preprodTheDevnetTakesAny"


class Reply(NamedTuple):
    """A response."""

    status: int
    json: Any
    headers: http.client.HTTPMessage


class BlockfrostApiClient:
    """Keeps one connection, opened again when it was cut."""

    def __init__(self, url: str, root: str = "/api/v0", project: str | None = PROJECT) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        self._root = root
        self._headers = {} if project is None else {"project_id": project}

    def get(self, path: str) -> Any:
        """The JSON of an answer that must be 200."""
        reply = self.ask(path)
        assert reply.status == 200, reply
        return reply.json

    def ask(
        self, path: str, body: bytes | None = None, content_type: str = "application/cbor"
    ) -> Reply:
        """Any answer; a POST when there is a body."""
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = content_type
        method = "GET" if body is None else "POST"
        return self._request(method, self._root + path, body, headers)

    def tell(self, method: str, path: str, **arguments: Any) -> Any:
        """The JSON of a control endpoint, which must answer 200."""
        body = json.dumps(arguments).encode() if method == "POST" else None
        reply = self._request(method, f"/devnet/{path}", body, {})
        assert reply.status == 200, reply
        return reply.json

    def refused(self, path: str, **arguments: Any) -> str:
        """What a control endpoint finds wrong, which must answer 400."""
        reply = self._request("POST", f"/devnet/{path}", json.dumps(arguments).encode(), {})
        assert reply.status == 400, reply
        return str(reply.json["message"])

    def _request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Reply:
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            return Reply(response.status, json.loads(response.read()), response.headers)
        except (http.client.HTTPException, OSError):
            self._connection.close()
            raise

    def __enter__(self) -> "BlockfrostApiClient":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
