"""The questions that one payment may still cost: so many, for so long, for one client.

The core opens an allowance around each verdict. A provider whose server is asked question by
question takes each from :func:`current_allowance`, and stops when that says so. Other providers may
ignore it. No allowance is open while the core asks for itself, for instance to follow the chain.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import OutputStatus, Unknown, Unspent
from facilitator.roles.chain_errors import ChainUnavailable

NOT_ASKED = Unknown("it was not looked up, as another output decides")
"""The status of an output that a provider left out since :meth:`Allowance.goes_on` said so, or
since the questions were used up."""

_FREE = 3
"""Questions that any valid payment may cost besides those about outputs of its own signers."""

_Judge: TypeAlias = Callable[[Mapping[OutputRef, OutputStatus]], bool]
"""Returns True if these outputs leave the verdict open."""


class AllowanceSpent(ChainUnavailable):
    """The end of questions about this payment for now. It says nothing of the provider."""


class AllowanceUsedUp(AllowanceSpent):
    """The payment needs more questions than it may cost."""


class AllowanceLate(AllowanceSpent):
    """The time for this payment is over, or a provider's part of it."""


class Allowance:
    """The questions left for one payment. For use by one caller and the threads that help it."""

    def __init__(
        self,
        client: str,
        *,
        questions: int,
        most: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Allow ``questions``, and more for the payer's own outputs, ``most`` in all.

        ``seconds`` is the time that all of them may take together, from now on.
        """
        self.client = client
        """The client that asked for the verdict; empty for this machine."""
        self._clock = clock
        self._seconds = seconds
        self._limits = questions, most
        # Taking from a deque is atomic: many threads ask for one payment.
        self._questions = deque(range(questions))
        self._most = deque(range(most))
        self.deadline = clock() + seconds
        """The end of its time, by ``clock``."""
        self._own = 0
        self._is_valid = False
        self._charges: list[Callable[[], None]] = []
        self.judge: _Judge = _all_unspent
        """The judge behind :meth:`goes_on`. The verdict sets its own."""

    def when_wasted(self, charge: Callable[[], None]) -> None:
        """Have ``charge`` called at the end if the question just taken was a waste."""
        self._charges.append(charge)

    def accept(self) -> None:
        """Take it that the payment is valid."""
        self._is_valid = True

    def end(self) -> None:
        """Charge for questions that were wasted.

        None is that found outputs of the payment's own signers, nor are a few more if it is valid.
        """
        for charge in self._charges[self._own + (_FREE if self._is_valid else 0) :]:
            charge()
        self._charges.clear()

    @property
    def left(self) -> int:
        """The questions left."""
        return min(len(self._questions), len(self._most))

    @property
    def seconds_left(self) -> float:
        """The seconds left, negative when the time is over."""
        return self.deadline - self._clock()

    def take(self, questions: int = 1) -> None:
        """Take questions out.

        Raises :class:`AllowanceUsedUp` if there are not so many, and :class:`AllowanceLate`.
        """
        if self.left < questions:
            raise self.used_up()
        self.check_time()
        for _ in range(questions):
            self._questions.pop()
            self._most.pop()

    def check_time(self) -> None:
        """Raise :class:`AllowanceLate` if the time is over."""
        if self.seconds_left <= 0:
            raise self.late()

    def give_back(self, questions: int) -> None:
        """Put questions back, as their answers showed outputs of the payer's own."""
        for _ in range(min(questions, self._limits[0] - len(self._questions))):
            self._questions.append(0)
            self._own += 1

    def goes_on(self, found: Mapping[OutputRef, OutputStatus]) -> bool:
        """Return True if further questions are of use after these outputs were found."""
        return self.judge(found)

    def used_up(self) -> AllowanceUsedUp:
        """Return the error for a payment that needs more questions."""
        questions, most = self._limits
        return AllowanceUsedUp(
            f"a payment may cost {questions} questions, or {most} where they find outputs of its"
            " payer's own, and this one needs more; outputs that were found are kept for a while"
        )

    def late(self) -> AllowanceLate:
        """Return the error for a payment whose answers take too long."""
        return AllowanceLate(f"there was no answer within {self._seconds:g} s")

    @contextmanager
    def sharing_time(self, parts: int) -> Iterator[None]:
        """Leave to the ``with`` block one of so many equal parts of the time that is left."""
        deadline = self.deadline
        self.deadline -= max(0.0, self.seconds_left) * (parts - 1) / parts
        try:
            yield
        finally:
            self.deadline = deadline


def _all_unspent(found: Mapping[OutputRef, OutputStatus]) -> bool:
    return all(isinstance(status, Unspent) for status in found.values())


_current: ContextVar[Allowance | None] = ContextVar("allowance", default=None)


def current_allowance() -> Allowance | None:
    """Return the allowance of the payment that the calling thread asks for, if there is one."""
    return _current.get()


class allowing:  # noqa: N801 -- a context manager; a generator would cost three times as much
    """Open the allowance for the ``with`` block; ``None`` asks there for the core itself."""

    def __init__(self, allowance: Allowance | None) -> None:
        """Take the allowance."""
        self._allowance = allowance

    def __enter__(self) -> None:
        """Open it."""
        self._token = _current.set(self._allowance)

    def __exit__(self, *_: object) -> None:
        """Go back to the one before."""
        _current.reset(self._token)


class spending(allowing):  # noqa: N801
    """Open the allowance for the ``with`` block, at whose end the wasted questions are charged."""

    def __init__(self, allowance: Allowance) -> None:
        """Take the allowance."""
        self._allowance = allowance
        self._end = allowance.end

    def __exit__(self, *_: object) -> None:
        """Go back to the one before, and charge."""
        _current.reset(self._token)
        self._end()
