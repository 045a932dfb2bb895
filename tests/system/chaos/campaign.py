"""Carries a plan out against a real fleet, and tells what happened."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

from chaos.callers import Offer, SettleRequest
from chaos.fleet import Fleet
from chaos.history import Block, Call, History
from chaos.network import FAULTS, Clocks, Network
from chaos.offers import make_offers
from chaos.plan import Patience, Pay, Rival, Step, Trouble, Upset
from chaos.storages import storage

AT_ONCE = 64
"""Payments that are being settled at the same time."""
PATIENT_SECONDS = 25.0
"""How long callers go on by themselves; then they are asked to again when the upsets are over."""
UNDISTURBED_SECONDS = 20.0
"""How long what is open at the end may take to settle by itself."""
LEAP_SECONDS = 3600.0
"""Beyond the validity of every payment and the facilitator's grace."""
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
    ) -> None:
        """``kind`` is that of the storage: sqlite, redis or sentinel."""
        self._patient_seconds = patient
        self.counts: Counter[str] = Counter()
        """Upsets that happened."""
        self._calls: list[Call] = []
        self._unfinished: list[SettleRequest] = []
        self._storage_is_upset, self._provider_is_upset, self._clock_is_upset = (
            threading.Lock() for _ in range(3)
        )
        with ExitStack() as stack:
            self._clocks = Clocks(folder / "clock")
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
                "CHAOS_CLOCK": str(self._clocks.file),
                "CHAOS_BUG": bug,
                **self._storage.environ,
            }
            self.fleet = stack.enter_context(closing(Fleet(folder, environ, replicas)))
            self._stack = stack.pop_all()

    def __enter__(self) -> "Campaign":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def carry_out(
        self,
        steps: Sequence[Step],
        until: float = float("inf"),
        tell: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Take the steps in their order, none after ``until`` (monotonic); how many payments.

        ``tell`` is called with how many were begun so far.
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
                tell(payments)
                futures.append(pool.submit(self._pay, step))
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
        with closing(self._storage.open()) as kept:
            callers = [
                threading.Thread(target=each.settles, args=(until,)) for each in self._unfinished
            ]
            for each in callers:
                each.start()
            _wait(lambda: not kept.open_claims(), undisturbed)
            self._clocks.leap(LEAP_SECONDS)
            _wait(lambda: not kept.open_claims(), at_most)
            for each in callers:
                each.join()
            self.fleet.terminate()
            known = {call.transaction for call in self._calls}
            for event in self.network.events:
                known |= set(event.transactions) if isinstance(event, Block) else set()
            claims = {each: kept.claim(each) for each in known}
        return History(
            calls=self._calls,
            chain=self.network.events,
            claims={each: claim.state.value for each, claim in claims.items() if claim},
            elsewhere=frozenset(self.network.elsewhere),
            losses=self._storage.losses,
        )

    # --- Payments -------------------------------------------------------------------------------

    def _pay(self, step: Pay) -> None:
        """All who settle the payment, and what contends with it, at once."""
        name = str(step.number)
        offers = make_offers(self.network, name, step.confirmations, step.seconds)
        acts = [
            self._caller(offers.payment, patience, f"{name}-{index % 2}")
            for index, patience in enumerate(step.callers)
        ]
        if step.rival is Rival.PAYMENT:
            acts.append(self._caller(offers.rival, step.callers[0], f"{name}-rival"))
        elif step.rival is Rival.NODE:
            acts.append(lambda: self.network.submit(offers.rival_transaction))
        if step.is_chained:
            acts.append(self._caller(offers.chained, step.callers[0], f"{name}-chained"))
        if step.is_offered_for_less:
            acts.append(self._caller(offers.for_less, step.callers[0], f"{name}-for-less"))
        threads = [threading.Thread(target=act) for act in acts]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    def _caller(self, offer: Offer, patience: Patience, key: str) -> Callable[[], None]:
        caller = SettleRequest(
            offer,
            patience,
            key if patience.has_key else None,
            lambda: self.fleet.port,
            self._calls.append,
        )

        def act() -> None:
            if caller.verifies() and not caller.settles(time.monotonic() + self._patient_seconds):
                self._unfinished.append(caller)

        return act

    # --- Upsets ---------------------------------------------------------------------------------

    def _upset(self, trouble: Trouble) -> None:
        """Have it happen, and be over; one at a time of those that concern the same."""
        seconds, draw = trouble.seconds, trouble.draw
        match trouble.upset:
            case Upset.KILL_WORKER:
                self.fleet.kill_worker(draw)
            case Upset.KILL_ALL:
                self.fleet.kill_all(draw)
            case Upset.STOP_WORKER:
                self.fleet.stop_worker(draw, seconds)
            case Upset.JUMP:
                with self._clock_is_upset:
                    self._clocks.jump(JUMP_SECONDS * (2 * draw - 1))
                    time.sleep(seconds)
                    self._clocks.jump(0.0)
            case Upset.PROVIDER_FAULT:
                with self._provider_is_upset:
                    FAULTS[int(draw * len(FAULTS))](self.network.provider.faults)
                    time.sleep(seconds)
                    self.network.provider.faults.clear()
            case Upset.PROVIDER_DOWN:
                with self._provider_is_upset:
                    self.network.provider.stop()
                    time.sleep(seconds)
                    self.network.provider.heal()
            case Upset.ROLL_BACK:
                blocks = 1 + int(draw * DEEPEST_ROLLBACK)
                self.network.roll_back(blocks, drop=draw * DEEPEST_ROLLBACK % 1 < DROPPED)
            case _:
                with self._storage_is_upset:
                    self._storage.suffer(trouble)
        self.counts[trouble.upset] += 1


def _wait(holds: Callable[[], bool], seconds: float) -> None:
    """Return once it holds, or when the time is over."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.2)
