"""The allowances under which payments are judged."""

from contextlib import AbstractContextManager, nullcontext

from facilitator.roles.allowance import Allowance, current_allowance, spending
from facilitator.settings import ChainSettings


class Allowances:
    """Opens an allowance for each verdict, by the settings."""

    def __init__(self, settings: ChainSettings) -> None:
        """Take the limits."""
        self._settings = settings

    def open(self, client: str) -> AbstractContextManager[None]:
        """Have the ``with`` block ask for one payment of the client, within the limits.

        A block inside another goes on with the allowance of the outer one.
        """
        if current_allowance() is not None:
            return nullcontext()
        return spending(self._new(client, self._settings.questions))

    def open_for_report(self, client: str) -> AbstractContextManager[None]:
        """Have the ``with`` block ask for all of the client's payment, good or bad, within limits.

        What that costs is charged to the client, as for a verdict.
        """
        allowance = self._new(client, self._settings.max_questions)
        allowance.judge = lambda _: True
        return spending(allowance)

    def _new(self, client: str, questions: int) -> Allowance:
        settings = self._settings
        return Allowance(
            client,
            questions=questions,
            most=max(settings.questions, settings.max_questions),
            seconds=settings.verdict_seconds,
        )
