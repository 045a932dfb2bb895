"""The values of metrics: in memory, or in files that all worker processes see.

A worker keeps its values in mapped files under its index. Its replacement continues the same
counts, and the number of files does not grow with restarts. Writing is as quick as in memory, and
no count is lost when a worker is killed.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from prometheus_client import Metric, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from facilitator.plugin import Worker

SAMPLE_SECONDS = 1.0
"""The interval at which a worker writes its gauges, for the worker that answers ``/metrics``."""


def keep_in_memory() -> None:
    """Keep values made from now on in this process, with any environment."""
    values.ValueClass = values.MutexValue


class Shared(Collector):
    """The counts of all workers, and the gauges of those that run."""

    def __init__(self, worker: Worker) -> None:
        """Keep values made from now on in the workers' folder, for the worker."""
        self._folder = worker.folder / "prometheus"
        self._folder.mkdir(exist_ok=True)
        # The gauges of the worker before are over; its counts stay.
        mark_process_dead(worker.index, str(self._folder))
        (self._folder / f"{worker.index}.pid").write_text(str(os.getpid()))
        # The library takes both for all metrics of the process.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self._folder)
        values.ValueClass = values.MultiProcessValue(lambda: worker.index)

    def collect(self) -> Iterable[Metric]:
        """Return the merged metrics of all workers."""
        metrics: Iterable[Metric] = MultiProcessCollector.merge(list(self._files()))
        return metrics

    def _files(self) -> Iterator[str]:
        """Yield the files of values; those of gauges only for workers that run."""
        for file in self._folder.glob("*.db"):
            is_gauge = file.name.startswith("gauge_")
            index = file.stem.rpartition("_")[2]
            if not is_gauge or _runs(self._folder / f"{index}.pid"):
                yield str(file)


def _runs(pid_file: Path) -> bool:
    with suppress(FileNotFoundError, ValueError, ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
        return True
    return False
