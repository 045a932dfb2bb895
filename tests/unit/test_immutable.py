"""Values of which no field may be set again."""

import subprocess
import sys
from dataclasses import replace

import pytest

from facilitator.roles.payment import Origin

SET_A_FIELD = "from facilitator.roles.payment import Origin; Origin().client = 'another'"


def test_a_value_is_its_fields() -> None:
    one, other = Origin("key:shop", size=40), Origin("key:shop", size=40)
    assert one == other
    assert replace(one, size=41) != one
    assert not hasattr(one, "__dict__")


@pytest.mark.once
def test_python_refuses_to_set_a_field_in_development_mode() -> None:
    command = [sys.executable, "-X", "dev", "-c", SET_A_FIELD]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "FrozenInstanceError: cannot assign to field 'client'" in done.stderr
