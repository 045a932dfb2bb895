"""Serving imports no package under the GPL, though dependencies of dependencies install some."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

SERVE = """
import sys
from contextlib import closing
from pathlib import Path

from facilitator.testing.payments import Payer
from facilitator.testing.running import Running

settings = {"FACILITATOR_PLUGINS": "devnet,sqlite", "FACILITATOR_SQLITE__PATH": "facilitator.db"}
with closing(Running(Path(sys.argv[1]), settings=settings)) as running:
    assert Payer(running).pay()["success"]
    assert running.call("GET", "/health")[0] == 200
import facilitator.plugin, facilitator_blockfrost, facilitator_koios, facilitator_postgres
import facilitator_redis
under_gpl = {"ogmios", "frozenlist2"}
print(sorted(under_gpl & {name.partition(".")[0] for name in sys.modules}))
"""


def test_a_payment_is_served_without_them(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
