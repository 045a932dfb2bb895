"""Facilitators in processes of their own, for crowds of callers."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.process import SERVE
from waiting.crowd import LONGEST, Facilitator, Start, many_files


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a facilitator: ``start(server__threads=8)`` overrides settings."""
    with ExitStack() as stack:
        stack.enter_context(many_files())

        def started(*, program: Sequence[str] = SERVE, **settings: object) -> Facilitator:
            settings = {"settlement__wait_seconds": LONGEST, **settings}
            facilitator = Facilitator(tmp_path, program, **settings)
            stack.callback(facilitator.process.close)
            return facilitator

        yield started
