"""Marks of tests that need an extra of the package, which is not imported to be looked for."""

from importlib.util import find_spec

import pytest

needs_plutus = pytest.mark.skipif(
    find_spec("uplc") is None, reason="the extra [plutus] is not installed"
)
