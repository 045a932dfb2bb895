"""``python -m facilitator.scripts.worker FD [CORE...]``: runs scripts for another process."""

import gc
import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection

from facilitator.cardano.phase2.evaluator import load_machine, run_scripts
from facilitator.cardano.rules.evaluation import CannotEvaluate, ScriptFailure, TookTooLong
from facilitator.scripts.question import Answer, Question

MOST_BYTES = 2 * 1024**3
"""Address space of the process. Values beyond a script's memory budget may need more than that."""

_NICENESS = 10


def main() -> None:
    """Answer until the other end is closed."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the end of the other process ends this one
        signal.signal(number, signal.SIG_IGN)
    if cores := {int(core) for core in sys.argv[2:]}:
        os.sched_setaffinity(0, cores)  # the other process may keep to one of them
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.disable()  # until all is imported that lives as long as the process
    with suppress(CannotEvaluate):
        load_machine()
    gc.freeze()
    gc.enable()
    os.nice(_NICENESS)  # from now on: a payment may wait for the start
    with Connection(int(sys.argv[1])) as line, suppress(EOFError, OSError):
        line.send_bytes(b"ready")
        while True:
            seconds, question = pickle.loads(line.recv_bytes())  # noqa: S301 -- from its parent
            line.send_bytes(pickle.dumps(_answer(pickle.loads(question), seconds)))  # noqa: S301


def _answer(question: Question, seconds: float) -> Answer:
    began = time.process_time()
    is_too_long = is_fault = False
    verdict: Sequence[ScriptFailure] | str
    try:
        verdict = tuple(
            run_scripts(question.resolved, question.runs, question.eras, most_seconds=seconds)
        )
    except CannotEvaluate as error:
        verdict, is_too_long = str(error), isinstance(error, TookTooLong)
    except MemoryError:
        verdict = "they need too much memory"
    except Exception as error:
        verdict, is_fault = f"the evaluator fails with {type(error).__name__}", True
    return Answer(verdict, time.process_time() - began, is_too_long, is_fault)


if __name__ == "__main__":
    main()
