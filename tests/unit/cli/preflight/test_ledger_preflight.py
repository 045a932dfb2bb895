"""What ``facilitator check`` says of the payment ledger."""

from contextlib import closing
from pathlib import Path

import pytest

from facilitator.cli.preflight.ledger import try_ledger
from facilitator.clock import SystemClock
from facilitator.plugin.context import Context
from facilitator.plugin.loading import configure
from facilitator.testing.redis_server import free_port, needs_redis, running

HERE = {"SQLITE__STORAGE": "false"}
AWAY = {"POSTGRES__STORAGE": "false", "POSTGRES__URL": f"postgresql://127.0.0.1:{free_port()}/x"}


def tried(folder: Path, plugins: str, **variables: str) -> tuple[str, str]:
    """The status and the detail."""
    environ = {
        "FACILITATOR_PLUGINS": f"devnet,{plugins}",
        **{f"FACILITATOR_{name}": value for name, value in variables.items()},
    }
    settings, enabled = configure(environ=environ, cwd=folder)
    context = Context(settings, SystemClock(), is_trial=True)
    with closing(enabled.one_storage(context)) as storage:
        (result,) = try_ledger(enabled, context, storage)
    return result.status, result.detail


@pytest.mark.parametrize("plugin", ["memory", "sqlite"])
def test_a_storage_keeps_its_own(tmp_path: Path, plugin: str) -> None:
    assert tried(tmp_path, plugin) == ("ok", "kept by the storage")


@needs_redis
def test_redis_needs_another_plugin(tmp_path: Path) -> None:
    with running(tmp_path / "redis") as server:
        url = {"REDIS__URL": server.url}
        status, detail = tried(tmp_path, "redis", **url)
        assert (status, detail.split(":")[0]) == ("warning", "there is none")
        assert tried(tmp_path, "redis,sqlite", **HERE, **url) == ("ok", "kept elsewhere")
        status, detail = tried(tmp_path, "redis,postgres", **AWAY, **url)
        assert (status, detail.split(":")[0]) == ("failed", "the payment ledger cannot start")
