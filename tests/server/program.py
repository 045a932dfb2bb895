"""A server to be stopped by a signal.

``/settle`` answers when the server drains, ``/verify`` when a line arrives on standard input. Says
on standard output what happens.
"""

import sys
import threading
from pathlib import Path
from typing import Any

from support.web import NETWORK, TRANSACTION, ScriptedService, settings

from facilitator.api import application
from facilitator.log import configure_logging
from facilitator.server import serve
from facilitator.x402.messages import PaymentRequest, SettleResponse, VerifyResponse
from facilitator.x402.reasons import Reason

draining = threading.Event()


def verify(_: PaymentRequest) -> VerifyResponse:
    print("verifying", flush=True)
    sys.stdin.readline()
    return VerifyResponse(True)


def settle(_: PaymentRequest, **__: Any) -> SettleResponse:
    print("settling", flush=True)
    draining.wait()
    return SettleResponse(False, NETWORK, TRANSACTION, reason=Reason.PENDING)


def drain() -> None:
    print("draining", flush=True)
    draining.set()


if __name__ == "__main__":
    folder, shutdown_seconds = sys.argv[1:]
    loaded = settings(Path(folder), server__shutdown_seconds=shutdown_seconds)
    configure_logging(loaded.log)
    service = ScriptedService(on_verify=verify, on_settle=settle)
    sys.exit(serve(application(service, settings=loaded), loaded, drain))
