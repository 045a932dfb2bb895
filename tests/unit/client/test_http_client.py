"""What the client takes from a server that is not trusted."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from facilitator.client.http import Client

SIZE = 3 << 20


class Long(BaseHTTPRequestHandler):
    """Answers with the status in the path, and more than anybody wants to read."""

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]))
        self.send_header("Content-Length", str(SIZE))
        self.end_headers()
        self.wfile.write(bytes(SIZE))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Long) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "read"), [(200, SIZE), (402, 1 << 20), (500, 1 << 20)])
def test_an_answer_without_the_page_is_read_in_part(url: str, status: int, read: int) -> None:
    answer = Client(f"{url}/{status}", {}, None, 5).send({})
    assert (answer.status, len(answer.body)) == (status, read)
