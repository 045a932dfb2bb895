"""Carries the payments of a plan out: all who verify and settle them, at once."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from chaos.callers import Asks, Caller
from chaos.history import Call, Offer
from chaos.network import Network
from chaos.offers import Offers
from chaos.plan import TENANTS, Naming, Patience, Pay, Rival
from facilitator.testing.payments import MAX_TIMEOUT_SECONDS

IN_CROWD = Patience(has_key=False, verifies=False, wait_seconds=30, lines=(), replays=0)
PROBE = Patience(has_key=False, verifies=True, wait_seconds=4, lines=(), replays=0)


@dataclass
class Payments:
    """What is paid in a run."""

    network: Network
    port: Callable[[int | None], int]
    """The port of a place's facilitator, or of any."""
    places: Sequence[int] | None
    """The places of facilitators that share nothing: each payment is offered to all of them."""
    apart: float
    """By how many seconds the facilitators' clocks differ; payments are valid in spite of it."""
    patient_seconds: float
    calls: list[Call] = field(default_factory=list)
    verdicts: list[Call] = field(default_factory=list)
    unfinished: list[Caller] = field(default_factory=list)
    """Those who did not learn the end."""
    _probes: int = 0

    def pay(self, step: Pay) -> None:
        """Let all callers settle the payment, and what contends with it."""
        offers = self._offers(str(step.number), step)
        if step.is_signed_again:
            left = offers.abandoned(is_elsewhere=bool(step.number % 2))
            patience = replace(step.callers[0], verifies=True)
            self._caller(Asks(left, patience, place=self._place(0))).verifies()
        if step.is_expired_first:
            self._settle_expired(step, offers)
        _at_once([*self._own(step, offers), *self._contending(step, offers)])

    def _settle_expired(self, step: Pay, offers: Offers) -> None:
        first = step.callers[0]
        patience = replace(first, verifies=False, lines=(), replays=0)
        key = _key(step, 0, first) if first.has_key else None
        self._settle(
            self._caller(Asks(offers.named(offers.expired()), patience, key, self._place(0))),
            time.monotonic() + self.patient_seconds,
        )

    def probe(self, until: float) -> None:
        """Let each tenant settle a payment at each facilitator, with all the time it needs."""
        acts = []
        for tenant in range(TENANTS):
            for place in self.places or (None,):
                self._probes += 1
                step = Pay(
                    0, 1, MAX_TIMEOUT_SECONDS // 2, (), Rival.NONE, is_offered_for_less=False
                )
                offer = self._offers(f"probe-{self._probes}", step).payment()
                caller = self._caller(Asks(offer, replace(PROBE, tenant=tenant), place=place))
                acts.append(lambda caller=caller: self._settle(caller, until))
        _at_once(acts)

    def _offers(self, name: str, step: Pay) -> Offers:
        apart = int(abs(self.apart))
        timeout = MAX_TIMEOUT_SECONDS + 2 * apart
        return Offers(self.network, name, step.confirmations, step.seconds + apart, timeout)

    def _own(self, step: Pay, offers: Offers) -> list[Callable[[], None]]:
        """What those do who want this payment, and those who only hang up."""
        payment = offers.payment()
        acts = []
        for index, patience in enumerate(step.callers):
            is_named = step.naming in (Naming.ALL, Naming.TWICE)
            is_named = is_named or (step.naming is Naming.SOME and index % 2 == 1)
            offer = offers.named(payment) if is_named else payment
            key = _key(step, index, patience)
            acts += [self._act(offer, patience, key, each) for each in self.places or (None,)]
        for index in range(step.crowd):
            patience = replace(IN_CROWD, tenant=index % TENANTS)
            acts.append(self._caller(Asks(payment, patience, place=self._place(index))).leaves)
        return acts

    def _contending(self, step: Pay, offers: Offers) -> list[Callable[[], None]]:
        """What others do at the same time; they ask the first facilitator of several."""
        first, acts, place = step.callers[0], [], self._place(0)
        is_named = step.naming in (Naming.ALL, Naming.TWICE)
        key = _key(step, 0, first)
        if step.rival is Rival.PAYMENT:
            rival = offers.named(offers.rival()) if is_named else offers.rival()
            # Every other caller pays once more under the key that it used.
            own = key if step.number % 2 else f"{step.number}-rival"
            acts.append(self._act(rival, first, own, place))
        elif step.rival is Rival.NODE:
            acts.append(lambda: self.network.submit(offers.rival_transaction()))
        if step.naming is Naming.TWICE:
            second = offers.named(offers.second())
            acts.append(self._act(second, first, f"{step.number}-second", place))
        if step.is_chained:
            acts.append(self._act(offers.chained(), first, f"{step.number}-chained", place))
        if step.is_offered_for_less:
            acts.append(self._act(offers.for_less(), first, key, place))
        return acts

    def _act(
        self, offer: Offer, patience: Patience, key: str, place: int | None
    ) -> Callable[[], None]:
        asks = Asks(offer, patience, key if patience.has_key else None, place)
        caller = self._caller(asks)
        return lambda: self._settle(caller, time.monotonic() + self.patient_seconds)

    def _settle(self, caller: Caller, until: float) -> None:
        if caller.verifies() and not caller.settles(until):
            self.unfinished.append(caller)

    def _caller(self, asks: Asks) -> Caller:
        return Caller(asks, self.port, self.calls, self.verdicts)

    def _place(self, index: int) -> int | None:
        return self.places[index % len(self.places)] if self.places else None


def _key(step: Pay, index: int, patience: Patience) -> str:
    """The key of a caller: of the same text as another tenant's.

    Of four payments two have for the one tenant the keys that they have for the other one, and two
    have those of each other.
    """
    is_swapped = patience.tenant == 1 and step.number % 4 >= 2
    return f"order-{step.number ^ is_swapped}-{index % 2}"


def _at_once(acts: Sequence[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
