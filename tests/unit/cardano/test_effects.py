"""What a transaction takes and makes, and what it does instead when its scripts fail."""

from dataclasses import replace

from facilitator.cardano.effects import consumed_by, produced_by
from facilitator.cardano.transaction import (
    Body,
    DijkstraFields,
    Output,
    OutputRef,
    Transaction,
    Value,
    Witnesses,
)

A, B, C = (OutputRef(bytes([number]) * 32, number) for number in (1, 2, 3))
ONE, TWO, RETURN = (Output(b"\x60" + bytes(28), Value(amount, {}), 0) for amount in (1, 2, 3))


def transaction(name: int, body: Body) -> Transaction:
    return Transaction(b"", bytes([name]) * 32, 0, body, Witnesses(), True, None)


BODY = Body(inputs=(A, B), outputs=(ONE, TWO), fee=0, collateral=(C,), collateral_return=RETURN)
PLAIN = transaction(9, BODY)


def test_a_transaction_takes_its_inputs_and_makes_its_outputs() -> None:
    assert consumed_by(PLAIN, succeeded=True) == (A, B)
    assert produced_by(PLAIN, succeeded=True) == (
        (OutputRef(PLAIN.id, 0), ONE),
        (OutputRef(PLAIN.id, 1), TWO),
    )


def test_failed_scripts_take_the_collateral_and_return_the_rest() -> None:
    assert consumed_by(PLAIN, succeeded=False) == (C,)
    assert produced_by(PLAIN, succeeded=False) == ((OutputRef(PLAIN.id, 2), RETURN),)
    without = replace(PLAIN, body=replace(BODY, collateral_return=None))
    assert produced_by(without, succeeded=False) == ()


def test_sub_transactions_are_a_part_of_it_unless_scripts_fail() -> None:
    sub = transaction(8, Body(inputs=(C,), outputs=(TWO,), fee=0))
    batch = replace(PLAIN, body=replace(BODY, dijkstra=DijkstraFields(subs=(sub,))))
    assert consumed_by(batch, succeeded=True) == (A, B, C)
    assert produced_by(batch, succeeded=True)[2:] == ((OutputRef(sub.id, 0), TWO),)
    assert consumed_by(batch, succeeded=False) == (C,)
    assert len(produced_by(batch, succeeded=False)) == 1
