"""Where the values are kept: in memory, or in files that all worker processes see.

A worker keeps its values in mapped files under the number of its place, so that its replacement
goes on from the same counts, and however many die the files stay as many. Writing is as quick as
in memory, and nothing is lost when a worker is killed.
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
"""How often a worker writes what its gauges read, for whichever worker is asked."""


def keep_in_memory() -> None:
    """Keep values made from here on in this process, whatever the environment says."""
    values.ValueClass = values.MutexValue


class Shared(Collector):
    """What all workers counted, and what those that run read off their gauges."""

    def __init__(self, worker: Worker) -> None:
        """Keep values made from here on in the workers' folder, for the worker."""
        self._folder = worker.folder / "prometheus"
        self._folder.mkdir(exist_ok=True)
        # What the one before read off its gauges is over; what it counted stays.
        mark_process_dead(worker.index, str(self._folder))
        (self._folder / f"{worker.index}.pid").write_text(str(os.getpid()))
        # Both are how the library is told of this, for all that the process counts.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self._folder)
        values.ValueClass = values.MultiProcessValue(lambda: worker.index)

    def collect(self) -> Iterable[Metric]:
        """Everything, put together."""
        metrics: Iterable[Metric] = MultiProcessCollector.merge(list(self._files()))
        return metrics

    def _files(self) -> Iterator[str]:
        """Those of gauges only where the worker runs."""
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
