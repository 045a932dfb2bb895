"""The compiled bytes of the validator are those of its source."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from facilitator_channels import validator
from facilitator_channels.validator import BUILD, load_code

BUILD_SECONDS = 600


def test_its_source_compiles_to_its_bytes(tmp_path: Path) -> None:
    if find_spec("opshin") is None and not os.environ.get("CI"):
        pytest.skip("opshin is not installed")
    source = Path(validator.__file__).with_name("program.py")
    done = subprocess.run(
        [sys.executable, "-m", "opshin", "build", source, *BUILD, "-o", tmp_path],
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "script.cbor").read_text() == load_code().hex()
