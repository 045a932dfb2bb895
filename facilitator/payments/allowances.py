"""The allowances under which payments are judged."""

from collections.abc import Iterator
from contextlib import contextmanager

from facilitator.roles.allowance import Allowance, allowing, current_allowance
from facilitator.settings import ChainSettings


class Allowances:
    """Opens an allowance for each verdict, by the settings."""

    def __init__(self, settings: ChainSettings) -> None:
        """Take the limits."""
        self._settings = settings

    @contextmanager
    def open(self, client: str) -> Iterator[None]:
        """Have the ``with`` block ask for one payment of the client, within the limits.

        A block inside another goes on with the allowance of the outer one.
        """
        if current_allowance() is not None:
            yield
            return
        with _opened(self._new(client, self._settings.questions)):
            yield

    @contextmanager
    def open_for_report(self) -> Iterator[None]:
        """Have the ``with`` block ask for all of a payment that the limits allow, good or bad."""
        allowance = self._new("", self._settings.max_questions)
        allowance.judge = lambda _: True
        with _opened(allowance):
            yield

    def _new(self, client: str, questions: int) -> Allowance:
        settings = self._settings
        return Allowance(
            client,
            questions=questions,
            most=max(settings.questions, settings.max_questions),
            seconds=settings.verdict_seconds,
        )


@contextmanager
def _opened(allowance: Allowance) -> Iterator[None]:
    try:
        with allowing(allowance):
            yield
    finally:
        allowance.end()
