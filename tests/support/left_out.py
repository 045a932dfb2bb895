"""What the options of pytest leave out."""

import pytest

LEFT_OUT = pytest.StashKey[list[pytest.Item]]()
"""The tests, in the stash of pytest's configuration."""
