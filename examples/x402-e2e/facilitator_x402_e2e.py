"""The duties of a facilitator in x402's end-to-end tests: ``PORT``, a line, ``POST /close``.

Run as a module it starts ``facilitator serve`` with the plugin of this file, which has the route.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import falcon

from facilitator.plugin import Context, hookimpl

READY_LINE = "Facilitator listening"
DEFAULT_PORT = "4022"
PLUGINS = ["devnet", "memory"]
"""The plugins without ``FACILITATOR_PLUGINS``: payments on a test double of preprod."""
LOOK_SECONDS = 0.5


class Close:
    """The route ``POST /close``: it ends the facilitator as SIGTERM does."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer, and let the requests that are running end. Only this machine may ask."""
        if not req.context.is_local:
            raise falcon.HTTPForbidden(description="only a program of this machine may ask this")
        os.kill(os.getpid(), signal.SIGTERM)
        resp.media = {"message": "the facilitator is shutting down"}


class EndToEnd:
    """The plugin."""

    @hookimpl
    def routes(self, context: Context) -> Mapping[str, object]:  # noqa: ARG002
        """Return the route."""
        return {"/close": Close()}


plugin = EndToEnd()


def main() -> int:
    """Serve on ``PORT``, print the line once requests are answered; return the exit code."""
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        path = Path(folder, "ready")
        ready.bind(str(path))
        ready.settimeout(LOOK_SECONDS)
        program = [sys.executable, "-m", "facilitator", "serve"]
        with subprocess.Popen(program, env=environment(path)) as server:  # noqa: S603 -- itself
            for each in (signal.SIGTERM, signal.SIGINT):
                signal.signal(each, lambda number, _: server.send_signal(number))
            while server.poll() is None:
                try:
                    states = ready.recv(4096).split(b"\n")
                except TimeoutError:
                    continue
                if b"READY=1" in states:
                    print(READY_LINE, flush=True)
                    break
            return server.wait()


def environment(notify: Path) -> dict[str, str]:
    """Return the variables of the server, which says by ``notify`` when it is ready."""
    plugins = os.environ.get("FACILITATOR_PLUGINS")
    own = [*(plugins.split(",") if plugins else PLUGINS), "x402_e2e"]
    return {
        **os.environ,
        "FACILITATOR_PLUGINS": ",".join(own),
        "FACILITATOR_SERVER__PORT": os.environ.get("PORT", DEFAULT_PORT),
        "NOTIFY_SOCKET": str(notify),
    }


if __name__ == "__main__":
    sys.exit(main())
