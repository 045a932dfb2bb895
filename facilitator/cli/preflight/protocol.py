"""The check of a network's protocol version, in force and ahead."""

from collections.abc import Iterator

from facilitator.cardano.parameters import DIJKSTRA, LAST_KNOWN
from facilitator.chain.protocol_watch import describe_version
from facilitator.cli.preflight.result import Result
from facilitator.roles.chain import ChainProvider, ForeseesForks
from facilitator.roles.chain_errors import ChainUnavailable

_UPGRADE = "upgrade the facilitator to a release that knows it"


def judge_protocol(name: str, provider: ChainProvider) -> Iterator[Result]:
    """Yield what is to be said of the version in force, and of the one that is ratified."""
    try:
        major = provider.parameters().protocol_major
        ahead = provider.next_protocol_version() if isinstance(provider, ForeseesForks) else None
    except ChainUnavailable as error:
        yield Result("protocol", "warning", f"{name}: {error}", "try again")
        return
    if major > LAST_KNOWN:
        yield Result("protocol", "failed", f"{name} has {describe_version(major)}", _UPGRADE)
    elif major >= DIJKSTRA:
        yield Result("protocol", "ok", f"{name} has {describe_version(major)}")
    if ahead is not None and ahead > LAST_KNOWN:
        detail = f"{name}: a hard fork to protocol version {ahead} is ratified"
        known = f"this release knows the rules up to {LAST_KNOWN}"
        yield Result("protocol", "warning", f"{detail}, and {known}", _UPGRADE)
    elif ahead is not None:
        yield Result(
            "protocol",
            "ok",
            f"{name}: a hard fork to protocol version {ahead} is ratified, for which this release"
            " is ready",
        )
