"""What a payment costs the server: CPU, latency and memory, over HTTP, on Blockfrost.

    python benchmarks/verify_cost.py [--payments 5000] [--connections 16] [--storage sqlite]

One facilitator process on the first core; a Blockfrost-compatible API and the clients on the
others. Every payment is verified for the first time (one upstream call each) and then once more
(nothing upstream), also by a process that counts for Prometheus; then it is settled (one upstream
call, and those that follow it), without waiting for its block. Baseline of the same run: the same
server answering a constant to the same requests, which is what waitress itself costs. All take
turns of some hundred requests, so that what else the machine does falls on each.
"""

import argparse
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from figures import Aim, Figure
from load import SETTLE, VERIFY, Measured, is_accepted, is_refused, joined, measure
from processes import Running, resident_mb
from servers import Servers

TURN = 250
"""Requests of a turn."""
CONSTANT = "waitress answering a constant"
FIRST, KNOWN, REFUSED, SETTLED = "payer never seen", "inputs known", "forged signature", "settled"
COUNTING = ", counting"
CONNECTIONS = 16
MANY_CONNECTIONS, UPSTREAM_MS = 64, 20


class Step(NamedTuple):
    """Something that each server does with the payments of a turn."""

    what: str
    server: Running
    head: bytes = VERIFY
    is_refused: bool = False


def take_turns(
    steps: Sequence[Step], bodies: Sequence[bytes], forged: Sequence[bytes], connections: int
) -> dict[str, Measured]:
    """Have every step go through all payments, turn by turn; what each took by its name."""
    turns: dict[str, list[Measured]] = {step.what: [] for step in steps}
    for start in range(0, len(bodies), TURN):
        for step in steps:
            chosen = (forged if step.is_refused else bodies)[start : start + TURN]
            is_good = is_refused if step.is_refused else is_accepted
            done = measure(step.server, chosen, connections, step.head, is_good)
            turns[step.what].append(done)
    return {what: joined(each) for what, each in turns.items()}


def warm_up(servers: Servers, *running: Running) -> None:
    """Have every server ready: threads, tables and connections are there."""
    bodies = servers.bodies(CONNECTIONS)
    for each in running:
        for _ in range(2):
            measure(each, bodies, CONNECTIONS)


def steps_of(server: Running, name: str = "") -> list[Step]:
    """The way of a payment through a facilitator."""
    return [
        Step(FIRST + name, server),
        Step(KNOWN + name, server),
        Step(REFUSED + name, server, is_refused=True),
        Step(SETTLED + name, server, SETTLE),
    ]


def measure_payments(
    servers: Servers, plugins: Sequence[str], payments: int, connections: int
) -> dict[str, Measured]:
    """What the constant and a facilitator with each of these plugins took."""
    running = [servers.facilitator(each) for each in plugins]
    warm_up(servers, servers.constant, *running)
    payers = servers.payers(payments)
    forged = [payer.body(broken=True) for payer in payers]
    bodies = [payer.body() for payer in payers]
    steps = [Step(CONSTANT, servers.constant), *steps_of(running[0])]
    for other in running[1:]:
        steps[-1:-1] = steps_of(other, COUNTING)[:2]
    return take_turns(steps, bodies, forged, connections)


def measure_delayed(servers: Servers, payments: int) -> tuple[Measured, Measured]:
    """Payers never seen over many connections, each question upstream taking a while.

    First comes what the constant took in the same run.
    """
    server = servers.facilitator("sqlite")
    warm_up(servers, servers.constant, server)
    first = servers.bodies(min(payments, 2 * MANY_CONNECTIONS))
    bodies = servers.bodies(payments)
    servers.delay_upstream(UPSTREAM_MS)
    measure(server, first, MANY_CONNECTIONS)  # threads and connections upstream are there now
    bare = measure(servers.constant, bodies, MANY_CONNECTIONS)
    delayed = measure(server, bodies, MANY_CONNECTIONS)
    servers.delay_upstream(0)
    return bare, delayed


def figures(servers: Servers, *, quick: bool) -> Iterator[Figure]:
    """What ``/verify`` costs beside the constant, and how fast it is."""
    found = measure_payments(servers, ["sqlite"], 20 if quick else 2000, CONNECTIONS)
    bare = found[CONSTANT].cpu_ms
    for what, aim in ((FIRST, Aim(5.5)), (KNOWN, Aim(3.6)), (REFUSED, None)):
        yield Figure(what, found[what].cpu_ms, "ms of CPU", CONSTANT, bare, aim)
    constant, delayed = measure_delayed(servers, CONNECTIONS if quick else 4000)
    name = f"{MANY_CONNECTIONS} connections, {UPSTREAM_MS} ms upstream"
    aim = Aim(1300, of_ratio=False, at_least=True)
    yield Figure(name, delayed.rate, "/s", CONSTANT, constant.rate, aim)
    p50, p99 = delayed.quantile_ms(0.5), delayed.quantile_ms(0.99)
    yield Figure("the same, 99th percentile", p99, "ms", "its median", p50, Aim(2.5))


def settle_figures(servers: Servers, *, quick: bool) -> Iterator[Figure]:
    """What ``/settle`` costs beside the constant, up to the submission."""
    found = measure_payments(servers, ["sqlite"], 20 if quick else 1000, CONNECTIONS)
    bare, first, settled = (found[what].cpu_ms for what in (CONSTANT, FIRST, SETTLED))
    yield Figure("settled after /verify", settled, "ms of CPU", CONSTANT, bare)
    yield Figure("verified and settled", first + settled, "ms of CPU", CONSTANT, bare)


def show(what: str, measured: Measured, pid: int) -> None:
    """Print one line."""
    p50, p99 = measured.quantile_ms(0.5), measured.quantile_ms(0.99)
    print(
        f"{what:<30} {measured.cpu_ms:>8.3f} {measured.rate:>9.0f} {p50:>8.2f} {p99:>8.2f}"
        f" {p99 / p50:>6.1f} {resident_mb(pid):>8.0f}"
    )


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="What a payment costs the server")
    parser.add_argument("--payments", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--storage", choices=("sqlite", "memory"), default="sqlite")
    given = parser.parse_args()
    with Servers() as servers:
        plugins = [given.storage, f"{given.storage},prometheus"]
        found = measure_payments(servers, plugins, given.payments, given.connections)
        names = ("CPU ms", "req/s", "p50 ms", "p99 ms", "ratio", "MB")
        print(" " * 30 + " {:>8} {:>9} {:>8} {:>8} {:>6} {:>8}".format(*names))
        for what, measured in found.items():
            by = servers.facilitator(plugins[COUNTING in what])
            show(what, measured, (servers.constant if what == CONSTANT else by).pid)
    cpu = {what: measured.cpu_ms for what, measured in found.items()}
    bare, first, known = cpu[CONSTANT], cpu[FIRST], cpu[KNOWN]
    print(f"verified once and settled: {first + cpu[SETTLED]:.3f} ms")
    print(f"of waitress: never seen {first / bare:.1f} times, known {known / bare:.1f} times")
    counted, again = cpu[FIRST + COUNTING] / first, cpu[KNOWN + COUNTING] / known
    print(f"of not counting: never seen {counted:.2f}, known {again:.2f} times")


if __name__ == "__main__":
    main()
