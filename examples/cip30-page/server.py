"""A shop with a page that pays by a wallet in the browser.

Run it as ``python server.py ADDRESS``, with the URL of a Blockfrost in ``BLOCKFROST_URL``, and with
the folder above in ``PYTHONPATH``.
"""

import argparse
import json
import os
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote
from urllib.request import Request, urlopen

import resource_server

HERE = Path(__file__).parent
LIBRARY = "node_modules/@emurgo/cardano-serialization-lib-browser/cardano_serialization_lib_bg"
HTML, SCRIPT, WASM = "text/html", "text/javascript", "application/wasm"
FILES = {
    "/": ("index.html", HTML),
    "/page.js": ("page.js", SCRIPT),
    "/purchase.js": ("purchase.js", SCRIPT),
    "/transaction.js": ("transaction.js", SCRIPT),
    "/devnet-wallet.js": ("devnet-wallet.js", SCRIPT),
    "/csl.js": (f"{LIBRARY}.js", SCRIPT),
    "/csl.wasm": (f"{LIBRARY}.wasm", WASM),
}
WALLETS = b"<!-- wallets -->"
DEVNET_WALLET = b'<script type="module" src="devnet-wallet.js"></script>'
POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src data:"
TIMEOUT_SECONDS = 30


class Blockfrost(NamedTuple):
    """A Blockfrost, which the page asks through this server: the project's id stays here."""

    url: str
    project_id: str

    def get(self, path: str) -> Any:
        """Return its answer. Raises :class:`OSError`."""
        headers = {"project_id": self.project_id}
        request = Request(self.url.rstrip("/") + path, headers=headers)  # noqa: S310
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            return json.load(answer)

    def chain(self) -> dict[str, Any]:
        """Return the protocol parameters and the slot of the newest block."""
        slot = self.get("/blocks/latest")["slot"]
        return {"slot": slot, "parameters": self.get("/epochs/latest/parameters")}


def handler(
    paywall: resource_server.Paywall, blockfrost: Blockfrost, *, devnet_wallet: bool
) -> type[BaseHTTPRequestHandler]:
    """Return a class of handlers. Only the path of ``resource_server`` is paid for."""

    class Handler(resource_server.handler(paywall)):
        def do_GET(self) -> None:  # noqa: N802 -- so http.server calls it
            if self.path in FILES:
                name, kind = FILES[self.path]
                content = (HERE / name).read_bytes()
                if devnet_wallet and kind == HTML:
                    content = content.replace(WALLETS, DEVNET_WALLET)
                self.send(200, kind, content)
            elif self.path == "/chain":
                self.send_json(blockfrost.chain)
            elif devnet_wallet and self.path.startswith("/utxos/"):
                address = quote(self.path.removeprefix("/utxos/"), safe="")
                self.send_json(partial(blockfrost.get, f"/addresses/{address}/utxos"))
            else:
                super().do_GET()

        def send_json(self, ask: Callable[[], Any]) -> None:
            try:
                status, answer = 200, ask()
            except (OSError, ValueError) as error:
                self.log_error("Blockfrost could not be asked: %s", error)
                status, answer = 502, {"error": "The chain could not be asked, try again."}
            self.send(status, "application/json", json.dumps(answer).encode())

        def send(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind != WASM else kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", POLICY)
            self.end_headers()
            self.wfile.write(content)

    return Handler


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="Sell one page to wallets in the browser.")
    parser.add_argument("pay_to", metavar="ADDRESS", help="address that is paid")
    parser.add_argument("--network", default="cardano:preprod", help="(default: %(default)s)")
    parser.add_argument(
        "--facilitator", default="http://127.0.0.1:3000", help="its URL (default: %(default)s)"
    )
    parser.add_argument("--port", type=int, default=4000, help="(default: %(default)s)")
    parser.add_argument(
        "--devnet-wallet", action="store_true", help="offer a wallet with money on the devnet"
    )
    arguments = parser.parse_args()
    if "BLOCKFROST_URL" not in os.environ:
        parser.error("set BLOCKFROST_URL: see README.md")
    if not all((HERE / name).exists() for name, _ in FILES.values()):
        parser.error("the page's library is missing: run npm ci --ignore-scripts")
    blockfrost = Blockfrost(
        os.environ["BLOCKFROST_URL"], os.environ.get("BLOCKFROST_PROJECT_ID", "")
    )
    paywall = resource_server.Paywall(arguments.facilitator, arguments.network, arguments.pay_to)
    handlers = handler(paywall, blockfrost, devnet_wallet=arguments.devnet_wallet)
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), handlers)
    print(f"selling at http://127.0.0.1:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
