"""Hostile bytes: no input takes over 50 ms of CPU or 64 MiB, or raises but the decoder's own error.

``FACILITATOR_TEST_FUZZ=1000000 pytest tests/unit/cardano/codec/test_fuzz.py`` tries so many
inputs instead of a few thousand; ``FACILITATOR_TEST_FUZZ_SEED`` chooses others. An input that
fails belongs into ``tests/data/fuzz``.
"""

import os
import time
from pathlib import Path

import pytest

from support import fuzz

pytestmark = pytest.mark.once

COUNT = int(os.environ.get("FACILITATOR_TEST_FUZZ", "6000"))
SEED = int(os.environ.get("FACILITATOR_TEST_FUZZ_SEED", "1"))


@pytest.fixture(scope="module")
def target() -> fuzz.Target:
    return fuzz.Target()


@pytest.mark.parametrize("path", sorted(fuzz.CORPUS.glob("*.cbor")), ids=lambda path: path.stem)
def test_the_kept_corpus(target: fuzz.Target, path: Path) -> None:
    raw = path.read_bytes()
    fuzz.lone_output(raw)
    assert fuzz.seconds_of(target, raw) < fuzz.MAX_SECONDS
    assert fuzz.memory_of(target, raw) < fuzz.MAX_MEMORY


def test_mutated_transactions(target: fuzz.Target) -> None:
    """The slowest and the largest are measured with care, the others only passed through."""
    decoded, slow = 0, []
    for raw in fuzz.mutated(COUNT, SEED):
        start = time.thread_time()
        try:
            decoded += target(raw)
            fuzz.lone_output(raw)
        except Exception as error:
            raise AssertionError(f"{raw.hex()} raised") from error
        if time.thread_time() - start > fuzz.MAX_SECONDS / 5:
            slow.append(raw)
    assert decoded > COUNT / 50
    for raw in slow:
        assert fuzz.seconds_of(target, raw) < fuzz.MAX_SECONDS, raw.hex()
        assert fuzz.memory_of(target, raw) < fuzz.MAX_MEMORY, raw.hex()
