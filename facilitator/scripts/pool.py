"""Evaluates Plutus scripts in a few processes, with a budget for each client.

A transaction costs its sender nothing until it is submitted, and its scripts may take seconds.
"""

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import cache
from hashlib import blake2b
from importlib.util import find_spec

from facilitator.cardano.phase2.evaluator import NOT_INSTALLED, check_forecast
from facilitator.cardano.rules.evaluation import (
    CannotEvaluate,
    Evaluator,
    ScriptFailure,
    ScriptRun,
)
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.slots import EraSummary
from facilitator.pauses import pausing
from facilitator.roles.refused import Refused
from facilitator.scripts.process import ProcessEnded, ScriptProcess
from facilitator.scripts.question import Answer, Question, encode_question
from facilitator.scripts.rotation import NoTurn, Rotation
from facilitator.scripts.time_budget import TimeBudget
from facilitator.settings import ScriptSettings
from facilitator.x402.reasons import Reason

_log = logging.getLogger("facilitator.scripts")

KEY_FACTOR = 10
"""A client with an API key has so many times the budget of one without."""
TURN_SECONDS = 10.0
"""Seconds that a call waits for a process."""
LEAST_SECONDS = 0.1
"""CPU seconds that a client must have left for its scripts to run at all."""
HELD_SECONDS = 2.0
"""Seconds for which a client without time is held before it is refused."""
MOST_HELD = 16
"""Calls of one client that are held at once."""
WARM_UP_SECONDS = 10.0
"""Seconds after the start at which the processes start."""
REMEMBERED = 1024
"""Verdicts that are remembered."""


class ScriptPool:
    """Processes that run scripts. Safe to use from many threads."""

    def __init__(self, settings: ScriptSettings) -> None:
        """Start nothing yet."""
        self._settings = settings
        self._processes = [ScriptProcess() for _ in range(settings.workers)]
        self._turns = Rotation(self._processes)
        self._budget = TimeBudget(self._seconds_of)
        self._held = Counter[str]()
        """Calls that are held for a while, by client."""
        self._closing = threading.Event()
        self._warm_up: threading.Timer | None = None
        self._lock = threading.Lock()
        self._verdicts: dict[bytes, Answer] = {}

    def start(self) -> None:
        """Start the processes soon, so that the first script need not wait for them.

        Not at once: to get ready takes them a second of CPU, which the first requests need more.
        """
        if _is_installed():
            self._warm_up = threading.Timer(WARM_UP_SECONDS, self._start_processes)
            self._warm_up.daemon = True
            self._warm_up.start()

    def _start_processes(self) -> None:
        with ExitStack() as taken, suppress(NoTurn):  # those at work were started
            for _ in self._processes:
                taken.enter_context(self._turns.taken_by("", 0)).start()

    def close(self) -> None:
        """End the processes."""
        self._closing.set()
        if self._warm_up is not None:
            self._warm_up.cancel()
            self._warm_up.join()
        for process in self._processes:
            process.close()

    def evaluator(self, eras: EraSummary, client: str) -> Evaluator:
        """Return an evaluator that runs scripts on behalf of the client."""

        def evaluate(
            resolved: ResolvedTransaction, runs: Sequence[ScriptRun]
        ) -> Sequence[ScriptFailure]:
            if not _is_installed():
                raise CannotEvaluate(NOT_INSTALLED)
            check_forecast(resolved)
            question = encode_question(Question(resolved, runs, eras))
            verdict = self._judge(question, client).verdict
            if isinstance(verdict, str):
                raise CannotEvaluate(verdict)
            return verdict

        return evaluate

    def _judge(self, question: bytes, client: str) -> Answer:
        digest = blake2b(question, digest_size=32).digest()
        known = self._known(digest, client)
        if known is not None:
            return known
        try:
            with self._turns.taken_by(client, TURN_SECONDS) as process:
                # Another call may have asked the same meanwhile.
                known = self._known(digest, client)
                return known or self._run(process, question, digest, client)
        except NoTurn:
            raise _not_now("other scripts are run first") from None

    def _known(self, digest: bytes, client: str) -> Answer | None:
        """Return the remembered verdict, if there is one.

        Unless it is for the payment it costs the client its time again: only an attack has a reason
        to repeat it.
        """
        known = self._verdicts.get(digest)
        if known is None or known.verdict:
            self._check_budget(client)
        if known is not None and known.verdict:
            self._budget.spend(client, known.cpu_seconds)
        return known

    def _check_budget(self, client: str) -> None:
        """Raise :class:`Refused` for a client whose time is used up, after a while.

        The while keeps it from asking again at once.
        """
        wait = self._budget.seconds_until(LEAST_SECONDS, client)
        if wait <= 0:
            return
        with self._lock:
            is_held = self._held[client] < MOST_HELD
            self._held[client] += is_held
        if is_held:
            with pausing():
                self._closing.wait(min(wait, HELD_SECONDS))
            with self._lock:
                self._held[client] -= 1
                if not self._held[client]:
                    del self._held[client]
        if wait > HELD_SECONDS or not is_held:
            raise _not_now("the scripts that the client had run lately took too long")

    def _run(self, process: ScriptProcess, question: bytes, digest: bytes, client: str) -> Answer:
        most = self._settings.verdict_seconds
        seconds = min(max(LEAST_SECONDS, self._budget.left(client)), most)
        try:
            answer = process.ask(question, seconds)
        except ProcessEnded:
            answer = Answer("the process that ran them ended", seconds, is_fault=True)
        if answer.is_fault:
            _log.error("Plutus scripts could not be run: %s", answer.verdict)
        self._budget.spend(client, answer.cpu_seconds)
        if answer.is_too_long and seconds < most:
            raise _not_now("the time that the client has left is too short for them")
        self._remember(digest, answer)
        return answer

    def _remember(self, digest: bytes, answer: Answer) -> None:
        with self._lock:
            self._verdicts[digest] = answer
            if len(self._verdicts) > REMEMBERED:
                del self._verdicts[next(iter(self._verdicts))]

    def _seconds_of(self, client: str) -> float:
        has_key = client.startswith("key:")
        return self._settings.client_seconds * (KEY_FACTOR if has_key else 1)


@cache
def _is_installed() -> bool:
    return find_spec("uplc") is not None


def _not_now(why: str) -> Refused:
    message = f"its Plutus scripts were not run: {why}; try again in a minute"
    return Refused(Reason.CHAIN_LOOKUP_FAILED, message)
