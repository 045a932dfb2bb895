"""The plugin as it is enabled by settings, and users that a Redis lets in."""

import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest

from facilitator.clock import SystemClock
from facilitator.errors import PluginError
from facilitator.plugin.context import Context
from facilitator.plugin.loading import configure
from facilitator.roles.storage import Storage
from support.redis_servers import RedisServer

PASSWORD = "hid/den@word"
QUOTED = "hid%2Fden%40word"
COMMANDS = (
    "+get +set +mget +del +zadd +zrem +zrange +zrangebyscore +zrangebylex +zscore +zlexcount"
    " +zremrangebyrank +hget +hset +hdel +lindex +llen +lpop +rpush +pexpire +time"
    " +xadd +xrange +xdel +xlen +eval +evalsha +ping +client|setname"
)
"""What a user must be allowed to do."""


def storage_of(folder: Path, **redis: str) -> Storage:
    environ: Mapping[str, str] = {
        "FACILITATOR_PLUGINS": "devnet,redis",
        **{f"FACILITATOR_REDIS__{key.upper()}": value for key, value in redis.items()},
    }
    settings, plugins = configure(environ=environ, cwd=folder)
    return plugins.one_storage(Context(settings, SystemClock()))


def refusal(folder: Path, url: str) -> str:
    """Return what stops the start; the password must be nowhere in it or in what led to it."""
    with pytest.raises(PluginError) as caught:
        storage_of(folder, url=url)
    shown = "".join(traceback.format_exception(caught.value))
    assert "hid" not in shown
    return str(caught.value)


def allow(server: RedisServer, *rules: str) -> str:
    """Return the URL of a user who may do this and nothing else."""
    answer = server.command("ACL", "SETUSER", "payments", "reset", "on", f">{PASSWORD}", *rules)
    assert answer == "+OK"
    return f"redis://payments:{QUOTED}@127.0.0.1:{server.port}"
