"""The wallet's channels that pay for a page: in its book, and on the chain."""

from collections.abc import Callable

from facilitator.plugin import CannotPay, ChainUnavailable
from facilitator_channels.channel import Channel
from facilitator_channels.client.channel import ClientChannel, Status
from facilitator_channels.following import NoChannel
from facilitator_channels.paying.book import Book
from facilitator_channels.paying.entry import Entry
from facilitator_channels.paying.finding import follow, left_in, list_channels, refresh, shown
from facilitator_channels.paying.means import Means
from facilitator_channels.paying.wanted import Page


class PageChannels:
    """The channels that pay for a page. The methods raise ``ChainUnavailable``."""

    def __init__(
        self, page: Page, means: Means, book: Book, server: str, report: Callable[[str], None]
    ) -> None:
        """Look for channels of the means. The book is locked."""
        self._page = page
        self._means = means
        self._book = book
        self._server = server
        self._report = report

    def find(self) -> Entry | None:
        """Return the channel to pay from: of the book, else of the chain; ``None`` without one."""
        kept = self._book.entries()
        for entry in reversed(kept):
            if entry.channel.status is Status.CLOSED or not self._page.takes(entry.channel):
                continue
            if entry.channel.status is Status.OPENING:
                entry = self.keep(refresh(entry, self._means))
            if entry.channel.status is not Status.CLOSED:
                return entry
        known = {entry.id: entry for entry in kept}
        price = self._means.chain.parameters().coins_per_utxo_byte
        listed = sorted(list_channels(self._means), key=lambda each: -left_in(each, price))
        for found in listed:
            name = found.constants.tag.hex()
            entry_of = known.get(name) or self._adopt(found)
            if found.is_opened and self._page.fits(found) and not entry_of.ended:
                self._report(f"the channel {name} is found on the chain")
                return self.keep(shown(entry_of, found, self._means))
        return None

    def _adopt(self, found: Channel) -> Entry:
        """Return a record of a channel that is on the chain, and in no book."""
        constants, ref = found.constants, str(found.ref)
        config = self._page.config(constants.consumer, constants.iou_key)
        script_hash = self._page.validator.script_hash.hex()
        channel = ClientChannel(constants.tag, self._means.network, script_hash, config, (), ref)
        return Entry(channel, self._server, found.ref)

    def look(self, entry: Entry) -> tuple[Entry, Channel]:
        """Return the channel as the chain has it now. Raises :class:`CannotPay` if it has not."""
        found = follow(entry, self._means)
        if not isinstance(found, Channel):
            self.keep(refresh(entry, self._means))
            raise CannotPay(f"the channel {entry.id} is not to be seen now: {found.why}")
        entry = self.keep(shown(entry, found, self._means))
        if entry.channel.status is Status.CLOSED:
            raise CannotPay(
                f"the channel is closed: take back what is left by facilitator channels withdraw"
                f" {entry.id}"
            )
        return entry, found

    def has_ended(self, entry: Entry) -> bool:
        """Return True if the chain shows that it has ended; False too if it does not answer."""
        try:
            return isinstance(follow(entry, self._means), NoChannel)
        except ChainUnavailable:
            return False

    def keep(self, entry: Entry) -> Entry:
        """Write the record, and return it."""
        self._book.put(entry)
        return entry
