"""A catalogue of paid resources: x402's discovery, fed from payments that were settled."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from facilitator.plugin import Context, PaymentView, Reason, SettleResponse, hookimpl
from facilitator_bazaar.catalogue import Catalogue
from facilitator_bazaar.listing import EXTENSION, Listing, Rejected, listing_of
from facilitator_bazaar.route import DiscoveryResources
from facilitator_bazaar.settings import BazaarSettings


class Bazaar:
    """The plugin. Nothing that it does or fails to do reaches a payment."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._hosts: tuple[str, ...] = ()
        self._catalogue: Catalogue

    @hookimpl
    def settings_sections(self) -> Mapping[str, type]:
        """Declare the table, which is checked at start."""
        return {"bazaar": BazaarSettings}

    @hookimpl
    def routes(self, context: Context) -> Mapping[str, object]:
        """Open the file, each worker by itself, and show what it has."""
        settings = context.settings.section(BazaarSettings)
        self._hosts = settings.hosts
        self._catalogue = Catalogue(settings, context.clock.time)
        return {"/discovery/resources": DiscoveryResources(self._catalogue)}

    @hookimpl
    def settle_extensions(
        self, payment: PaymentView, response: SettleResponse
    ) -> Mapping[str, Mapping[str, Any]]:
        """Answer what becomes of the listing. Nothing is written here: a caller waits."""
        if not response.success and response.reason != Reason.PENDING:
            return {}
        try:
            listing = listing_of(payment, self._hosts)
            if listing is None:
                return {}
            return {EXTENSION: {"status": self._status(listing)}}
        except Rejected as rejected:
            return {EXTENSION: {"status": "rejected", "rejectedReason": rejected.reason}}

    @hookimpl
    def after_settle(self, payment: PaymentView, response: SettleResponse) -> None:
        """Take the resource into the catalogue, once it was paid for."""
        if not response.success:
            return
        try:
            listing = listing_of(payment, self._hosts)
        except Rejected:
            return
        if listing is not None:
            self._catalogue.put(listing)

    @hookimpl
    def shutdown(self) -> None:
        """Close the file, if the start came so far."""
        if hasattr(self, "_catalogue"):
            self._catalogue.close()

    def _status(self, listing: Listing) -> str:
        """Return ``success`` for what is listed already. Raises :class:`Rejected`."""
        try:
            if self._catalogue.has(listing):
                return "success"
            if self._catalogue.has_room(listing):
                return "processing"
        except sqlite3.Error:
            raise Rejected("catalogue_unavailable") from None
        raise Rejected("catalogue_full")


plugin = Bazaar()
