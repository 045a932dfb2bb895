"""A process that serves may keep to one core; those that it starts for scripts do not."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

import pytest

from facilitator.errors import ConfigInvalidError
from facilitator.scripts.process import ScriptProcess, allowed_cores
from facilitator.server.cores import keep_to_one_core
from facilitator.settings import load_settings
from facilitator.testing.waiting import eventually

T = TypeVar("T")

needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system keeps no thread to a core"
)


def in_a_thread(work: Callable[[], T]) -> T:
    """Return what it returns; what it does to its thread ends with that."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


@needs_affinity
def test_processes_get_the_cores_in_rotation() -> None:
    every = sorted(os.sched_getaffinity(0))

    def kept(index: int) -> set[int]:
        keep_to_one_core(index)
        return in_a_thread(lambda: os.sched_getaffinity(0))  # one that this thread has started

    found = [in_a_thread(lambda index=index: kept(index)) for index in range(2 * len(every))]  # type: ignore[misc]
    assert found == 2 * [{core} for core in every]
    assert sorted(os.sched_getaffinity(0)) == every


@needs_affinity
@pytest.mark.skipif(os.cpu_count() == 1, reason="needs two cores")
def test_scripts_run_on_any_core() -> None:
    every = {*allowed_cores()}

    def start() -> ScriptProcess:
        process = ScriptProcess()
        keep_to_one_core(0)
        process.start()
        return process

    with closing(in_a_thread(start)) as process:
        running: Any = process._running
        eventually(lambda: os.sched_getaffinity(running._process.pid) == every)


def test_where_no_process_can_be_kept_to_a_core_the_key_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    with pytest.raises(ConfigInvalidError, match=r"server.pin_workers: needs Linux"):
        load_settings(environ={"FACILITATOR_SERVER__PIN_WORKERS": "true"})
