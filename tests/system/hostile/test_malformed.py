"""A few thousand wrong requests; ``python -m hostile.run`` sends a million."""

import os
from pathlib import Path

import pytest

from hostile.run import ERRORS, run

REQUESTS = int(os.environ.get("FACILITATOR_TEST_HOSTILE", "2500"))

pytestmark = pytest.mark.skipif(not ERRORS.exists(), reason="needs a checkout: no docs/ here")


def test_wrong_requests_are_refused_and_leave_nothing_behind(tmp_path: Path) -> None:
    assert run(tmp_path, requests=REQUESTS, seed=7, slow=2, minutes=5, threads=64) == []
