"""Keeps a process to one core, since its threads take turns at one interpreter.

Where they may use several, each call of the system by one of them has another begin on another
core, and the first must wait when it comes back.
"""

import os


def keep_to_one_core(index: int) -> None:
    """Let this thread, and those that it starts from now on, run on one of the allowed cores only.

    ``index`` is that of this process among those that serve: they get the cores in rotation.
    """
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[index % len(cores)]})
