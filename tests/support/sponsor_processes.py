"""A process that binds a sponsor's outputs, beside others."""

from collections.abc import Mapping
from pathlib import Path

from facilitator.seller.store import SponsorStore


def bind_all(
    path: Path, transaction_id: str, refs: list[str], offer: Mapping[str, str], end: int
) -> list[str]:
    """Bind what is free to the transaction; return it."""
    store = SponsorStore(path)
    return [ref for ref in refs if store.bind(ref, transaction_id, offer, end)]
