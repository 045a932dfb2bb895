"""The server under the facilitator, with an app that only reads the request: what waitress costs.

python benchmarks/constant.py
"""

from collections.abc import Callable, Mapping
from typing import Any

from facilitator.server import Server
from facilitator.settings import ServerSettings

ANSWER = b'{"isValid":true}'


def app(environ: Mapping[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    """Answer the constant."""
    environ["wsgi.input"].read()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(ANSWER)))]
    start_response("200 OK", headers)
    return [ANSWER]


if __name__ == "__main__":
    server = Server(app, ServerSettings(port=0), network="cardano:preprod")
    print(server.url, flush=True)
    server.run()
