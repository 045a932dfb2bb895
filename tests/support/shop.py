"""``examples/resource_server.py``, which sells a page, in a process of its own."""

import base64
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from facilitator.testing.payments import MERCHANT
from facilitator.testing.running import NETWORK
from facilitator_devnet.samples import genesis_output, payload, sign_payment

EXAMPLE = Path(__file__).parents[2] / "examples" / "resource_server.py"


class Page(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    def message(self, header: str) -> dict[str, Any]:
        return dict(json.loads(base64.b64decode(self.headers[header])))


class Shop:
    """It, until it is closed."""

    def __init__(self, facilitator: str) -> None:
        words = ["--pay-to", MERCHANT.bech32, "--facilitator", facilitator, "--port", "0"]
        environ = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        self.process = subprocess.Popen(
            [sys.executable, str(EXAMPLE), *words],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def listen(self) -> None:
        """Wait until it says where it listens."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("selling http://127.0.0.1:")
        self.url = urlsplit(line.split()[1])

    def get(self, signature: str | None = None, path: str | None = None) -> Page:
        connection = http.client.HTTPConnection(self.url.netloc, timeout=60)
        headers = {} if signature is None else {"PAYMENT-SIGNATURE": signature}
        try:
            connection.request("GET", path or self.url.path, headers=headers)
            answer = connection.getresponse()
            return Page(answer.status, dict(answer.headers.items()), json.loads(answer.read()))
        finally:
            connection.close()

    def signature(self) -> str:
        """The header that pays what the example asks for."""
        (terms,) = self.get().message("PAYMENT-REQUIRED")["accepts"]
        ref = genesis_output(NETWORK, "alice", 0, None)
        document = payload(terms, sign_payment(terms, "alice", ref, 200), ref)
        return base64.b64encode(json.dumps(document).encode()).decode()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
