"""The systemd unit: as systemd wants it, and as closed as it can be."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from facilitator.server.workers.supervisor import GRACE_SECONDS
from facilitator.settings import ServerSettings

UNIT = Path(__file__).parents[3] / "examples/systemd/x402-facilitator.service"
EXPOSURE = 15
"""What systemd may find it exposed to, in tenths of 10; without any protection it is 96."""

pytestmark = pytest.mark.skipif(not UNIT.exists(), reason="needs a checkout: no examples/ here")


def service() -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return dict(parser["Service"])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
@pytest.mark.parametrize(
    "judge", [["verify"], ["security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}"]]
)
def test_systemd_has_nothing_to_say(tmp_path: Path, judge: list[str]) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(service()["ExecStart"].split()[0], "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", *judge, str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_it_waits_longer_than_the_facilitator_takes_to_stop() -> None:
    seconds = int(service()["TimeoutStopSec"].removesuffix("s"))
    assert seconds > ServerSettings().shutdown_seconds + GRACE_SECONDS


def test_it_is_told_by_notices_and_reloads_by_sighup() -> None:
    assert service()["Type"] == "notify"
    assert service()["ExecReload"] == "kill -HUP $MAINPID"
