"""The C library's allocator: how much freed memory the process keeps."""

import ctypes

_M_ARENA_MAX = -8  # malloc.h of glibc


def use_one_heap() -> None:
    """Have all threads share one heap of malloc; call it before there are threads.

    Otherwise glibc has up to 8 heaps for each core. Each large request is read into another one,
    and each heap keeps the memory of its greatest requests: after a flood of wrong requests that is
    50 MB of unused memory. One heap keeps 6. The interpreter runs one thread at a time, so no
    thread waits for it. Has no effect on other C libraries.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_ARENA_MAX, 1)
