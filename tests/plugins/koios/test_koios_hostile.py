"""Answers that no Koios gives: each is an error of the provider, never a crash, never a guess."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.state import StateQuery
from facilitator.cardano.transaction import Credential, OutputRef
from facilitator.plugin import ChainUnavailable, PointNotFound
from facilitator.roles.chain import InBlock, NotFound, Point, Spent, Tip, Unspent
from facilitator.testing.clock import ManualClock
from facilitator_koios.provider import Koios
from support.koios import NETWORK, under_test

JUNK: tuple[Any, ...] = (
    None, True, -1, 2**64, 1.5, float("1e300"), "", "zz", "-1", "9" * 30, "٣", [], [None], {},
    {"bytes": 7}, {"bytes": "ff"}, [{}], "ab" * 32,
)  # fmt: skip
"""In the place of each field, which is also left out once."""
ANSWERS: tuple[Any, ...] = (None, {}, [None], [[]], "text", 7, {"error": "no"})
"""In the place of each answer."""
ACCOUNT = Credential(is_script=False, hash=b"\xab" * 28)


class Replay:
    """A client that answers with rows, of one endpoint with others."""

    body_limit = None
    plan = None

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)

    def get(self, path: str, **_: object) -> Any:
        return self.answers[path]

    def ask(self, path: str, *_: object, **__: object) -> Any:
        return self.answers[path]

    def wait(self, seconds: float) -> None:
        """Go on at once."""


class Recorded:
    """Answers of the devnet's Koios, and what to ask for."""

    def __init__(self, clock: ManualClock) -> None:
        with under_test(clock) as chain:
            before = chain.provider.tip().point
            self.start, self.ref = before, chain.fund()
            self.paid = chain.provider.submit(chain.spend(self.ref))
            chain.make_block()
            client, unspent = chain.provider._client, OutputRef(bytes.fromhex(self.paid), 0)
            found = chain.provider.outputs([unspent])[unspent]
            assert isinstance(found, Unspent)
            self.unspent, self.address = unspent, found.output.address
            self.epoch = chain.devnet.parameters().epoch
            block = chain.provider.tip().point.block
            asked = {"_utxo_refs": [f"{self.paid}#0"], "_extended": True}
            self.answers: dict[str, Any] = {
                "/tip": client.get("/tip"),
                "/genesis": client.get("/genesis"),
                "/blocks": client.get("/blocks", order="abs_slot.asc"),
                "/block_tx_cbor": client.ask("/block_tx_cbor", {"_block_hashes": [block]}),
                "/tx_cbor": client.ask("/tx_cbor", {"_tx_hashes": [self.paid]}),
                "/tx_info": client.ask("/tx_info", {"_tx_hashes": [self.paid]}),
                "/epoch_params": client.get("/epoch_params", _epoch_no=self.epoch),
                "/utxo_info": client.ask("/utxo_info", asked),
                "/address_utxos": client.ask("/utxo_info", asked),
                "/account_info": [
                    {
                        "stake_address": format_address(b"\xe0" + ACCOUNT.hash),
                        "status": "registered",
                        "rewards_available": "5",
                        "deposit": "2000000",
                        "delegated_drep": None,
                    }
                ],
            }


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    return Recorded(ManualClock(1_790_000_000.0))


CALLS: Mapping[str, Callable[[Koios, Recorded], Any]] = {
    "/tip": lambda koios, _: koios.tip(),
    "/genesis": lambda koios, _: koios.network_magic(),
    "/blocks": lambda koios, it: koios.blocks_after(it.start),
    "/block_tx_cbor": lambda koios, it: koios.blocks_after(it.start),
    "/tx_info": lambda koios, it: koios.blocks_after(it.start),
    "/tx_cbor": lambda koios, it: koios.transaction(it.paid),
    "/epoch_params": lambda koios, _: koios.parameters(),
    "/utxo_info": lambda koios, it: koios.outputs([it.unspent]),
    "/address_utxos": lambda koios, it: koios.outputs_at(it.address),
    "/account_info": lambda koios, _: koios.ledger_state(StateQuery(accounts=frozenset({ACCOUNT}))),
}


def variants(answer: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    yield from ANSWERS
    last = answer[-1]
    for name in last:
        for junk in JUNK:
            yield [*answer[:-1], {**last, name: junk}]
        yield [*answer[:-1], {key: value for key, value in last.items() if key != name}]
    yield [*answer, *answer]


@pytest.mark.parametrize("path", CALLS)
def test_every_field_may_be_anything(recorded: Recorded, path: str) -> None:
    answers = dict(recorded.answers)
    if path == "/tx_info":
        answers["/block_tx_cbor"] = [{**row, "cbor": None} for row in answers["/block_tx_cbor"]]
    good = _outcome(path, recorded, answers)
    assert not isinstance(good, str)
    for variant in variants(answers[path]):
        outcome = _outcome(path, recorded, {**answers, path: variant})
        if isinstance(outcome, str):
            assert outcome == "unavailable"
        elif path == "/utxo_info":
            status = outcome[recorded.unspent]
            assert not isinstance(status, Unspent) or _says_unspent(variant)
        elif path == "/tx_cbor":
            assert isinstance(outcome, InBlock | NotFound)
        elif path == "/tip":
            assert isinstance(outcome, Tip)


def _says_unspent(variant: Any) -> bool:
    return bool(variant[0]["is_spent"] is False)


def _outcome(path: str, recorded: Recorded, answers: Mapping[str, Any]) -> Any:
    clock = ManualClock(1_790_000_000.0)
    koios = Koios(NETWORK, Replay(answers), clock, poll_seconds=1)  # type: ignore[arg-type]
    try:
        return CALLS[path](koios, recorded)
    except (ChainUnavailable, PointNotFound):
        return "unavailable"


def test_a_good_answer_is_read(recorded: Recorded) -> None:
    koios = Koios(NETWORK, Replay(recorded.answers), ManualClock(1.79e9), poll_seconds=1)  # type: ignore[arg-type]
    (block,) = koios.blocks_after(recorded.start)
    assert block.transactions == (recorded.paid,)
    assert block.spent == {recorded.ref}
    assert isinstance(koios.outputs([recorded.unspent])[recorded.unspent], Unspent)
    assert isinstance(block.point, Point)
    account = koios.ledger_state(StateQuery(accounts=frozenset({ACCOUNT}))).accounts[ACCOUNT]
    assert account is not None
    assert (account.deposit, account.reward) == (2_000_000, 5)


def test_an_output_that_another_row_calls_spent_is_spent(recorded: Recorded) -> None:
    rows = [{**row, "is_spent": True} for row in recorded.answers["/utxo_info"]]
    replay = Replay({**recorded.answers, "/utxo_info": rows})
    koios = Koios(NETWORK, replay, ManualClock(1.79e9), poll_seconds=1)  # type: ignore[arg-type]
    assert koios.outputs([recorded.unspent])[recorded.unspent] == Spent()
