"""The sponsor's pool: soft offers of its outputs, and their exclusive binding to transactions."""

import logging
import threading
from dataclasses import dataclass

from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.transaction import Output
from facilitator.clock import Clock
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.wallet import FundedChain, Wallet
from facilitator.seller.splitting import Split, build_split
from facilitator.seller.store import FREE, SponsorStore
from facilitator.x402.fee_sponsor import FeeSponsorOffer

_RETRY_SECONDS = 2.0
"""Seconds after which a listing that failed is tried again."""

_log = logging.getLogger("facilitator.seller")


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """The outputs that are offered, in lovelace."""

    max_fee: int = 300_000
    """The greatest fee to pay for one payment."""
    least_lovelace: int = 1_500_000
    """The least that an offered output holds: the minimum of the output to ``payTo``, and
    :attr:`max_fee`."""
    most_lovelace: int = 5_000_000
    """The most that one holds; greater ones are left to be split."""
    refresh_seconds: float = 20.0
    """Seconds after which the outputs are listed again."""


class SponsorPool:
    """The outputs of one wallet. Safe to use from many threads, and by several processes.

    The wallet's key should be a hot key of its own, which holds the pool and no more.
    """

    def __init__(
        self,
        store: SponsorStore,
        wallet: Wallet,
        chain: FundedChain,
        clock: Clock,
        settings: PoolSettings = PoolSettings(),
    ) -> None:
        """Offer the wallet's outputs on that chain."""
        if not 0 < settings.max_fee < settings.least_lovelace <= settings.most_lovelace:
            raise ValueError("0 < max_fee < least_lovelace <= most_lovelace must hold")
        self.store = store
        self.wallet = wallet
        self.chain = chain
        self.settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._due_at: float | None = None
        """Unix time at which the outputs are to be listed again; ``None`` before the first time."""
        self._turns: dict[str, int] = {}
        """The turn in which each output was offered last, by this process."""
        self._turn = 0

    def now_ms(self) -> int:
        """Return the Unix time in ms."""
        return int(self._clock.time() * 1000)

    def refresh(self) -> None:
        """List the outputs again. Raises :class:`ChainUnavailable`."""
        settings = self.settings
        listed = {
            str(ref): output.value.lovelace
            for ref, output in self.chain.outputs_at(self.wallet.address).items()
            if is_plain(output)
            and settings.least_lovelace <= output.value.lovelace <= settings.most_lovelace
        }
        self.store.refresh(listed, self.now_ms())
        self._due_at = self._clock.time() + settings.refresh_seconds

    def refresh_if_due(self) -> None:
        """List them if that is due; without the chain go on with what was listed last."""
        due_at = self._due_at
        if due_at is not None and self._clock.time() < due_at:
            return
        if not self._refreshing.acquire(blocking=due_at is None):
            return  # another thread is at it
        try:
            if self._due_at == due_at:
                self.refresh()
        except ChainUnavailable as error:
            self._due_at = self._clock.time() + _RETRY_SECONDS
            _log.warning("the sponsor's outputs could not be listed: %s", error)
        finally:
            self._refreshing.release()

    def offer(self, seconds: int) -> FeeSponsorOffer | None:
        """Return an offer that lasts so many seconds; ``None`` if no output is free.

        It locks nothing: one that asks for prices and does not pay keeps no output from others. Of
        the free outputs it is the one that was offered the longest ago.
        """
        self.refresh_if_due()
        free = [each for each in self.store.outputs() if each.state == FREE]
        if not free:
            return None
        with self._lock:
            chosen = min(free, key=lambda each: (self._turns.get(each.input, 0), each.input))
            self._turn += 1
            known = {each.input for each in free}
            self._turns = {ref: turn for ref, turn in self._turns.items() if ref in known}
            self._turns[chosen.input] = self._turn
        return FeeSponsorOffer(
            input=parse_output_ref(chosen.input),
            address=self.wallet.address,
            lovelace=chosen.lovelace,
            max_fee=self.settings.max_fee,
            expires_at_ms=self.now_ms() + 1000 * seconds,
        )

    def is_live(self, offer: FeeSponsorOffer, transaction_id: str | None, seconds: int) -> bool:
        """Return True if the transaction may use the offer, as one that lasted ``seconds``.

        Offers are not written down: one counts as made here if this pool could have made it. The
        transaction that has the output keeps the offer that it was bound with, also later.
        """
        output = self.store.find(str(offer.input))
        if output is None:
            return False
        if output.state != FREE:
            return output.transaction_id == transaction_id and output.offer == offer.to_json()
        now = self.now_ms()
        return (
            offer.address == self.wallet.address
            and offer.lovelace == output.lovelace
            and offer.max_fee == self.settings.max_fee
            and now < offer.expires_at_ms <= now + 1000 * seconds
        )

    def refill(self, count: int, lovelace: int, seconds: int = 300) -> Split | None:
        """Submit a transaction that makes so many further outputs to offer, and return it.

        It splits the greatest output that is too great to be offered; ``None`` if there is none
        that suffices. It is valid for so many seconds. The outputs are offered once the chain lists
        them. Raises what the chain's ``submit`` raises, :class:`ChainUnavailable`, and
        :class:`ValueError` for outputs that would not be offered.
        """
        settings = self.settings
        if not settings.least_lovelace <= lovelace <= settings.most_lovelace:
            raise ValueError("lovelace must be from least_lovelace to most_lovelace")
        great = {
            ref: output
            for ref, output in self.chain.outputs_at(self.wallet.address).items()
            if is_plain(output) and output.value.lovelace > settings.most_lovelace
        }
        if not great:
            return None
        ref = max(great, key=lambda each: (great[each].value.lovelace, each))
        end = self.chain.eras().slot_at(self.now_ms() + 1000 * seconds)
        parameters = self.chain.parameters()
        split = build_split(self.wallet, ref, great[ref], [lovelace] * count, parameters, end)
        if split is not None:
            self.chain.submit(split.transaction)
        return split


def is_plain(output: Output) -> bool:
    """Return True for an output with lovelace alone: no tokens, script or datum."""
    value, datums = output.value, (output.datum, output.datum_hash)
    return not value.assets and output.script is None and datums == (None, None)
