"""All threads share one heap of malloc."""

import ctypes
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, sys, threading
from facilitator.server.malloc import use_one_heap

if sys.argv[1:]:
    use_one_heap()
hold, libc = threading.Barrier(9), ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p

def allocate():
    libc.malloc(50_000)
    hold.wait()

threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads:
    thread.start()
hold.wait()
sys.stdout.flush()
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


def heaps(*arguments: str) -> int:
    """How many a process with 8 threads has."""
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], check=True, capture_output=True, timeout=60
    ).stdout
    return told.count(b"<heap nr=")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="not glibc")
def test_threads_share_one_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    assert heaps() > 1
    assert heaps("shared") == 1
