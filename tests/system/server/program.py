"""A server to be stopped by a signal.

``/settle`` answers when the server drains, ``/verify`` when a line arrives on standard input. Says
on standard output what happens. At the end it is told to stop again, as by an impatient operator.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from facilitator.api import application
from facilitator.observability.logs import configure_logging
from facilitator.server import serve
from facilitator.x402.messages import PaymentRequest, SettleResponse, VerifyResponse
from facilitator.x402.reasons import Reason
from support.web import NETWORK, TRANSACTION, ScriptedService, settings

draining = threading.Event()


def say(what: str) -> None:
    """In one write, so that threads cannot come between text and line end."""
    os.write(1, f"{what}\n".encode())


def verify(_: PaymentRequest) -> VerifyResponse:
    say("verifying")
    sys.stdin.readline()
    return VerifyResponse(True)


def settle(_: PaymentRequest, **__: Any) -> SettleResponse:
    say("settling")
    draining.wait()
    return SettleResponse(False, NETWORK, TRANSACTION, reason=Reason.PENDING)


def drain() -> None:
    say("draining")
    draining.set()


if __name__ == "__main__":
    folder, shutdown_seconds = sys.argv[1:]
    loaded = settings(Path(folder), server__shutdown_seconds=shutdown_seconds)
    configure_logging(loaded.log)
    service = ScriptedService(on_verify=verify, on_settle=settle)
    code = serve(application(service, settings=loaded), loaded, drain)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), number)
    sys.exit(code)
