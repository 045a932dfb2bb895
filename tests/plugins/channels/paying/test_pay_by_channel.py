"""``facilitator pay --channel`` buys from the example server, over HTTP and on a devnet."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from facilitator.plugin import CannotPay
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
from support.channel_shop import ADDRESS, PAGE, PRICE, ChannelShop, channel_shop, redeem_from

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


def test_the_receipt_is_printed_as_json(shop: ChannelShop) -> None:
    out, _ = shop.pay("--json", "--deposit", str(DEPOSIT))
    told = json.loads(out)
    (channel,) = shop.channels()
    assert told["transaction"] == channel.ref.transaction_id.hex()
    assert told["receipt"]["extra"]["channelState"]["chargedCumulativeAmount"] == str(PRICE)
    assert json.loads(told["body"]) == PAGE
    out, _ = shop.pay("--json")
    assert json.loads(out)["transaction"] is None


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
    assert shop.buy("--deposit", "1").endswith("the channel can pay 0.008000 ada more\n")


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


def test_a_channel_without_records_is_ended_after_a_claim(
    shop: ChannelShop, tmp_path: Path
) -> None:
    """The seller shows what is owed: what the chain calls redeemed could be a copy's word."""
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    shop.buy("--deposit", str(DEPOSIT))
    redeem_from(shop.seller.records, shop.running)
    book(tmp_path).unlink()
    _, told = shop.pay("--refund")
    assert "the seller has charged 0.001000 ada" in told
    assert "came back" in told
    assert shop.channels() == []


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


def test_the_devnet_of_the_command_itself_is_no_chain_for_channels(
    shop: ChannelShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACILITATOR_CHAIN__PROVIDERS", json.dumps({NETWORK: ["devnet"]}))
    _, told = shop.pay(code=1)
    assert "reach that through devnet.listen and the plugin blockfrost" in told


def test_a_second_payment_waits_for_the_first(tmp_path: Path) -> None:
    """Two processes that pay at once would open two channels."""
    said: list[str] = []
    first, second = (Book(tmp_path, NETWORK, bytes(28)) for _ in range(2))
    entered = Event()

    def pay() -> None:
        with second.locked(said.append):
            entered.set()

    with first.locked(said.append):
        thread = Thread(target=pay)
        thread.start()
        eventually(
            lambda: said == ["another payment from this wallet is under way: waiting for its end"]
        )
        assert not entered.is_set()
    thread.join()
    assert entered.is_set()


@pytest.mark.parametrize("content", ["{", "[]", '{"channels": [{}]}', '{"channels": [5]}'])
def test_records_that_cannot_be_read_stop_the_payment(tmp_path: Path, content: str) -> None:
    kept = Book(tmp_path, NETWORK, bytes(28))
    with kept.locked(print):
        kept.path.write_text(content)
        with pytest.raises(CannotPay, match="move the file away, and the channels are found"):
            kept.entries()


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
    # None is there while the mempool spends it.
    eventually(lambda: [each.is_opened for each in shop.channels()] == [False])
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
