"""Forking the workers: one process supervises, the others serve."""

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
        settings: The number of workers, and the time in which they must stop.
        sockets: The sockets that the workers listen on.
        reload: Reads again on SIGHUP, here and in each worker, which has a copy.
        work: Serves until a signal, in the worker, and returns its exit code. It must call
            :meth:`ControlChannel.report_ready` once a signal drains, and each time it has read the
            settings again.

    Raises:
        WorkerError: A worker ended before it was ready, and none was ready in its slot before; or
            the workers' folder cannot be made.
    """
    with Signals() as signals:
        spawn_result = Supervisor(settings, sockets, signals, reload).run()
    if spawn_result is None:
        logger.info("stopped")
        return 0
    sd_notify.disable()
    control = spawn_result.control
    control.watch(settings.shutdown_seconds + GRACE_SECONDS)
    try:
        return work(*spawn_result)
    except FacilitatorError as error:
        control.report_failed(error)
        return 1
