"""The check of a chain provider: that it answers, the age of its newest block, the clock."""

from collections.abc import Iterator
from functools import partial

from facilitator.chain.failover.proof import check_network
from facilitator.cli.preflight.protocol import judge_protocol
from facilitator.cli.preflight.result import Result, attempt
from facilitator.clock import Clock
from facilitator.roles.chain import ChainProvider, ExaminesServer, HasPlan
from facilitator.server import check_chain

FUTURE_SECONDS = 2.0
"""Greatest distance of a block into the future that is no warning."""
OLD_SECONDS = 300.0
"""An age that a public network's newest block reaches once in years (0.95 to the power of it)."""


def try_chain(name: str, provider: ChainProvider, workers: int, clock: Clock) -> Iterator[Result]:
    """Yield a description of the provider, and a warning when it and the clock do not agree."""
    ages: list[float] = []
    yield from attempt(
        name,
        partial(_describe, provider, workers, clock, ages),
        "look at its settings ('facilitator settings') and whether it can be reached",
    )
    for age in ages:
        yield from _judge_clock(name, age, is_devnet=provider.is_devnet)
        yield from judge_protocol(name, provider)


def _describe(provider: ChainProvider, workers: int, clock: Clock, ages: list[float]) -> str:
    check_chain(workers, provider)
    check_network(provider)
    able = provider.examine() if isinstance(provider, ExaminesServer) else ""
    tip, parameters, eras = provider.tip(), provider.parameters(), provider.eras()
    age = clock.time() - eras.start_ms(tip.point.slot) / 1000
    ages.append(age)
    parts = [
        f"block {tip.height} at slot {tip.point.slot}, {max(0.0, age):.0f} s old",
        f"epoch {parameters.epoch}, protocol {parameters.protocol_major}"
        f".{parameters.protocol_minor}, slots of {eras.eras[-1].slot_ms / 1000:g} s",
    ]
    if isinstance(provider, HasPlan) and provider.plan:
        parts.append(f"plan {provider.plan}")
    if able:
        parts.append(able)
    if provider.is_devnet:
        parts.append("a test double")
    return "; ".join(parts)


def _judge_clock(name: str, age: float, *, is_devnet: bool) -> Iterator[Result]:
    if age < -FUTURE_SECONDS:
        yield Result(
            "clock",
            "warning",
            f"{name}: the newest block is {-age:.0f} s in the future: this machine's clock is slow",
            "have it set by NTP: timedatectl set-ntp true",
        )
    elif age > OLD_SECONDS and not is_devnet:
        yield Result(
            "clock",
            "warning",
            f"{name}: the newest block is {age / 60:.0f} min old: the provider lags, or this"
            " machine's clock is fast",
            "compare the clock with another (date -u), then look at the provider's status",
        )
    else:
        yield Result("clock", "ok", f"goes with {name}")
