"""The work of a payment, which is the same on every machine: does it stay what was recorded?

    python benchmarks/bytecodes.py [--record]

A facilitator in this process, on Blockfrost and SQLite, answers in this thread, which alone is
traced. Counted are the bytecodes that run in the project's own modules, and the calls that cost
much for one bytecode: signatures, SQL, messages to a server, JSON. Each is the median of some
payments. Both are the same from run to run, however busy the machine is. Bytecodes depend on the
minor version of Python alone, so ``bytecodes.json`` has them for each version.

The exit code is 1 if bytecodes differ by more than 3 percent from the record, or calls at all. A
change that is meant is recorded by ``--record``, under every version of Python that is recorded.
"""

import argparse
import json
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from io import StringIO
from types import FrameType
from typing import Any, NamedTuple

from falcon import testing
from servers import HERE, Servers
from trace_payment import JSON, module_of
from verify_cost import FIRST, KNOWN, SETTLED

from facilitator.observability.logs import configure_logging
from facilitator.plugin.loading import configure
from facilitator.runtime.composition import build_facilitator

RECORD = HERE / "bytecodes.json"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
TOLERANCE = 0.03
PAYMENTS, WARM_UP = 5, 2
COSTLY = {
    "crypto_sign_open": "signatures",
    "Connection.execute": "SQL statements",
    "socket.sendall": "messages to a server",
    "loads": "calls of loads",
    "dumps": "calls of dumps",
    "pwrite": "writes into a file",
}
"""What calls are named by the function that is called."""
STEPS = (
    (FIRST, "/verify", JSON),
    (KNOWN, "/verify", JSON),
    (SETTLED, "/settle", {**JSON, "Prefer": "wait=0"}),
)

App = Callable[..., Any]


class Work(NamedTuple):
    """The work of one request."""

    bytecodes: int
    calls: Mapping[str, int]


class Tracer:
    """Counts what runs in this thread while it is on."""

    def __init__(self) -> None:
        self.bytecodes = 0
        self.calls: Counter[str] = Counter()

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:  # noqa: ARG002
        """Follow the bytecodes of the project's own functions; for :func:`sys.settrace`."""
        if module_of(frame.f_code.co_filename) is None:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._count

    def _count(self, frame: FrameType, event: str, argument: object) -> Any:  # noqa: ARG002
        self.bytecodes += event == "opcode"
        return self._count

    def profile(self, frame: FrameType, event: str, argument: object) -> None:
        """Take in a call, of Python or of C; for :func:`sys.setprofile`."""
        name = frame.f_code.co_name if event == "call" else getattr(argument, "__qualname__", "")
        if event in ("call", "c_call") and name in COSTLY:
            self.calls[COSTLY[name]] += 1


@contextmanager
def traced() -> Iterator[Tracer]:
    """Trace this thread meanwhile."""
    tracer = Tracer()
    sys.setprofile(tracer.profile)
    sys.settrace(tracer.trace)
    try:
        yield tracer
    finally:
        sys.settrace(None)
        sys.setprofile(None)


@contextmanager
def facilitator(servers: Servers) -> Iterator[App]:
    """A facilitator in this process, as a WSGI app."""
    folder = servers.new_folder()
    environ = servers.settings("sqlite") | {
        "FACILITATOR_BLOCKFROST__POLL_SECONDS": "600",
        "FACILITATOR_RATE_LIMIT__ENABLED": "false",
        "FACILITATOR_SQLITE__PATH": str(folder / "facilitator.db"),
    }
    settings, plugins = configure(environ=environ, cwd=folder)
    configure_logging(settings.log, secrets=settings.secrets(), stream=StringIO())
    running = build_facilitator(settings, plugins)
    running.start()
    with closing(running):
        yield running.app


def measure(app: App, bodies: Sequence[bytes]) -> dict[str, Work]:
    """Return the work of each step of a payment: the median of those after the first ones."""
    client = testing.TestClient(app)
    found: dict[str, list[Work]] = {what: [] for what, _, _ in STEPS}
    for body in bodies:
        for what, path, headers in STEPS:
            with traced() as tracer:
                answer = client.simulate_post(path, body=body, headers=headers)
            assert answer.status_code == 200, answer.text
            found[what].append(Work(tracer.bytecodes, dict(tracer.calls)))
    return {what: median(works[WARM_UP:]) for what, works in found.items()}


def median(works: Sequence[Work]) -> Work:
    """Return the median of each count."""
    names = sorted({name for work in works for name in work.calls})
    calls = {name: statistics.median_low(w.calls.get(name, 0) for w in works) for name in names}
    return Work(statistics.median_low(work.bytecodes for work in works), calls)


def changes(found: Mapping[str, Work], recorded: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each count that is not what was recorded."""
    said = []
    for what, work in found.items():
        bytecodes, calls = recorded[what]["bytecodes"], recorded[what]["calls"]
        if abs(work.bytecodes / bytecodes - 1) > TOLERANCE:
            said.append(f"{what}: {work.bytecodes} bytecodes, recorded {bytecodes}")
        for name in sorted({*work.calls, *calls}):
            now, before = work.calls.get(name, 0), calls.get(name, 0)
            if now != before:
                said.append(f"{what}: {now} {name}, recorded {before}")
    return said


def main() -> None:
    """Measure, and record the work or compare it with the record."""
    parser = argparse.ArgumentParser(description="The work of a payment, beside the record")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    with Servers() as servers, facilitator(servers) as app:
        found = measure(app, servers.bodies(WARM_UP + PAYMENTS))
    for what, work in found.items():
        calls = ", ".join(f"{name} {number}" for name, number in work.calls.items())
        print(f"{what}: bytecodes {work.bytecodes}, {calls}")
    record = json.loads(RECORD.read_text())
    if given.record:
        record[VERSION] = {what: work._asdict() for what, work in found.items()}
        RECORD.write_text(json.dumps(dict(sorted(record.items())), indent=2) + "\n")
    elif VERSION not in record:
        raise SystemExit(f"nothing is recorded for Python {VERSION}")
    elif said := changes(found, record[VERSION]):
        raise SystemExit("\n".join(said))


if __name__ == "__main__":
    main()
