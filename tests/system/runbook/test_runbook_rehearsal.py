"""The runbook carried out from top to bottom, by a shell, as it stands there.

Redis is a real one; Blockfrost is the devnet's API, for mainnet too. Ports are free ones.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from facilitator.clock import SystemClock
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from runbook.runbook_page import PAGE, after, steps
from support.redis_servers import RedisServer, free_port, needs_redis, running

pytestmark = [
    pytest.mark.skipif(not PAGE.exists(), reason="needs a checkout: no docs/ here"),
    pytest.mark.skipif(
        shutil.which("redis-cli") is None and "CI" not in os.environ,
        reason="needs redis-cli: install redis-tools",
    ),
    needs_redis,
]

DONE = "the step is done"


class Shell:
    """A shell in which one step is carried out after the other."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "-eu", "-o", "pipefail"],
            cwd=folder,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        # What it runs in the background has the same output, which would never end.
        threading.Thread(target=self._end_with_it, daemon=True).start()

    def _end_with_it(self) -> None:
        self._process.wait()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)

    def run(self, commands: str) -> str:
        """What the commands print; they fail as a script would."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{commands}\necho; echo '{DONE}'\n")
        stdin.flush()
        printed: list[str] = []
        for line in stdout:
            if line.strip() == DONE:
                return "".join(printed)
            printed.append(line)
        raise AssertionError(f"failed: {commands}\n{''.join(printed)}")

    def close(self) -> None:
        """End it, and what it still has running in the background."""
        stdin = self._process.stdin
        assert stdin is not None
        with suppress(BrokenPipeError):
            stdin.write("kill $(jobs -p) 2>/dev/null\n")
            stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def blockfrost() -> Iterator[BlockfrostApi]:
    with closing(Devnet("cardano:mainnet", SystemClock())) as devnet, BlockfrostApi(devnet) as api:
        devnet.produce_block()
        yield api


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running(tmp_path / "redis", "--requirepass", "YourPassword") as server:
        yield server


def test_the_runbook(tmp_path: Path, blockfrost: BlockfrostApi, redis: RedisServer) -> None:
    port = free_port()
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("FACILITATOR_")}
    environ = {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "FACILITATOR_SERVER__PORT": str(port),
        "FACILITATOR_BLOCKFROST__BASE_URL": f"{blockfrost.url}/api/v0",
    }

    def here(text: str) -> str:
        return text.replace(":3000", f":{port}").replace("6380", str(redis.port))

    folder = tmp_path / "machine"
    folder.mkdir()
    with closing(Shell(folder, environ)) as shell:
        for step in steps(PAGE.read_text()):
            if step.file is not None:
                (folder / step.file).write_text(here(step.content))
                continue
            printed = rest = shell.run(here(step.content))
            for expected in step.prints:
                found = after(rest, here(expected))
                assert found is not None, f"{step.content}\nshould print {expected}\n{printed}"
                rest = found
