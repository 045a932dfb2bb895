"""How the process keeps the memory that it has freed."""

import ctypes

_M_ARENA_MAX = -8  # malloc.h of glibc


def use_one_heap() -> None:
    """Have all threads share one heap of malloc; call it before there are threads.

    Else glibc has up to 8 for each core. A large request is read into one of them and the next into
    another, and each keeps what its greatest ones took: under a flood of wrong requests that is
    50 MB which nobody uses. One heap keeps 6, and as the interpreter runs one thread at a time,
    nobody waits for it. Without effect on other C libraries.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_ARENA_MAX, 1)
