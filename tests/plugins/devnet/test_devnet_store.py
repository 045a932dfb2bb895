"""A devnet with a file goes on where it ended, however it ended."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.clock import SystemClock
from facilitator.roles.chain import InBlock, InMempool, NotFound
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.testing.clock import ManualClock
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import TEST_TOKEN, wallets
from facilitator_devnet.wallet import Wallet

Payment = Callable[..., bytes]
PREPROD = "cardano:preprod"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "devnet.sqlite")


def test_a_restart_resumes_the_chain(path: str, clock: ManualClock, payment: Payment) -> None:
    devnet = Devnet(PREPROD, clock, path=path)
    genesis = devnet.tip().point
    granted = devnet.fund(Wallet("somebody").address, 5_000_000, {TEST_TOKEN: 7})
    gone = devnet.submit(payment(devnet, sender="carol"))
    devnet.produce_block()
    devnet.rollback(1, drop=True)
    for sender in ("alice", "bob"):
        devnet.submit(payment(devnet, sender=sender))
        devnet.produce_block()
    devnet.rollback(1)
    waiting = [devnet.submit(payment(devnet, sender="merchant")) for _ in range(2)]
    tip, blocks = devnet.tip(), devnet.blocks_after(genesis)
    held = {name: devnet.outputs_at(wallet.address) for name, wallet in wallets(PREPROD).items()}
    devnet.close()

    clock.advance(100)
    again = Devnet(PREPROD, clock, path=path)
    assert (again.tip(), again.blocks_after(genesis)) == (tip, blocks)
    for name, wallet in wallets(PREPROD).items():
        assert again.outputs_at(wallet.address) == held[name]
    assert list(again.outputs_at(Wallet("somebody").address)) == [granted]
    assert again.transaction(gone) == NotFound()
    assert {type(again.transaction(each)) for each in waiting} == {InMempool}
    assert again.fund(Wallet("somebody").address, 5_000_000, {TEST_TOKEN: 7}) != granted
    block = again.produce_block()
    assert block.parent == tip.point.block
    assert len(block.transactions) == 3
    assert block.transactions[1:] == tuple(waiting)
    again.rollback(2)
    assert again.tip().height == 0
    again.close()


def test_hashes_after_a_restart_differ_from_those_rolled_back(
    path: str, clock: ManualClock
) -> None:
    devnet = Devnet(PREPROD, clock, path=path)
    old = devnet.produce_block()
    devnet.rollback(1)
    devnet.close()
    devnet = Devnet(PREPROD, clock, path=path)
    new = devnet.produce_block()
    assert new.point.slot == old.point.slot
    assert new.point.block != old.point.block
    devnet.close()


def test_what_was_dropped_stays_dropped(path: str, clock: ManualClock, payment: Payment) -> None:
    devnet = Devnet(PREPROD, clock, path=path)
    dropped = devnet.submit(payment(devnet, valid_slots=10))
    clock.advance(11)
    kept = devnet.submit(payment(devnet, sender="bob"))
    tip = devnet.produce_block()
    assert tip.transactions == (kept,)
    devnet.close()
    devnet = Devnet(PREPROD, clock, path=path)
    assert devnet.transaction(dropped) == NotFound()
    assert devnet.transaction(kept) == InBlock(tip.point, tip.height)
    devnet.close()


def test_a_reset_is_kept(path: str, clock: ManualClock, payment: Payment) -> None:
    devnet = Devnet(PREPROD, clock, path=path)
    devnet.submit(payment(devnet))
    devnet.produce_block()
    clock.advance(50)
    devnet.reset()
    tip = devnet.tip()
    devnet.close()
    devnet = Devnet(PREPROD, clock, path=path)
    assert devnet.tip() == tip
    assert tip.height == 0
    devnet.close()


CHILD = """
import sys
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import wallets
from facilitator_devnet.wallet import InsufficientFundsError, pay
from facilitator.clock import SystemClock

devnet = Devnet("cardano:preprod", SystemClock(), block_seconds=0.005, path=sys.argv[1])
alice, bob = (wallets("cardano:preprod")[name] for name in ("alice", "bob"))
while True:
    tip = devnet.tip().point
    try:
        raw = pay(alice, devnet.outputs_at(alice.address), bob.address, 2_000_000,
                  parameters=devnet.parameters(), ttl=tip.slot + 1_000_000)
    except InsufficientFundsError:
        devnet.await_block(tip, 10)
    else:
        print(devnet.submit(raw), flush=True)
"""


def test_what_was_acknowledged_survives_sigkill(path: str) -> None:
    acknowledged: list[str] = []
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, path], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            acknowledged += [child.stdout.readline().strip() for _ in range(60)]
            child.send_signal(signal.SIGKILL)
            acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
        assert child.returncode == -signal.SIGKILL
        assert "" not in acknowledged

        devnet = Devnet(PREPROD, SystemClock(), path=path)
        found = {type(devnet.transaction(each)) for each in acknowledged}
        assert found <= {InBlock, InMempool}
        devnet.produce_block()
        assert {type(devnet.transaction(each)) for each in acknowledged} == {InBlock}
        devnet.close()


def test_only_one_at_a_time_may_use_a_file(path: str, clock: ManualClock) -> None:
    devnet = Devnet(PREPROD, clock, path=path)
    with pytest.raises(ChainUnavailable, match="only one process at a time"):
        Devnet(PREPROD, clock, path=path)
    devnet.close()


def test_a_file_belongs_to_one_network(path: str, clock: ManualClock) -> None:
    Devnet(PREPROD, clock, path=path).close()
    with pytest.raises(ChainUnavailable, match=r"holds a devnet for cardano:preprod.*{network}"):
        Devnet("cardano:preview", clock, path=path)
    Devnet(PREPROD, clock, path=path).close()


def test_other_files_are_left_alone(path: str, clock: ManualClock) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE shopping (item)")
    connection.close()
    with pytest.raises(ChainUnavailable, match="is not a devnet file"):
        Devnet(PREPROD, clock, path=path)
    Path(path).write_bytes(b"no database at all" * 100)
    with pytest.raises(ChainUnavailable, match="not a database"):
        Devnet(PREPROD, clock, path=path)
    with pytest.raises(ChainUnavailable, match="unable to open"):
        Devnet(PREPROD, clock, path=str(Path(path).parent / "nowhere" / "devnet.sqlite"))


def test_what_cannot_be_kept_is_not_taken(path: str, clock: ManualClock, payment: Payment) -> None:
    devnet = Devnet(PREPROD, clock, path=path)
    connection = devnet._store._connection  # type: ignore[attr-defined]
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    taken, refused = [], []
    for number in range(24):
        raw = payment(devnet, sender=("alice", "bob", "carol")[number % 3])
        try:
            taken.append(devnet.submit(raw))
        except ChainUnavailable as error:
            refused.append((decode_transaction(raw), str(error)))
    assert taken
    for transaction, reason in refused:
        assert "full" in reason
        assert devnet.transaction(transaction.id.hex()) == NotFound()
        sender = transaction.body.outputs[1].address
        assert transaction.body.inputs[0] in devnet.outputs_at(sender)
    assert refused
    devnet.close()
    again = Devnet(PREPROD, clock, path=path)
    assert again.produce_block().transactions == tuple(taken)
    again.close()


def test_nothing_can_be_loaded_into_a_file(path: str, clock: ManualClock) -> None:
    devnet = Devnet(PREPROD, clock, path=path)
    with pytest.raises(ValueError, match="in memory only"):
        devnet.load({})
    devnet.close()
