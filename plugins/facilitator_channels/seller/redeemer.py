"""The redeemer: makes a seller's claims by itself, and settles in time what consumers close.

Its state is the records, which a watcher keeps as the chain shows them. It may be killed at any
moment: the next one chooses again from the records. A claim of the one before may still land then.
Both spend the same channels, so one of them does, and the other is refused without a fee.
"""

import logging
import threading
import time
from collections.abc import Mapping, Set
from typing import NamedTuple

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import (
    NO_METER,
    ChainUnavailable,
    Clock,
    Concern,
    Counter,
    Meter,
    Reason,
    SystemClock,
)
from facilitator_channels.seller.building import CannotPayFee, ClaimBuilder
from facilitator_channels.seller.claims import Batch, ClaimPolicy, Redemption, choose
from facilitator_channels.seller.facilitator import Facilitator, FacilitatorUnavailable
from facilitator_channels.seller.lead import Lead
from facilitator_channels.seller.redeeming import SignedClaim, note, submit, take
from facilitator_channels.seller.store import ChannelStore, Records, StoreUnavailable
from facilitator_channels.transactions.plan import CannotBuild

INTERVAL_SECONDS = 20.0
"""Seconds between two turns."""
RETRY_SECONDS = 60.0
"""Seconds after which a channel whose own claim was refused is tried again."""
LATE_TURNS = 6
"""Turns that may fail, or be missing, before the redeemer counts as down."""

CLAIMS = Counter(
    "channels_claims_total",
    "Answers to claims: confirmed, pending (not known yet), or refused.",
    labels=("outcome",),
)
REDEEMED = Counter(
    "channels_redeemed_total",
    "Amount that confirmed claims have redeemed, in atomic units.",
    labels=("asset",),
)

_NO_VERDICT = (
    Reason.PENDING,
    Reason.CHAIN_LOOKUP_FAILED,
    Reason.EVIDENCE_UNAVAILABLE,
    Reason.DUPLICATE,  # it was submitted: another caller has received its success, or is to
)
_TROUBLES = (ChainUnavailable, StoreUnavailable, FacilitatorUnavailable, CannotPayFee)

_log = logging.getLogger(__name__)


class _Made(NamedTuple):
    """A claim of this process. It is asked for again while its channels are where it spends them.

    So it is if there was no answer, and after a rollback: the facilitator lets no other claim have
    the channels as long as this one may land.
    """

    batch: Batch
    claim: SignedClaim


class Redeemer:
    """Makes the claims of one network, in a thread of its own. One of a fleet does at a time."""

    def __init__(
        self,
        store: ChannelStore,
        network: str,
        facilitator: Facilitator,
        builder: ClaimBuilder,
        policies: Mapping[str, ClaimPolicy],
        *,
        clock: Clock | None = None,
        meter: Meter = NO_METER,
        interval_seconds: float = INTERVAL_SECONDS,
        lead: Lead | None = None,
    ) -> None:
        """Make no claim yet.

        ``policies`` has one for each asset; see :func:`~facilitator_channels.seller.claims.choose`.
        """
        self._records = Records(store)
        self._network = network
        self._facilitator = facilitator
        self._builder = builder
        self._policies = policies
        self._clock = clock or SystemClock()
        self._meter = meter
        self._interval = interval_seconds
        self._lead = lead or Lead(store, network)
        self._made: list[_Made] = []
        self._is_silent = False
        """True if the facilitator has not answered when it was last asked."""
        self._refused: dict[str, float] = {}
        """Channels whose own claim was refused: the Unix time until which they are left out."""
        self._worked_at = time.monotonic()
        self._trouble = ""
        self._wake = threading.Event()
        self._is_closing = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="channel redeemer", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Take the next turn now, as after the notice of a close."""
        self._wake.set()

    def close(self) -> None:
        """End the thread, wait for the claim under way, and let another process lead."""
        self._is_closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def check(self) -> float:
        """Return the seconds since the last turn that went well: a health check.

        Raises :class:`Concern` if that is too long ago, or while claims of channels are refused.
        """
        age = time.monotonic() - self._worked_at
        if age > LATE_TURNS * self._interval:
            why = self._trouble or "the turn has not ended"
            raise Concern(f"channels are not redeemed since {age:.0f} s: {why}")
        if self._refused:
            raise Concern(f"channels whose claims are refused: {len(self._refused)}")
        return age

    def turn(self) -> bool:
        """Make the claims that are due; return False if another process leads.

        Raises :class:`ChainUnavailable`, :class:`StoreUnavailable`,
        :class:`FacilitatorUnavailable` and :class:`CannotPayFee`. What is due stays due.
        """
        if not self._lead.take():
            self._made.clear()
            return False
        now = self._clock.time()
        self._refused = {name: until for name, until in self._refused.items() if until > now}
        self._made = [each for each in self._made if each.claim.until > self._now_ms()]
        for each in self._landing():
            self._submit_alone(each)
            self._send(each)
        tried: set[str] = set()
        cannot_pay: CannotPayFee | None = None
        while (batch := self._next(tried)) is not None:
            if not self._lead.take():
                return False
            tried |= {each.channel_id for each in batch.redemptions}
            try:
                self._redeem(batch)
            except CannotPayFee as error:  # another claim may pay its own fee
                cannot_pay = cannot_pay or error
        if cannot_pay is not None:
            raise cannot_pay
        return True

    def _next(self, tried: Set[str]) -> Batch | None:
        """Return the most urgent claim of channels that were not tried in this turn.

        It is chosen after each claim: a channel that was closed meanwhile comes first.
        """
        landing = {each.channel_id for one in self._landing() for each in one.batch.redemptions}
        left_out = tried | landing | self._refused.keys()
        records = [
            each
            for each in self._records
            if each.network == self._network and each.channel_id not in left_out
        ]
        return next(iter(choose(records, self._policies, self._now_ms())), None)

    def _landing(self) -> list[_Made]:
        """Return the claims that may still land: all their channels are where they were."""
        return [each for each in self._made if all(map(self._is_there, each.batch.redemptions))]

    def _is_there(self, each: Redemption) -> bool:
        record = self._records.read(each.channel_id)
        return record is not None and record.view.channel_ref == each.channel_ref

    def _redeem(self, batch: Batch) -> None:
        taken = take(self._records, batch, self._now_ms())
        if taken is None:
            return
        spent = frozenset[OutputRef]().union(*[each.claim.spends for each in self._landing()])
        try:
            made = _Made(taken, self._builder.build(taken, spent))
        except CannotBuild as error:
            self._divide(taken, str(error))
        else:
            self._made.append(made)
            self._send(made)

    def _send(self, made: _Made) -> None:
        batch, claim = made
        if self._is_silent:
            self._submit_alone(made)
        self._is_silent = True
        answer = submit(self._facilitator, batch, claim)
        self._is_silent = False
        reason = answer.get("errorReason")
        if answer.get("success") is True:
            note(self._records, batch, claim, self._now_ms())
            self._count(made)
        elif reason in _NO_VERDICT:
            self._meter.count(CLAIMS, outcome="pending")
        else:
            self._meter.count(CLAIMS, outcome="refused")
            if self._submit_alone(made):
                return
            self._made.remove(made)
            self._divide(batch, str(answer.get("errorMessage") or reason))

    def _submit_alone(self, made: _Made) -> bool:
        """Submit a claim that has a deadline without the facilitator; return True if it is taken.

        So none is lost by one that refuses, does not answer, or says what is not so.
        """
        is_urgent = any(each.is_settlement for each in made.batch.redemptions)
        return is_urgent and self._builder.submit(made.claim)

    def _count(self, made: _Made) -> None:
        channels, asset = made.batch.redemptions, made.batch.terms.token
        amount = sum(each.amount for each in channels)
        self._meter.count(CLAIMS, outcome="confirmed")
        self._meter.count(REDEEMED, amount, asset=asset)
        name = made.claim.transaction_id
        _log.info("claim %s: %d of %s from %d channels", name, amount, asset, len(channels))

    def _divide(self, batch: Batch, why: str) -> None:
        """Claim from each half, so that one channel does not hold up the others."""
        channels = batch.redemptions
        if len(channels) > 1:
            middle = len(channels) // 2
            for half in (channels[:middle], channels[middle:]):
                self._redeem(batch._replace(redemptions=half))
            return
        _log.warning("channel %s cannot be redeemed now: %s", channels[0].channel_id, why)
        self._refused[channels[0].channel_id] = self._clock.time() + RETRY_SECONDS

    def _run(self) -> None:
        while not self._is_closing:
            try:
                self.turn()
                self._worked_at, self._trouble = time.monotonic(), ""
            except _TROUBLES as error:
                if str(error) != self._trouble:
                    _log.warning("channels cannot be redeemed: %s", error)
                self._trouble = str(error)
            except Exception:  # the thread must not end by it
                _log.exception("channels cannot be redeemed")
                self._trouble = "it failed; the log says how"
            self._wake.wait(self._interval)
            self._wake.clear()  # before the next look at what it was set for
        try:
            self._lead.give_up()
        except StoreUnavailable as error:
            _log.warning("the lead could not be given up: %s", error)

    def _now_ms(self) -> int:
        return round(self._clock.time() * 1000)
