"""The facilitator runs the watcher: other plugins, ``/health`` and metrics learn of a close."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from facilitator.errors import FacilitatorError
from facilitator.testing.running import NETWORK, NOW, Running
from facilitator.testing.waiting import eventually
from facilitator_channels.datum import Closed, Opened
from facilitator_channels.seller.notices import NoticeKind
from facilitator_channels.seller.record import KeptNotice
from facilitator_channels.seller.store import Records
from facilitator_channels.seller.stores.opening import open_store
from facilitator_channels.seller.stores.sqlite import SqliteStore
from facilitator_channels.values import ChannelView
from support.channel_model import PERIOD_MS, ModelChain, channel_output
from support.channel_records import record

LISTENER = """
import json
from pathlib import Path
from facilitator.plugin import hookimpl

@hookimpl(optionalhook=True)
def channels_watcher_notice(notice):
    told = Path(__file__).parent / "told"
    is_first = not told.exists()
    with told.open("a") as file:
        file.write(json.dumps(notice) + "\\n")
    if is_first:
        raise ValueError("it is called again")
"""
ELAPSE_AT = int(NOW * 1000) + PERIOD_MS
CHECK = f"channels of {NETWORK}"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    (tmp_path / "listener.py").write_text(LISTENER)
    with ExitStack() as stack:

        def start(store: str = f"sqlite://{tmp_path}/channels.db") -> Running:
            settings = {
                "FACILITATOR_PLUGINS": "devnet,memory,prometheus,channels_watcher,./listener.py",
                "FACILITATOR_CHANNELS_WATCHER__STORE": store,
                "FACILITATOR_CHANNELS_WATCHER__INTERVAL_SECONDS": "1",
            }
            running = Running(tmp_path, settings=settings)
            stack.callback(running.close)
            return running

        yield start


def told(folder: Path) -> list[dict[str, Any]]:
    path = folder / "told"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def health(running: Running) -> dict[str, Any]:
    _, answer = running.call("GET", "/health")
    return dict(answer)


def test_a_close_is_told_to_other_plugins_and_shown(
    run: Callable[..., Running], tmp_path: Path
) -> None:
    made = ModelChain().make([], [channel_output(1), channel_output(1, Closed(0, ELAPSE_AT))])
    with closing(SqliteStore(str(tmp_path / "channels.db"))) as store:
        kept = record(1, str(made.ref(0)))
        kept = replace(kept, view=replace(kept.view, seen_at=0))
        Records(store).change(kept.channel_id, lambda _: (kept, None))
        running = run()
        running.devnet.load({made.ref(0): channel_output(1, Opened(0))})

        def is_seen() -> bool:
            running.clock.advance(1)  # type: ignore[union-attr]  # it has one
            found = Records(store).read(kept.channel_id)
            return found is not None and found.view.seen_at > 0

        eventually(is_seen)
        assert health(running)["dependencies"][CHECK]["status"] == "up"

        seen = Records(store).read(kept.channel_id)
        assert seen is not None
        closed = ChannelView(str(made.ref(1)), 5_000_000, 0, ELAPSE_AT // 1000 - 900, 0)
        running.devnet.load({made.ref(1): channel_output(1, Closed(0, ELAPSE_AT))})
        kept = replace(seen, view=closed, notices=(KeptNotice(NoticeKind.CLOSED, 1),))
        Records(store).change(kept.channel_id, lambda _: (kept, None))
    running.close()

    again = run()

    def is_told_again() -> bool:
        again.clock.advance(1)  # type: ignore[union-attr]  # it has one
        return len(told(tmp_path)) > 1

    eventually(is_told_again)
    first, notice = told(tmp_path)
    assert first == notice
    assert (notice["type"], notice["channelRef"]) == ("channel.closed", str(made.ref(1)))
    assert notice["unredeemed"] == "700"
    again.clock.advance(PERIOD_MS / 1000 - 100)  # type: ignore[union-attr]

    def is_due() -> bool:
        check = health(again)["dependencies"][CHECK]
        return (
            check["status"] == "down" and "closed channels that are not settled" in check["error"]
        )

    eventually(is_due)
    assert again.call("GET", "/health/ready")[0] == 200  # no payment depends on it


@pytest.mark.parametrize(
    ("store", "why"),
    [
        ("", "must be set"),
        ("sqlite://", "must name a file"),
        ("sqlite://host/file", "must name a file"),
        ("/srv/channels.db", "must begin with"),
        ("redis://127.0.0.1:1/0", "records of channels cannot be used"),
    ],
)
def test_without_a_store_there_is_no_start(
    run: Callable[..., Running], store: str, why: str
) -> None:
    with pytest.raises(FacilitatorError, match=why):
        run(store)


@pytest.mark.parametrize("url", ["ftp://host/file", "channels.db", ""])
def test_a_store_has_an_address(url: str) -> None:
    with pytest.raises(ValueError, match="must begin with"):
        open_store(url)
