"""The payer of ``batch-settlement``, for ``facilitator pay --channel``."""

from collections.abc import Iterator
from contextlib import contextmanager

from facilitator.plugin import CannotPay, ChainUnavailable, Paid, PayOrder
from facilitator_channels.paying.book import Book
from facilitator_channels.paying.means import Means
from facilitator_channels.paying.purchase import Purchase
from facilitator_channels.paying.wanted import read_page


class ChannelPayer:
    """Implements :class:`~facilitator.plugin.Payer`."""

    def __init__(self, *, durable: bool = True) -> None:
        """Keep records that outlast a loss of power, unless they are not ``durable``."""
        self._durable = durable

    def pay(self, order: PayOrder) -> Paid:
        """Pay by a voucher: of the channel with this seller, of one that was lost, or of a new one.

        Never is more signed than what was charged and the price of this page.
        """
        with self._purchase(order) as purchase:
            return purchase.pay()

    def take_back(self, order: PayOrder) -> Paid:
        """Ask the seller to end the channel together: what was not spent comes back at once."""
        with self._purchase(order) as purchase:
            return purchase.take_back()

    @contextmanager
    def _purchase(self, order: PayOrder) -> Iterator[Purchase]:
        if order.chain.is_devnet:
            raise CannotPay(
                "the devnet of this command is not the one of the server: reach that through"
                " devnet.listen and the plugin blockfrost"
            )
        page = read_page(order.requirements)
        means = Means(order.network, order.wallet, order.chain, order.clock)
        book = Book(order.folder, order.network, means.payer, durable=self._durable)
        try:
            with book.locked(order.report):
                yield Purchase(order, page, means, book)
        except ChainUnavailable as error:
            raise CannotPay(f"the chain could not be asked, try again: {error.detail}") from None
