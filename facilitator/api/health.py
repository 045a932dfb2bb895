"""``/health``: the state of the facilitator and of its dependencies."""

import time
from collections.abc import Collection
from datetime import UTC, datetime

import falcon

from facilitator import __version__
from facilitator.api.environ import DRAINING
from facilitator.api.probe import Outcome, Probes
from facilitator.api.responses import answer
from facilitator.clock import Clock
from facilitator.observability.advice import Need


class Health:
    """``GET /health``: 503 only when all that requests depend on is down."""

    def __init__(self, probes: Probes, clock: Clock) -> None:
        """Take the checks, and the clock for the timestamp."""
        self._probes = probes
        self._clock = clock
        self._started = time.monotonic()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Return the state of every dependency."""
        outcomes = self._probes.outcomes()
        status = _status(outcomes.values())
        now = datetime.fromtimestamp(self._clock.time(), UTC)
        document = {
            "status": status,
            "version": __version__,
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "uptime": round(time.monotonic() - self._started, 3),
            "dependencies": _dependencies(outcomes),
        }
        answer(resp, document, 503 if status == "unhealthy" else 200)


class Live:
    """``GET /health/live``: 200 while the process answers, without any check."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Return that the process is alive."""
        answer(resp, {"status": "alive"})


class Ready:
    """``GET /health/ready``: 503 when no payment can be judged, or the server is stopping."""

    def __init__(self, probes: Probes) -> None:
        """Take the checks of the dependencies."""
        self._probes = probes

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Return whether balancers should send requests here."""
        if req.env.get(DRAINING):
            return answer(resp, {"status": "stopping"}, 503)
        outcomes = self._probes.outcomes()
        is_ready = _is_ready(outcomes.values())
        document = {
            "status": "ready" if is_ready else "not_ready",
            "dependencies": _dependencies(outcomes),
        }
        return answer(resp, document, 200 if is_ready else 503)


def _status(outcomes: Collection[Outcome]) -> str:
    if all(outcome.is_up for outcome in outcomes):
        return "healthy"
    needed = [outcome.is_up for outcome in outcomes if not outcome.is_advice]
    return "degraded" if any(needed) or not needed else "unhealthy"


def _is_ready(outcomes: Collection[Outcome]) -> bool:
    """Return True if requests can be answered: all that each needs is up, and any chain is."""
    chains = [outcome.is_up for outcome in outcomes if outcome.need is Need.ONE_OF]
    needed = [outcome.is_up for outcome in outcomes if outcome.need is Need.EVERY]
    return all(needed) and (any(chains) or not chains)


def _dependencies(outcomes: dict[str, Outcome]) -> dict[str, object]:
    return {name: outcome.to_json() for name, outcome in outcomes.items()}
