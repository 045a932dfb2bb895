"""Supervising in one process, working in the others."""

import logging
import socket
from collections.abc import Callable, Sequence

from facilitator.errors import FacilitatorError
from facilitator.plugin.context import Worker
from facilitator.server import sd_notify
from facilitator.server.load_balancing import ConnectionShare
from facilitator.server.reload import Reload
from facilitator.server.workers.control_channel import ControlChannel
from facilitator.server.workers.signals import Signals
from facilitator.server.workers.supervisor import GRACE_SECONDS, Supervisor
from facilitator.settings import ServerSettings

logger = logging.getLogger("facilitator.workers")


def run_workers(
    settings: ServerSettings,
    sockets: Sequence[socket.socket],
    reload: Reload,
    work: Callable[[ControlChannel, ConnectionShare, Worker], int],
) -> int:
    """Supervise ``server.workers`` processes until SIGTERM or SIGINT; return the exit code.

    Must be called from the main thread while there is no other. Closes the sockets.

    Args:
        settings: How many, and how long they may take to stop.
        sockets: What the workers listen on.
        reload: Asked on SIGHUP, here and in each worker, where it is a copy.
        work: Serves until a signal, in the worker, and returns its exit code. It is to call
            :meth:`ControlChannel.ready` once a signal drains, and whenever it has read the settings
            again.

    Raises:
        WorkerError: A worker ended before it was ready, and none was in its place before; or there
            is no place for their folder.
    """
    with Signals() as signals:
        begun = Supervisor(settings, sockets, signals, reload).run()
    if begun is None:
        logger.info("stopped")
        return 0
    sd_notify.leave()
    begun.line.watch(settings.shutdown_seconds + GRACE_SECONDS)
    try:
        return work(*begun)
    except FacilitatorError as error:
        begun.line.failed(error)
        return 1
