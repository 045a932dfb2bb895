"""A facilitator run as it is in production: real HTTP through waitress, over an embedded devnet."""

import gc
import logging
import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import hypothesis
import pytest

from facilitator.chain import follower
from facilitator.scripts import pool
from facilitator.testing.running import Running
from support.dealing import deal
from support.left_out import LEFT_OUT

CALLERS_ARE_NOT = logging._srcfile
"""The file whose frames are no callers of a logger; the facilitator looks for no callers."""
UNIT = Path(__file__).parent / "unit"
LONG = [Path(__file__).parent / name for name in ("system", "packaging", "docs")]
"""The folders of tests that take long: they start processes, and install."""
TOGETHER = [Path(__file__).parent / "system" / "browser"]
"""The folders whose tests share what takes long to start."""
ALL_ONCE = "\npytestmark = pytest.mark.once\n"

# A machine that others use, too, fails no test for being slow.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return one for each processor, three where most tests wait for other processes.

    Each collects all tests, which costs seconds. With 0 the tests run without workers.
    """
    processors = os.cpu_count() or 1
    if config.option.markexpr == "once":
        return 3 * processors
    return int(os.environ.get("UNIT_TEST_WORKERS", processors))


def pytest_configure() -> None:
    """Have no garbage looked for while tests are collected: it takes as long as all the rest."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage among what tests make, and not among thousands of tests; and not often."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # with Python's own, tests take a twentieth longer
    gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spare each worker the imports of unit tests that ``-m`` would then all deselect."""
    if collection_path.suffix != ".py" or not collection_path.is_relative_to(UNIT):
        return None
    marked = collection_path.read_text()
    nothing_once = config.option.markexpr == "once" and "mark.once" not in marked
    all_once = config.option.markexpr == "not once" and ALL_ONCE in marked
    return True if nothing_once or all_once else None


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None]:
    """Mark everything outside of ``tests/unit`` as ``once``, and deal what ``-m`` leaves."""
    for item in items:
        if not item.path.is_relative_to(UNIT):
            item.add_marker("once")
    yield
    if workers := getattr(config, "workerinput", {}).get("workercount"):
        items[:] = deal(items, workers, LONG, TOGETHER)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Remember what ``-m`` and other options leave out."""
    for item in items:
        item.config.stash.setdefault(LEFT_OUT, []).append(item)


@pytest.fixture(autouse=True, scope="session")
def followers_that_end_soon() -> Iterator[None]:
    """Have a follower that waits for a block look up often, so that no test's end waits for it.

    It ends for lack of need only where a test says so, however long a busy machine takes to ask.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follower, "_AWAIT_SECONDS", 0.05)
        patch.setattr(follower, "LINGER_POLLS", 1000)
        yield


@pytest.fixture(autouse=True, scope="session")
def no_processes_for_scripts_in_advance() -> Iterator[None]:
    """Have a process for scripts start with the first script: few tests have one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "WARM_UP_SECONDS", 3600.0)
        yield


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Undo what a test does to the logging of the whole process."""
    root, ours, queue = (
        logging.getLogger(),
        logging.getLogger("facilitator"),
        logging.getLogger("waitress.queue"),
    )
    handlers, levels, filters = root.handlers[:], (root.level, ours.level), queue.filters[:]
    hook = threading.excepthook
    yield
    root.handlers[:], queue.filters[:] = handlers, filters
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    threading.excepthook = hook
    logging.captureWarnings(False)
    logging._srcfile = CALLERS_ARE_NOT


@pytest.fixture
def run(run_facilitator: Callable[..., Running]) -> Callable[..., Running]:
    """Start a facilitator: ``run(settlement__wait_seconds=0)`` overrides settings."""
    return run_facilitator
