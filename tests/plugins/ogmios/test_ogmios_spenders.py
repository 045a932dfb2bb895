"""Who spent an output, by the newest blocks: what is older is not known, and never gone."""

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import Block, InBlock, Point, Unknown, Unspent
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.chain_spenders import Spender, SpentBy
from facilitator.testing.chain_under_test import pay
from facilitator.testing.clock import ManualClock
from facilitator_ogmios.blocks import ReadBlock, show_point
from facilitator_ogmios.client import Client
from facilitator_ogmios.connection import Target
from facilitator_ogmios.index import Index
from facilitator_ogmios.spenders import find_spender
from support.ogmios import MAX_MESSAGE_BYTES, Error, OgmiosUnderTest, scripted, under_test

PARENT, POINT = Point(5, "aa" * 32), Point(7, "bb" * 32)
REF, OTHER = OutputRef(b"\x01" * 32, 0), OutputRef(b"\x02" * 32, 1)
NAME, SUB = "cd" * 32, "ef" * 32
ADDRESS = "addr_test1vzpwq95z3xyum8vqndgdd9mdnmafh3djcxnc6jemlgdmswcve6tkw"
NO_BYTES = {"language": "native", "json": {}}


def shown(ref: OutputRef) -> dict[str, Any]:
    return {"transaction": {"id": ref.transaction_id.hex()}, "index": ref.index}


def output(lovelace: int, **further: Any) -> dict[str, Any]:
    return {"address": ADDRESS, "value": {"ada": {"lovelace": lovelace}}, **further}


def forward(**transaction: Any) -> dict[str, Any]:
    row = {"id": NAME, "inputs": [shown(REF)], "outputs": [output(1), output(2)], **transaction}
    return {"direction": "forward", "block": {"transactions": [{"id": SUB}, row]}}


BACKWARD = {"direction": "backward", "point": show_point(PARENT)}


def spender(*events: Any, intersection: Any = None) -> Spender:
    """Ask a node that answers ``nextBlock`` in turn, with an index that has the spender."""
    index = Index(10)
    index.begin(PARENT)
    block = Block(POINT, 3, PARENT.block, (SUB, NAME), frozenset({REF}))
    assert index.append(ReadBlock(block, {REF: NAME}))
    left = list(events)

    def answer(method: str, params: Mapping[str, Any]) -> Any:
        if method == "findIntersection":
            assert params == {"points": [show_point(PARENT)]}
            return {"intersection": show_point(PARENT)} if intersection is None else intersection
        return left.pop(0)

    with scripted(answer) as server:
        target = Target(server.url, {}, MAX_MESSAGE_BYTES)
        with closing(Client(target, timeout=60, submit_timeout=60)) as client:
            return find_spender(client, index, REF)


def asked(chain: OgmiosUnderTest, ref: OutputRef) -> tuple[Spender, Mapping[str, int]]:
    """The answer, and what was asked for it; following asks for blocks meanwhile."""
    chain.api.counters.reset()
    found = chain.provider.spender(ref)
    counts = dict(chain.api.counts()["by_endpoint"])
    counts.pop("nextBlock", None)
    return found, counts


def test_a_block_is_asked_for_again_only_for_a_spender(chain: OgmiosUnderTest) -> None:
    ref, transaction_id = pay(chain)
    found, counts = asked(chain, ref)
    assert isinstance(found, SpentBy)
    assert counts == {"findIntersection": 1}
    found, counts = asked(chain, OutputRef(bytes.fromhex(transaction_id), 0))
    assert isinstance(found, Unspent)
    assert counts == {"queryLedgerState/utxo": 1}


def test_what_an_older_block_spent_is_not_known(clock: ManualClock) -> None:
    with under_test(clock, blocks=3) as chain:
        for _ in range(5):
            chain.make_block()
        ref, _ = pay(chain)
        assert isinstance(chain.provider.spender(ref), SpentBy)
        for _ in range(5):
            chain.make_block()
        assert isinstance(chain.provider.spender(ref), Unknown)


def test_the_transaction_is_read_out_of_its_block() -> None:
    found = spender(BACKWARD, forward())
    assert isinstance(found, SpentBy)
    assert (found.transaction_id, found.block) == (NAME, InBlock(POINT, 3))
    assert found.inputs == (REF,)
    name = bytes.fromhex(NAME)
    made = {ref: each.value.lovelace for ref, each in found.outputs}
    assert made == {OutputRef(name, 0): 1, OutputRef(name, 1): 2}


def test_failed_scripts_take_the_collateral() -> None:
    failed = {"spends": "collaterals", "inputs": [shown(OTHER)], "collaterals": [shown(REF)]}
    found = spender(BACKWARD, forward(**failed, collateralReturn=output(9)))
    assert isinstance(found, SpentBy)
    assert found.inputs == (REF,)
    ((made, returned),) = found.outputs
    assert (made.index, returned.value.lovelace) == (2, 9)
    without = spender(BACKWARD, forward(**failed))
    assert isinstance(without, SpentBy)
    assert without.outputs == ()


def test_sub_transactions_are_a_part_of_it() -> None:
    sub = {"id": SUB, "inputs": [shown(OTHER)], "outputs": [output(3)]}
    found = spender(BACKWARD, forward(subTransactions=[sub]))
    assert isinstance(found, SpentBy)
    assert found.inputs == (REF, OTHER)
    assert found.outputs[-1][0] == OutputRef(bytes.fromhex(SUB), 0)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: spender(intersection=Error(1000)),
        lambda: spender(BACKWARD, BACKWARD),
        lambda: spender(BACKWARD, forward(id="99" * 32)),
        lambda: spender(BACKWARD, forward(inputs=[shown(OTHER)])),
        lambda: spender(BACKWARD, {"direction": "forward", "block": {}}),
        lambda: spender(BACKWARD, forward(outputs=[output(1, script=NO_BYTES)])),
    ],
    ids=["fork", "rollback", "other block", "other inputs", "empty", "no bytes of a script"],
)
def test_what_the_node_does_not_show_is_not_known(ask: Callable[[], Spender]) -> None:
    assert isinstance(ask(), Unknown)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: spender(intersection=Error(-32_000)),
        lambda: spender(BACKWARD, forward(outputs=[{}])),
        lambda: spender(BACKWARD, {"direction": "forward"}),
    ],
)
def test_what_is_no_answer_is_an_error(ask: Callable[[], Spender]) -> None:
    with pytest.raises(ChainUnavailable):
        ask()
