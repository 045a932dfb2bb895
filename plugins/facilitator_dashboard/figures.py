"""The figures of the overview: sums, times to confirmation and refusals, as JSON."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from facilitator.plugin import PaymentRecord, RefusalCount, Total, iso_time

BINS = (5, 10, 20, 30, 60, 120, 300, 600, math.inf)
"""The upper ends of the classes of times to confirmation, in seconds; blocks come about each 20."""


def totals_by_asset(totals: Iterable[Total], today: str, first_day: str) -> list[dict[str, Any]]:
    """Return the sums of today, and of all days from ``first_day`` on, by network and asset."""
    sums: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(
        lambda: {"today": [0, 0, 0], "week": [0, 0, 0]}
    )
    for total in totals:
        if (day := total.day or "") < first_day:
            continue
        periods = sums[total.network, total.asset]
        for name in ("today", "week") if day == today else ("week",):
            _add(periods[name], total)
    return [
        {"network": network, "asset": asset, **{name: _sum(each) for name, each in periods.items()}}
        for (network, asset), periods in sorted(sums.items())
    ]


def totals_by_caller(totals: Iterable[Total], first_day: str) -> list[dict[str, Any]]:
    """Return the sums of all days from ``first_day`` on by caller, network and asset.

    A caller of ``None`` stands for payments without an API key. The greatest counts come first.
    """
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for total in totals:
        if (total.day or "") >= first_day:
            _add(sums[total.caller or "", total.network, total.asset], total)
    return [
        {"caller": caller or None, "network": network, "asset": asset, **_sum(each)}
        for (caller, network, asset), each in sorted(
            sums.items(), key=lambda item: (-item[1][0], item[0])
        )
    ]


def confirmation_times(payments: Sequence[PaymentRecord]) -> dict[str, Any]:
    """Return median, 90th percentile and classes of the seconds from claim to settlement."""
    seconds = sorted(
        max(0.0, each.settled_at - each.created_at)
        for each in payments
        if each.settled_at is not None
    )
    bins = [
        {
            "from": lower,
            "below": None if math.isinf(upper) else upper,
            "count": sum(lower <= each < upper for each in seconds),
        }
        for lower, upper in pairwise((0, *BINS))
    ]
    return {
        "count": len(seconds),
        "median": _percentile(seconds, 50),
        "p90": _percentile(seconds, 90),
        "bins": bins,
    }


def refusals_by_reason(refusals: Iterable[RefusalCount]) -> list[dict[str, Any]]:
    """Return the counts by reason, the greatest first, each with its newest sentence."""
    found: dict[str, list[RefusalCount]] = defaultdict(list)
    for refusal in refusals:
        found[refusal.reason].append(refusal)
    by_reason = [
        {"reason": reason, "count": sum(each.count for each in counts), **_newest(counts)}
        for reason, counts in found.items()
    ]
    return sorted(by_reason, key=lambda each: (-each["count"], each["reason"]))


def _add(sums: list[int], total: Total) -> None:
    for index, value in enumerate((total.count, total.amount, total.fee)):
        sums[index] += value


def _sum(sums: Sequence[int]) -> Mapping[str, Any]:
    count, amount, fee = sums
    return {"count": count, "amount": str(amount), "fee": str(fee)}


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Return the nearest-rank percentile: a value that occurred; ``None`` of nothing."""
    if not ordered:
        return None
    return round(ordered[math.ceil(len(ordered) * percent / 100) - 1], 3)


def _newest(counts: Sequence[RefusalCount]) -> Mapping[str, str]:
    newest = max(counts, key=lambda each: each.last_at)
    return {"lastAt": iso_time(newest.last_at), "sample": newest.sample}
