"""The HTTP server and its worker processes: waitress, behind the names below.

The rest of the core imports these names from here. Only this package knows waitress.
"""

from facilitator.server.cores import keep_to_one_core
from facilitator.server.http_server import Server, announce, serve
from facilitator.server.load_balancing import ConnectionShare
from facilitator.server.malloc import use_one_heap
from facilitator.server.reload import Reload, terminal_is_gone
from facilitator.server.sd_notify import notify_ready
from facilitator.server.sockets import ListenError, listen, port_of, url_of
from facilitator.server.workers import (
    ControlChannel,
    WorkerError,
    check_chain,
    check_storage,
    run_workers,
)

__all__ = [
    "ConnectionShare",
    "ControlChannel",
    "ListenError",
    "Reload",
    "Server",
    "WorkerError",
    "announce",
    "check_chain",
    "check_storage",
    "keep_to_one_core",
    "listen",
    "notify_ready",
    "port_of",
    "run_workers",
    "serve",
    "terminal_is_gone",
    "url_of",
    "use_one_heap",
]
