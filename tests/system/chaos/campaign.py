"""Carries a plan out against a real fleet, and returns what happened."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from chaos.callers import TENANTS
from chaos.fleet import Fleet
from chaos.history import Block, Call, History, Payment, Recorded, Span
from chaos.network import FAULTS, HARMLESS_FAULTS, Clocks, Network
from chaos.payments import Payments
from chaos.plan import Step, Trouble, Upset
from chaos.storages import storage
from facilitator.roles.claim import Claim
from facilitator.roles.payment_record import PaymentEvent, PaymentRecord
from facilitator.roles.storage import Storage

AT_ONCE = 64
"""Payments that are being settled at the same time."""
PATIENT_SECONDS = 25.0
"""How long callers go on by themselves; then they are asked to again when the upsets are over."""
UNDISTURBED_SECONDS = 30.0
"""How long what is open at the end may take to settle by itself."""
WARM_UP_SECONDS = 8.0
"""How long after the last upset what is paid then may suffer from it."""
LEAP_SECONDS = 3600.0
"""Beyond the validity of every payment and the facilitator's grace, where all clocks agree."""
END_SECONDS = 90.0
"""How long what is open after that may take to end."""
JUMP_SECONDS = 120.0
DEEPEST_ROLLBACK = 3
DROPPED = 0.4
"""In how many rollbacks the other branch, and every mempool, lacks what the blocks held."""


class Campaign:
    """One run. Everything that is started ends with the block."""

    def __init__(
        self,
        folder: Path,
        kind: str,
        *,
        replicas: int = 1,
        workers: int = 3,
        bug: str = "",
        patient: float = PATIENT_SECONDS,
        apart: float = 0.0,
    ) -> None:
        """``kind`` is that of the storage, as in the plan.

        The clocks of every second facilitator that is started are ``apart`` seconds ahead.
        """
        self._apart = apart
        self.counts: Counter[str] = Counter()
        """Upsets that happened."""
        self._storage_is_upset, self._provider_is_upset, self._clock_is_upset = (
            threading.Lock() for _ in range(3)
        )
        with ExitStack() as stack:
            self._clocks = Clocks(folder, apart)
            self.network = stack.enter_context(closing(Network(self._clocks)))
            self._storage = stack.enter_context(storage(kind, folder))
            environ = {
                "FACILITATOR_PLUGINS": f"blockfrost,{self._storage.plugin}",
                "FACILITATOR_BLOCKFROST__BASE_URL": f"{self.network.provider.url}/api/v0",
                "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodOfTheChaos",
                "FACILITATOR_BLOCKFROST__POLL_SECONDS": "1",
                "FACILITATOR_BLOCKFROST__TIMEOUT_SECONDS": "2",
                "FACILITATOR_SETTLEMENT__LEASE_SECONDS": "1",
                "FACILITATOR_SERVER__THREADS": "48",
                "FACILITATOR_SERVER__WORKERS": str(workers),
                "CHAOS_BUG": bug,
                **{
                    f"FACILITATOR_AUTH__API_KEYS__{each.name.upper()}": each.api_key
                    for each in TENANTS
                },
            }

            def environ_of(place: int) -> Callable[[], Mapping[str, str]]:
                return lambda: {
                    **environ,
                    **self._storage.environ(place),
                    "CHAOS_CLOCK": str(self._clocks.machine()),
                }

            places = self._storage.places or range(replicas)
            self.fleet = Fleet(folder, [environ_of(place) for place in places])
            stack.enter_context(closing(self.fleet))
            self.payments = Payments(
                self.network, self.fleet.port, self._storage.places, apart, patient
            )
            self._stack = stack.pop_all()

    def __enter__(self) -> "Campaign":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def carry_out(
        self,
        steps: Sequence[Step],
        until: float = float("inf"),
        report: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Take the steps in their order, none after ``until`` (monotonic); how many payments.

        ``report`` is called with how many were begun so far.
        """
        free = threading.Semaphore(AT_ONCE)
        payments = 0
        with ThreadPoolExecutor(2 * AT_ONCE) as pool:
            futures: list[Future[None]] = []
            for step in steps:
                if time.monotonic() > until:
                    break
                if isinstance(step, Trouble):
                    futures.append(pool.submit(self._upset, step))
                    continue
                free.acquire()
                payments += 1
                report(payments)
                futures.append(pool.submit(self.payments.pay, step))
                futures[-1].add_done_callback(lambda _: free.release())
            for each in futures:
                each.result()
        return payments

    def end(
        self, undisturbed: float = UNDISTURBED_SECONDS, at_most: float = END_SECONDS
    ) -> History:
        """Leave the fleet undisturbed until everything has ended, then stop it.

        What does not settle by itself in so many seconds has its time run out, by a leap of the
        clock, and ``at_most`` so many more to end.
        """
        until = time.monotonic() + undisturbed + at_most
        with ExitStack() as stack:
            kept = [stack.enter_context(closing(each)) for each in self._storage.open()]
            settling = self._settle_all(until)
            quiet_since = self._undisturbed(time.monotonic() + undisturbed)
            _wait(lambda: not any(each.open_claims() for each in kept), until - at_most)
            quiet = Span(quiet_since, time.monotonic())
            self._clocks.leap(LEAP_SECONDS + self._apart)
            settling += self._settle_all(until)
            _wait(lambda: not any(each.open_claims() for each in kept), until)
            for each in settling:
                each.join()
        return self.stop(quiet)

    def stop(self, quiet: Span | None = None) -> History:
        """Stop the fleet; return what happened."""
        with ExitStack() as stack:
            kept = [stack.enter_context(closing(each)) for each in self._storage.open()]
            self.fleet.terminate()
            known = {call.transaction for call in self.payments.calls}
            for event in self.network.events:
                known |= set(event.transactions) if isinstance(event, Block) else set()
            ledger = [each for one in kept for each in self._ledger_of(one, known)]
            claims = {
                each: {claim.state.value for one in kept if (claim := one.claim(each)) is not None}
                for each in known
            }
        return History(
            calls=self._of_places(self.payments.calls),
            chain=self.network.events,
            claims={each: states for each, states in claims.items() if states},
            ledger=ledger,
            elsewhere=frozenset(self.network.elsewhere),
            losses=self._storage.losses,
            verdicts=self._of_places(self.payments.verdicts),
            quiet=quiet,
        )

    def _ledger_of(self, storage: Storage, known: Collection[str]) -> Iterator[Payment]:
        with closing(self._storage.ledger(storage)) as ledger:
            for each in known:
                claim, shown = storage.claim(each), ledger.payment(each)
                events = [_recorded(event, event.version) for event in ledger.events(each)]
                yield Payment(
                    transaction=each,
                    claim=None if claim is None else _recorded(claim, claim.version),
                    events=events,
                    shown=None if shown is None else _recorded(shown, events[-1].version),
                )

    def _settle_all(self, until: float) -> list[threading.Thread]:
        """Have those go on who did not learn the end."""
        callers = list(self.payments.unfinished)
        self.payments.unfinished.clear()
        threads = [threading.Thread(target=each.settles, args=(until,)) for each in callers]
        for each in threads:
            each.start()
        return threads

    def _undisturbed(self, until: float) -> float:
        """Settle until then, and return when all worked again as if nothing had happened.

        That is when a payment has settled, or should have. Others are paid after that.
        """
        self.payments.probe(min(time.monotonic() + WARM_UP_SECONDS, until))
        since = time.monotonic()
        self.payments.probe(until)
        return since

    def _of_places(self, calls: Sequence[Call]) -> Sequence[Call]:
        """The calls, of one place all, if all facilitators share their records."""
        return calls if self._storage.places else [replace(call, place=0) for call in calls]

    # --- Upsets ---------------------------------------------------------------------------------

    def _upset(self, trouble: Trouble) -> None:
        """Have it happen, and be over; one at a time of those that concern the same."""
        seconds, draw = trouble.seconds, trouble.draw
        match trouble.upset:
            case Upset.KILL_WORKER:
                self.fleet.kill_worker(draw)
            case Upset.KILL_ALL:
                self.fleet.kill_all(draw)
            case Upset.KILL_LEADER:
                self.fleet.kill_leader(draw)
            case Upset.STOP_WORKER:
                self.fleet.stop_worker(draw, seconds)
            case Upset.JUMP:
                with self._clock_is_upset:
                    self._clocks.jump(JUMP_SECONDS * (2 * draw - 1))
                    time.sleep(seconds)
                    self._clocks.jump(0.0)
            case Upset.PROVIDER_FAULT:
                faults = HARMLESS_FAULTS if self._storage.places else FAULTS
                with self._provider_is_upset:
                    faults[int(draw * len(faults))](self.network.provider.faults)
                    time.sleep(seconds)
                    self.network.provider.faults.clear()
            case Upset.PROVIDER_DOWN:
                with self._provider_is_upset:
                    self.network.provider.stop()
                    time.sleep(seconds)
                    self.network.provider.heal()
            case Upset.ROLL_BACK:
                blocks = 1 + int(draw * DEEPEST_ROLLBACK)
                drop = not self._storage.places and draw * DEEPEST_ROLLBACK % 1 < DROPPED
                self.network.roll_back(blocks, drop=drop)
            case Upset.LOSE_LOG:
                # Of those that are killed meanwhile none could start.
                with self._storage_is_upset, self.fleet.changes:
                    self._storage.suffer(trouble)
                    self.fleet.try_one_more(0)
                    time.sleep(seconds)
                    self.fleet.restart(self._storage.recover)
            case _:
                with self._storage_is_upset:
                    self._storage.suffer(trouble)
        self.counts[trouble.upset] += 1


def _recorded(what: Claim | PaymentEvent | PaymentRecord, version: int) -> Recorded:
    return Recorded(version, what.state.value, what.delivery.value, what.delivered_to or "")


def _wait(holds: Callable[[], bool], until: float) -> None:
    """Return once it holds, or when it is so late (monotonic)."""
    while not holds() and time.monotonic() < until:
        time.sleep(0.2)
