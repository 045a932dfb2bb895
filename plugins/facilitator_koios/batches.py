"""Bulk questions, split so that each fits the body that a tier may send."""

from collections.abc import Iterator, Mapping, Sequence

import orjson

from facilitator_koios.client import Client

MAX_ITEMS = 100
"""Items of one question where the body has no limit. An answer has up to 1000 rows."""


def batches(
    client: Client, name: str, items: Sequence[str], **further: object
) -> Iterator[tuple[Sequence[str], Mapping[str, object]]]:
    """Yield parts of the items, each with the question that has it under ``name``."""
    limit = client.body_limit
    empty = len(orjson.dumps({name: [], **further}))
    start = 0
    while start < len(items):
        size, end = empty, start
        while end < len(items) and end - start < MAX_ITEMS:
            size += len(orjson.dumps(items[end])) + (end > start)
            if limit is not None and size > limit and end > start:
                break
            end += 1
        part = items[start:end]
        yield part, {name: part, **further}
        start = end
