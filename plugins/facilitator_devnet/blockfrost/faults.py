"""Faults of the API that tests ask for and that clients must handle."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any, Literal, get_args

from facilitator_devnet.blockfrost.errors import NAMES
from facilitator_devnet.blockfrost.routes import ENDPOINTS

Kind = Literal[
    "latency", "answer", "refuse", "cut_before", "cut_after", "truncate", "stale", "quota"
]
OVER_QUOTA = 402


@dataclass(slots=True)
class Fault:
    """A fault: its kind, the requests that it affects, and its number of times."""

    kind: Kind
    endpoint: str | None = None
    """The endpoint; ``None`` for all of them."""
    times: int | None = None
    """The remaining requests; ``None`` until the faults are cleared."""
    status: int = 0
    """The status of ``answer``."""
    message: str = ""
    """The words of ``refuse``."""
    retry_after: int | None = None
    """The seconds in the header of ``answer``."""
    ms: int = 0
    """The milliseconds of ``latency``."""
    blocks: int = 0
    """The blocks of ``stale``."""
    requests: int = 0
    """The requests left of ``quota`` before all are answered 402."""

    def __post_init__(self) -> None:
        """Raise :class:`ValueError` for impossible values."""
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}")
        if self.kind == "answer" and self.status not in NAMES:
            raise ValueError(f"status must be one of {', '.join(map(str, NAMES))}")
        if not isinstance(self.message, str):
            raise ValueError("message must be a text")
        for name in ("times", "retry_after", "ms", "blocks", "requests"):
            number = getattr(self, name)
            if number is not None and (type(number) is not int or number < 0):
                raise ValueError(f"{name} must be a whole number, at least 0")


@dataclass(slots=True)
class Effects:
    """The effects of the faults on one request."""

    latency_ms: int = 0
    status: int | None = None
    retry_after: int | None = None
    refusal: str | None = None
    cut_before: bool = False
    cut_after: bool = False
    truncate: bool = False
    stale_blocks: int = 0


class Faults:
    """The faults in force.

    All latencies that fit a request add up. Of each other kind, the first fault that fits applies.
    """

    def __init__(self, endpoints: Sequence[str] = ENDPOINTS) -> None:
        """Begin without faults of those ``endpoints``."""
        self._endpoints = endpoints
        self._lock = Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force. Raises :class:`ValueError` for an endpoint that there is not."""
        if fault.endpoint is not None and fault.endpoint not in self._endpoints:
            raise ValueError(
                f"there is no endpoint {fault.endpoint!r}; one is {self._endpoints[0]!r}"
            )
        with self._lock:
            self._faults.append(fault)

    def latency(self, ms: int, endpoint: str | None = None, times: int | None = None) -> None:
        """Answer ``ms`` milliseconds later."""
        self.add(Fault("latency", endpoint, times, ms=ms))

    def answer(
        self,
        status: int,
        endpoint: str | None = None,
        times: int | None = None,
        *,
        retry_after: int | None = None,
    ) -> None:
        """Answer with the status alone; the request has no effect."""
        self.add(Fault("answer", endpoint, times, status=status, retry_after=retry_after))

    def refuse(self, message: str, endpoint: str | None = None, times: int | None = None) -> None:
        """Carry out the request, and answer with 400 and the message all the same."""
        self.add(Fault("refuse", endpoint, times, message=message))

    def cut_before(self, endpoint: str | None = None, times: int | None = None) -> None:
        """Close the connection before the request has an effect."""
        self.add(Fault("cut_before", endpoint, times))

    def cut_after(self, endpoint: str | None = None, times: int | None = None) -> None:
        """Carry out the request and close the connection without an answer."""
        self.add(Fault("cut_after", endpoint, times))

    def truncate(self, endpoint: str | None = None, times: int | None = None) -> None:
        """Close the connection in the middle of the answer's body."""
        self.add(Fault("truncate", endpoint, times))

    def stale(self, blocks: int, endpoint: str | None = None, times: int | None = None) -> None:
        """Answer from the chain of so many ``blocks`` ago."""
        self.add(Fault("stale", endpoint, times, blocks=blocks))

    def quota(self, requests: int) -> None:
        """Answer so many more ``requests``, then 402."""
        self.add(Fault("quota", requests=requests))

    def clear(self) -> None:
        """End all faults."""
        with self._lock:
            self._faults.clear()

    def active(self) -> Sequence[dict[str, Any]]:
        """Return the faults in force, with their remaining requests."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def effects(self, endpoint: str) -> Effects:
        """Return the effects on a request of the endpoint; count it against limited faults."""
        effects, seen = Effects(), set[str]()
        with self._lock:
            for fault in self._faults:
                if fault.endpoint not in (None, endpoint) or fault.times == 0:
                    continue
                if fault.kind in seen and fault.kind != "latency":
                    continue
                seen.add(fault.kind)
                if fault.times is not None:
                    fault.times -= 1
                _apply(fault, effects)
        return effects


def _apply(fault: Fault, effects: Effects) -> None:
    match fault.kind:
        case "latency":
            effects.latency_ms += fault.ms
        case "answer":
            effects.status, effects.retry_after = fault.status, fault.retry_after
        case "refuse":
            effects.refusal = fault.message
        case "cut_before":
            effects.cut_before = True
        case "cut_after":
            effects.cut_after = True
        case "truncate":
            effects.truncate = True
        case "stale":
            effects.stale_blocks = fault.blocks
        case "quota" if fault.requests == 0:
            effects.status = effects.status or OVER_QUOTA
        case "quota":
            fault.requests -= 1
