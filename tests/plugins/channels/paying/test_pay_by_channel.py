"""``facilitator pay --channel`` buys from the example server, over HTTP and on a devnet."""

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE
from facilitator.testing.pytest_plugin import RunFacilitator
from facilitator.testing.running import NETWORK
from facilitator.testing.waiting import eventually
from facilitator_channels.client.channel import Status
from facilitator_channels.datum import Closed
from facilitator_channels.paying.book import Book
from facilitator_channels.paying.entry import Entry, entry_from_json
from facilitator_channels.paying.means import Means
from facilitator_channels.paying.withdrawing import Withdrawal, withdraw
from facilitator_devnet.devnet import Devnet
from support.channel_shop import ADDRESS, PRICE, ChannelShop, channel_shop

DEPOSIT = 5_000_000


@pytest.fixture
def shop(
    run_facilitator: RunFacilitator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[ChannelShop]:
    running = run_facilitator(
        plugins="devnet,memory,channels", real_time=True, devnet__block_seconds="0.1"
    )
    with channel_shop(running, tmp_path, monkeypatch, capfd) as shop:
        yield shop


def book(folder: Path) -> Path:
    (path,) = (folder / "state" / "facilitator" / "channels").glob("*.json")
    return path


def entry(folder: Path) -> Entry:
    """The record of the only channel."""
    (kept,) = json.loads(book(folder).read_text())["channels"]
    return entry_from_json(kept)


def held(shop: ChannelShop) -> int:
    outputs = shop.running.devnet.outputs_at(ALICE.address).values()
    return sum(output.value.lovelace for output in outputs)


def test_a_channel_from_its_opening_to_its_refund(shop: ChannelShop, tmp_path: Path) -> None:
    before = held(shop)
    told = shop.buy("--deposit", str(DEPOSIT))
    assert "opening a channel with 6.732620 ada by the transaction" in told
    assert "it ends 3600 seconds after its closing" in told
    assert told.endswith("200: paid 0.001000 ada; the channel can pay 4.999000 ada more\n")
    (channel,) = shop.channels()
    assert channel.output.value.lovelace == 6_732_620

    assert "the channel can pay 4.998000 ada more" in shop.buy()
    out, _ = shop.pay("--json")
    receipt = json.loads(out)["receipt"]
    assert receipt["extra"]["channelState"]["chargedCumulativeAmount"] == str(3 * PRICE)
    assert shop.channels() == [channel]
    record = entry(tmp_path)
    assert (record.channel.count, record.signed, record.deposit) == (3000, 3000, 6_732_620)
    assert record.server == shop.url.removesuffix("/forecast")
    assert stat.S_IMODE(book(tmp_path).stat().st_mode) == 0o600

    _, told = shop.pay("--refund", code=1)  # too little for an output of its own
    assert "claim what is owed first" in told
    assert f"facilitator channels withdraw {record.id}" in told
    shop.redeem()
    out, told = shop.pay("--refund")
    assert out == ""
    assert re.search(r"200: 6\.[0-9]{6} ada came back$", told)
    assert shop.channels() == []
    assert before - held(shop) < 1_500_000  # fees alone, and three pages
    _, told = shop.pay("--refund", code=1)
    assert told.endswith("CannotPay: this wallet has no open channel that pays for this page\n")


def test_a_channel_is_topped_up_when_it_runs_short(shop: ChannelShop, tmp_path: Path) -> None:
    shop.requirements["extra"] |= {"minDeposit": "1"}
    shop.buy("--deposit", str(2 * PRICE))
    shop.buy()
    (channel,) = shop.channels()
    told = shop.buy()
    assert "topping the channel up with 0.010000 ada" in told
    assert told.endswith("the channel can pay 0.009000 ada more\n")
    (after,) = shop.channels()
    assert after.output.value.lovelace == channel.output.value.lovelace + 10 * PRICE
    assert entry(tmp_path).deposit == after.output.value.lovelace
    shop.redeem()
    assert shop.buy().endswith("the channel can pay 0.008000 ada more\n")
    _, told = shop.pay("--deposit", "1", code=0)  # of no need now
    assert "paid 0.001000 ada" in told


def test_lost_records_are_found_again_on_the_chain(shop: ChannelShop, tmp_path: Path) -> None:
    for _ in range(3):
        shop.buy("--deposit", str(DEPOSIT))
    before = entry(tmp_path)
    book(tmp_path).unlink()
    told = shop.buy()
    assert f"the channel {before.id} is found on the chain" in told
    assert "the seller has charged 0.003000 ada in this channel" in told
    assert "opening" not in told
    after = entry(tmp_path)
    assert (after.id, after.channel.count, after.signed) == (before.id, 4000, 4000)
    assert after.channel.config == before.channel.config


def test_a_count_that_was_not_written_is_corrected(shop: ChannelShop, tmp_path: Path) -> None:
    """A crash after the answer left the record as it was before."""
    shop.buy("--deposit", str(DEPOSIT))
    kept = book(tmp_path).read_text()
    shop.buy()
    shop.buy()
    book(tmp_path).write_text(kept)
    assert "the seller has charged 0.003000 ada" in shop.buy()
    assert entry(tmp_path).channel.count == 4000


def test_an_opening_in_doubt_is_sent_again(
    shop: ChannelShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No second channel is opened, though the first answer never came."""
    monkeypatch.setattr("facilitator.client.presenting.PAUSE_SECONDS", 0)
    answer: Any = shop.server.app

    def fail(environ: Any, start: Any) -> Any:
        if "HTTP_PAYMENT_SIGNATURE" not in environ:
            return answer(environ, start)
        start("503 Service Unavailable", [])
        return [b""]

    shop.server.app = fail
    _, told = shop.pay("--deposit", str(DEPOSIT), code=1)
    assert told.splitlines()[-1] == "503"
    opening = entry(tmp_path)
    assert opening.channel.status is Status.OPENING
    assert shop.channels() == []
    shop.server.app = answer
    assert "the opening is in doubt: sending it again" in shop.buy()
    (channel,) = shop.channels()
    assert channel.constants.tag.hex() == opening.id
    assert entry(tmp_path).channel.status is Status.OPEN


REFUSED: tuple[tuple[list[str], dict[str, Any], str], ...] = (
    (["--max", "999"], {}, "1000 lovelace are more than --max 999"),
    ([], {}, "say with --deposit 3267380 that you put in so much"),
    (["--deposit", "999"], {}, "--deposit 999 does not pay for one page, which costs 1000"),
    ([], {"scriptHash": "ab" * 28}, "is not known: no channel is opened there"),
    ([], {"withdrawDelay": 10}, "the requirements are not those of a channel"),
    (["--wallet", "nobody"], {}, "no wallet 'nobody'"),
    (["--deposit", "99999999999"], {}, "no channel can be opened"),
    (["--refund"], {}, "this wallet has no open channel"),
)


def test_why_nothing_is_paid(shop: ChannelShop) -> None:
    offered = dict(shop.requirements["extra"])
    for words, changes, why in REFUSED:
        shop.requirements["extra"] = {**offered, **changes}
        out, told = shop.pay(*words, code=1)
        assert out == ""
        assert why in told.splitlines()[-1]
    assert shop.channels() == []


def test_what_is_in_a_channel_is_taken_back_without_the_seller(
    shop: ChannelShop, tmp_path: Path
) -> None:
    shop.buy("--deposit", str(DEPOSIT))
    name = entry(tmp_path).id
    listed = shop.channels_command("list")
    assert listed.splitlines() == [
        f"{name[:16]}  open          {shop.url.removesuffix('/forecast')}",
        f"{'':<16}  charged 0.001000 ada, can pay 4.999000 ada more",
    ]
    said = shop.channels_command("withdraw", name[:8])
    assert "the channel is closed once this has landed" in said
    eventually(lambda: not shop.channels()[0].is_opened)
    assert "CannotPay: the seller may redeem what it is owed until" in shop.channels_command(
        "withdraw", name, code=1
    )
    _, told = shop.pay("--refund", code=1)
    assert told.endswith("CannotPay: this wallet has no open channel that pays for this page\n")
    book(tmp_path).unlink()
    (row,) = json.loads(shop.channels_command("list", "--json"))
    assert (row["channelId"], row["status"]) == (name, "on the chain")
    (closed,) = shop.channels()
    assert isinstance(closed.datum.stage, Closed)
    clock = ManualClock(closed.datum.stage.elapse_at / 1000 + 1)
    assert withdraw_at(shop, tmp_path, name, clock).sentence == "all that is left is taken"


def withdraw_at(shop: ChannelShop, folder: Path, name: str, clock: ManualClock) -> Withdrawal:
    """Take the next step at that time, on a devnet that is there already."""
    later = Devnet(NETWORK, clock)
    later.load(shop.running.devnet.outputs_at(ADDRESS))
    means = Means(NETWORK, ALICE, later, clock)
    book = Book(folder / "later", NETWORK, means.payer)
    with book.locked(print):
        done = withdraw(book, means, name[:8], None)
    later.produce_block()
    assert later.outputs_at(ADDRESS) == {}
    return done
