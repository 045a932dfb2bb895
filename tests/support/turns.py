"""A turn to work that shows when it is given up."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from facilitator.pauses import take_turns


class RecordedTurn:
    """A turn that says if its thread is in a pause. No pause begins within another."""

    def __init__(self) -> None:
        self.is_paused = False

    def pause(self) -> None:
        assert not self.is_paused
        self.is_paused = True

    def resume(self) -> None:
        assert self.is_paused
        self.is_paused = False


def pauses_of(work: Callable[[Callable[[], bool]], object]) -> Sequence[bool]:
    """Run ``work`` in a thread with a turn.

    It calls its argument where it looks if the thread is in a pause. Return what each look found.
    """
    turn, looks = RecordedTurn(), list[bool]()

    def look() -> bool:
        looks.append(turn.is_paused)
        return looks[-1]

    def run() -> None:
        take_turns(turn)
        work(look)
        assert not turn.is_paused

    with ThreadPoolExecutor(1, threading.current_thread().name) as thread:
        thread.submit(run).result()
    return looks
