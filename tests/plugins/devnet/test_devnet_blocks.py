"""How much goes into a block, and that what is looked up follows the chain."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import OutputRef, Value
from facilitator.clock import SystemClock
from facilitator.roles.chain import InMempool, Unspent
from facilitator.testing.clock import ManualClock
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import MAX_BLOCK_BODY_SIZE, wallets
from facilitator_devnet.index import Index, keys
from facilitator_devnet.wallet import InsufficientFundsError, Wallet, build, sign

Payment = Callable[..., bytes]
PREPROD = "cardano:preprod"
SPENDER = Wallet("spender")
OUTPUTS, FEE, FUNDS = 230, 1_000_000, 10_000_000_000
"""So many outputs make a transaction of some 9 kB."""


def chain_of_large_transactions(devnet: Devnet, count: int) -> list[bytes]:
    """Each spends the first output of the one before."""
    raws = []
    ref, held = devnet.fund(SPENDER.address, FUNDS), FUNDS
    for _ in range(count):
        held -= FEE + OUTPUTS * 1_000_000
        change = (SPENDER.address, Value(held, {}))
        small = (SPENDER.enterprise_address, Value(1_000_000, {}))
        body = build([ref], [change, *[small] * OUTPUTS], FEE, None)
        raws.append(sign(body, [SPENDER.payment_key]))
        ref = OutputRef(decode_transaction(raws[-1]).id, 0)
    return raws


@pytest.mark.parametrize("kept", [False, True])
def test_what_does_not_fit_in_a_block_waits_for_the_next(
    clock: ManualClock, tmp_path: Path, kept: bool
) -> None:
    path = str(tmp_path / "devnet.sqlite") if kept else None
    devnet = Devnet(PREPROD, clock, path=path)
    raws = chain_of_large_transactions(devnet, 20)
    names = [devnet.submit(raw) for raw in raws]
    fitting = MAX_BLOCK_BODY_SIZE // len(raws[0])
    assert fitting < 10
    assert devnet.produce_block().transactions == tuple(names[:fitting])
    assert {type(devnet.transaction(name)) for name in names[fitting:]} == {InMempool}
    if path is not None:
        devnet.close()
        devnet = Devnet(PREPROD, clock, path=path)
    assert devnet.produce_block().transactions == tuple(names[fitting : 2 * fitting])
    devnet.rollback(2)
    assert devnet.produce_block().transactions == tuple(names[:fitting])
    while left := devnet.produce_block().transactions:
        assert len(left) <= fitting
    assert all(not isinstance(devnet.transaction(name), InMempool) for name in names)
    devnet.close()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["pay", "give", "block", "undo", "drop"]), max_size=14))
def test_what_is_looked_up_follows_from_the_blocks_alone(
    payment: Payment, steps: list[str]
) -> None:
    """After any history, the index is the one that adding the blocks anew would give."""
    devnet = Devnet(PREPROD, ManualClock(1_790_000_000))
    for step in steps:
        if step == "pay":
            with suppress(InsufficientFundsError):
                devnet.submit(payment(devnet, valid_slots=1000))
        elif step == "give":
            devnet.fund(wallets(PREPROD)["alice"].address, 5_000_000)
        elif step == "block":
            devnet.produce_block()
        elif devnet.tip().height:
            devnet.rollback(1, drop=step == "drop")
    with devnet.chain() as chain:
        index, anew = chain.index, Index()
        for entry in sorted(index.entries.values(), key=lambda entry: entry.place):
            anew.add(entry.transaction, entry.place)
        assert index.consumers == anew.consumers
        assert index.mints == anew.mints
        outputs = [output for entry in index.entries.values() for output in entry.outputs.values()]
        for key in {key for output in outputs for key in keys(output)}:
            assert index.history(key) == anew.history(key)
            assert index.unspent(key) == anew.unspent(key)
        unspent = {ref for ref, found in chain.ledger.outputs.items() if isinstance(found, Unspent)}
        assert {ref for key in _addresses(index) for _, ref in index.unspent(key)} == unspent
    devnet.close()


def _addresses(index: Index) -> set[tuple[str, bytes]]:
    return {
        ("address", output.address)
        for entry in index.entries.values()
        for output in entry.outputs.values()
    }


def test_a_thousand_payments_get_through_in_a_few_blocks() -> None:
    devnet = Devnet(PREPROD, SystemClock())
    people = [Wallet(f"payer {number}") for number in range(1000)]
    names = set()
    for person in people:
        ref = devnet.fund(person.address, 10_000_000)
        change = (person.address, Value(7_800_000, {}))
        paid = (SPENDER.address, Value(2_000_000, {}))
        body = build([ref], [paid, change], 200_000, None)
        names.add(devnet.submit(sign(body, [person.payment_key])))
    blocks = []
    while block := devnet.produce_block().transactions:
        blocks.append(block)
    assert {name for block in blocks for name in block} == names
    assert len(blocks) == 4
    assert len(devnet.outputs_at(SPENDER.address)) == 1000
    devnet.close()
