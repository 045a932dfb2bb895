"""The facilitator as one process or several: signals, workers, a reload of the settings."""

import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Sequence

from facilitator.errors import EndedBySignal, FacilitatorError, ends_process
from facilitator.plugin.context import Worker
from facilitator.plugin.manager import Plugins
from facilitator.runtime.composition import Facilitator, build_facilitator
from facilitator.runtime.exit_limit import ExitLimit
from facilitator.server import (
    ConnectionShare,
    Reload,
    announce,
    check_chain,
    check_storage,
    keep_to_one_core,
    listen,
    notify_ready,
    run_workers,
    terminal_is_gone,
    use_one_heap,
)
from facilitator.server import serve as serve_http
from facilitator.settings import Settings

_log = logging.getLogger("facilitator")


def serve(settings: Settings, plugins: Plugins, read: Callable[[], Settings]) -> int:
    """Run the facilitator until SIGTERM or SIGINT; return the process' exit code.

    SIGHUP reads the settings again, by ``read``. With several workers this process supervises,
    and each worker builds a facilitator of its own. Raises
    :class:`~facilitator.errors.FacilitatorError`.
    """
    use_one_heap()
    gc.freeze()  # what is imported lives on: no collection need look at it, in workers neither
    reload = Reload(settings, read)
    _handle_signals(reload)
    try:
        if settings.server.workers == 1:
            return _serve(plugins, reload, announce, lambda: notify_ready(reload.status))
        sockets = listen(settings.server)
        return run_workers(
            settings.server,
            sockets,
            reload,
            lambda control, share, worker: _serve(
                plugins,
                reload,
                lambda _: control.report_ready(),
                lambda: control.report_ready(in_full=reload.is_taken),
                worker,
                sockets=sockets,
                share=share,
            ),
        )
    except FacilitatorError:
        raise
    except Exception:
        _log.critical("ended by an unexpected error", exc_info=True)
        return 1
    except EndedBySignal:
        _log.info("stopped")
        return 0
    except SystemExit as error:
        _log.critical("ended by code that must not end it", exc_info=error)
        return 1


def _handle_signals(reload: Reload) -> None:
    """Let SIGTERM end the start, until the process serves, and SIGHUP reload from now on."""

    def end_the_start(number: int, frame: object) -> None:  # noqa: ARG001
        raise EndedBySignal(0)

    def read_again(number: int, frame: object) -> None:  # noqa: ARG001
        if terminal_is_gone():
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            reload.request()

    signal.signal(signal.SIGTERM, end_the_start)
    signal.signal(signal.SIGHUP, read_again)


def _serve(
    plugins: Plugins,
    reload: Reload,
    on_ready: Callable[[str], None],
    on_read_again: Callable[[], None],
    worker: Worker | None = None,
    *,
    sockets: Sequence[socket.socket] | None = None,
    share: ConnectionShare | None = None,
) -> int:
    limit = ExitLimit(plugins)
    try:
        facilitator = build_facilitator(
            reload.settings, plugins, worker=worker, subscribe=reload.subscribe
        )
        facilitator.faults.report_ended_threads()

        def serving(url: str) -> None:
            on_ready(url)
            reload.start(on_read_again)

        if reload.settings.server.pin_workers:
            keep_to_one_core(0 if worker is None else worker.index)
        return _run(facilitator, limit, sockets, share, serving)
    except BaseException as error:
        limit.code = 0 if ends_process(error) else 1
        raise
    finally:
        limit.begin_if_kept()


def _run(
    facilitator: Facilitator,
    limit: ExitLimit,
    sockets: Sequence[socket.socket] | None,
    share: ConnectionShare | None,
    on_ready: Callable[[str], None],
) -> int:
    settings = facilitator.settings

    def drain() -> None:
        limit.begin(settings.server.shutdown_seconds)
        facilitator.drain()

    def limit_waiting(threads: int) -> None:
        facilitator.service.limit_waiting(settings.max_waiting_with(threads))

    try:
        check_storage(settings.server.workers, facilitator.storage)
        for chain in facilitator.chains.values():
            check_chain(settings.server.workers, chain)
        facilitator.start()
        return serve_http(
            facilitator.app,
            settings,
            drain,
            meter=facilitator.meter,
            on_failure=facilitator.request_failed,
            sockets=sockets,
            share=share,
            on_thread_limit=limit_waiting,
            on_ready=on_ready,
        )
    except Exception as error:
        facilitator.faults.report(error, {})
        raise
    finally:
        facilitator.close()
