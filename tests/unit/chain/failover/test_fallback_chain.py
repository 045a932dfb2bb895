"""Several providers as one: what is believed of whom, and what is not asked at all."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from types import SimpleNamespace
from typing import cast

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import Credential, Output, OutputRef
from facilitator.chain import stale_if_error
from facilitator.chain.chain_update import ChainUpdate
from facilitator.chain.failover import lookup_watch
from facilitator.chain.failover.circuit_breaker import FAILURES, MIN_COOLING_SECONDS
from facilitator.chain.failover.failover_chain import FailoverChain, build_failover_chain
from facilitator.chain.failover.provider_pool import IN_USE_SECONDS, STANDBY_SECONDS
from facilitator.chain.follower import Follower
from facilitator.roles.chain import (
    AwaitsBlocks,
    ChainProvider,
    EvaluatesScripts,
    ListsOutputs,
    NotFound,
    ReadsAssets,
    ReadsLedgerState,
    Spent,
    TransactionStatus,
    Unknown,
    Unspent,
)
from facilitator.roles.chain_errors import (
    ChainUnavailable,
    NotFoundSince,
    PointNotFound,
    SubmissionRejected,
    SubmissionUnknown,
)
from facilitator.roles.chain_spenders import FindsSpenders, SpentBy
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos
from facilitator.testing.running import NETWORK, NOW
from facilitator.testing.threads import together
from facilitator.testing.waiting import eventually
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN
from facilitator_devnet.wallet import pay
from support.paired import CountedDevnet


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def first(clock: ManualClock) -> Iterator[CountedDevnet]:
    with closing(CountedDevnet(NETWORK, clock)) as devnet:
        yield devnet


@pytest.fixture
def second(clock: ManualClock) -> Iterator[CountedDevnet]:
    with closing(CountedDevnet(NETWORK, clock)) as devnet:
        yield devnet


@pytest.fixture
def chain(first: CountedDevnet, second: CountedDevnet, clock: ManualClock) -> FailoverChain:
    return build_failover_chain([("first", first), ("second", second)], clock.time)


def payment(number: int = 0) -> bytes:
    utxo = dict(list(genesis_utxos(ALICE).items())[number : number + 1])
    ttl = KNOWN_ERAS[NETWORK].slot_at(int(NOW * 1000)) + 10_000
    return pay(ALICE, utxo, MERCHANT.address, 2_000_000, parameters=PARAMETERS, ttl=ttl)


def fails(call: Callable[[], object]) -> str:
    with pytest.raises(ChainUnavailable) as caught:
        call()
    return str(caught.value)


def test_what_all_of_them_say_is_told_by_name(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet
) -> None:
    first.fail_all()
    second.fail_all()
    why = "the devnet was asked to fail tip()"
    assert fails(chain.tip) == f"first: {why}; second: {why}"
    for _ in range(FAILURES):
        fails(chain.tip)
    told = f"not asked for now: {why}"
    assert fails(chain.tip) == f"first: {told}; second: {told}"


def test_a_provider_that_looks_no_outputs_up_is_told_of(
    first: CountedDevnet, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """All else that it answers makes it look well, while no payment gets a verdict."""
    caplog.set_level(logging.INFO)
    alone = build_failover_chain([("first", first)], clock.time)
    (check,) = alone.health_checks().values()
    first.faults.fail("outputs", lookup_watch.MANY)
    for _ in range(lookup_watch.MANY):
        check()
        alone.tip()
        fails(lambda: alone.outputs([]))
    assert fails(check) == "outputs cannot be looked up: the devnet was asked to fail outputs()"
    assert caplog.text.count(f"{NETWORK}: first fails to look outputs up: the devnet") == 1
    alone.outputs([])
    check()
    assert f"{NETWORK}: first looks outputs up again" in caplog.text


def test_look_ups_that_failed_long_ago_are_no_sign(
    first: CountedDevnet, clock: ManualClock
) -> None:
    alone = build_failover_chain([("first", first)], clock.time)
    (check,) = alone.health_checks().values()
    first.faults.fail("outputs", lookup_watch.MANY)
    for _ in range(lookup_watch.MANY):
        alone.tip()
        fails(lambda: alone.outputs([]))
    clock.advance(lookup_watch.RECENT_SECONDS)
    check()


def test_kept_answers_are_no_sign_of_life(
    chain: FailoverChain,
    first: CountedDevnet,
    second: CountedDevnet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A provider keeps its parameters: it can be down and still tell them."""
    monkeypatch.setattr(stale_if_error, "TTL_SECONDS", 0.0)
    first.faults.fail("outputs", 10**9)
    for _ in range(2 * FAILURES):
        chain.parameters()
        chain.eras()
        chain.outputs([])
    assert first.calls["outputs"] == FAILURES
    assert second.calls["parameters"] == FAILURES


def test_refusals_and_rollbacks_are_answers(chain: FailoverChain, second: CountedDevnet) -> None:
    tip = chain.tip().point
    for _ in range(2 * FAILURES):
        with pytest.raises(SubmissionRejected):
            chain.submit(b"junk")
        with pytest.raises(PointNotFound):
            chain.blocks_after(tip._replace(block="ab" * 32))
    assert second.calls == {}


def test_unknown_outcomes_are_passed_on_and_open_the_breaker(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet
) -> None:
    first.faults.lose_submissions(10**9)
    for _ in range(FAILURES):
        with pytest.raises(SubmissionUnknown):
            chain.submit(payment())
    assert second.calls == {}
    chain.submit(payment())
    assert second.calls["submit"] == 1


def test_nobodys_submission_is_the_trial(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet, clock: ManualClock
) -> None:
    first.fail_all()
    for _ in range(FAILURES):
        chain.outputs([])
    clock.advance(MIN_COOLING_SECONDS)
    chain.submit(payment())
    assert (first.calls["tip"], first.calls["submit"]) == (1, 0)
    assert second.calls["submit"] == 1


def test_a_trial_fails_while_the_tip_is_far_behind(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet, clock: ManualClock
) -> None:
    first.fail_all()
    for _ in range(FAILURES):
        chain.outputs([])
    for _ in range(4):
        clock.advance(STANDBY_SECONDS)
        second.produce_block()
        chain.outputs([])
    first.heal()
    asked = first.calls["outputs"]
    clock.advance(STANDBY_SECONDS)
    chain.outputs([])
    assert first.calls["outputs"] == asked
    first.produce_block()
    clock.advance(STANDBY_SECONDS)
    chain.outputs([])
    assert first.calls["outputs"] == asked + 1


def test_a_refusal_by_one_that_is_behind_decides_nothing(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet, clock: ManualClock
) -> None:
    """It may lack the block that made what is spent."""
    clock.advance(30)
    first.produce_block()
    chain.tip()
    first.faults.fail("submit", 2)
    told = fails(lambda: chain.submit(b"junk"))
    assert "second: refused it, but its tip is 31 slots behind first's: DecoderFailure" in told
    second.produce_block()
    clock.advance(IN_USE_SECONDS)
    with pytest.raises(SubmissionRejected, match="DecoderFailure"):
        chain.submit(b"junk")


def test_what_a_standby_that_is_behind_lacks_is_not_known(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet, clock: ManualClock
) -> None:
    assert isinstance(chain, ReadsLedgerState)
    account = StateQuery(accounts=frozenset({Credential(is_script=False, hash=b"\xab" * 28)}))
    there = next(iter(genesis_utxos(ALICE)))
    raw = payment()
    made = OutputRef(decode_transaction(raw).id, 0)
    first.submit(raw)
    clock.advance(20)
    first.produce_block()
    chain.blocks_after(second.tip().point)
    first.fail_all()
    status = chain.outputs([made, there])
    assert status[made] == Unknown(
        "second has no such output, but its tip is 21 slots behind first's"
    )
    assert isinstance(status[there], Unspent)
    assert "21 slots behind" in fails(lambda: chain.ledger_state(account))
    assert isinstance(chain, ReadsAssets)
    assert "21 slots behind" in fails(lambda: chain.asset(TEST_TOKEN))

    second.submit(raw)
    second.produce_block()
    clock.advance(IN_USE_SECONDS)
    status = chain.outputs([made, there])
    assert isinstance(status[made], Unspent)
    assert isinstance(status[there], Spent)
    assert chain.ledger_state(account) == second.ledger_state(account)
    assert chain.asset(TEST_TOKEN) == second.asset(TEST_TOKEN)


def test_the_first_is_used_again_once_it_has_caught_up(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet, clock: ManualClock
) -> None:
    point = chain.tip().point
    first.fail_all()
    for _ in range(FAILURES):
        chain.outputs([])
    clock.advance(20)
    second.produce_block()
    chain.blocks_after(point)
    first.heal()
    clock.advance(STANDBY_SECONDS)
    asked = first.calls["outputs"]
    chain.outputs([])
    assert first.calls["outputs"] == asked
    first.produce_block()
    clock.advance(STANDBY_SECONDS)
    chain.outputs([])
    assert first.calls["outputs"] == asked + 1


def test_a_point_beyond_the_tip_of_another_is_not_rolled_back(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet, clock: ManualClock
) -> None:
    clock.advance(40)
    first.produce_block()
    point = chain.tip().point
    first.fail_all()
    assert "second: its tip lags 41 slots" in fails(lambda: chain.blocks_after(point))
    for _ in range(2 * FAILURES):  # it lags, and is not down
        fails(lambda: chain.blocks_after(point))
    second.produce_block()
    assert chain.blocks_after(point) == []


def test_a_rollback_is_seen_once_the_other_chain_is_as_long(
    chain: FailoverChain, first: CountedDevnet, clock: ManualClock
) -> None:
    clock.advance(20)
    first.produce_block()
    point = chain.tip().point
    first.rollback(1)
    assert "lags" in fails(lambda: chain.blocks_after(point))
    first.produce_block()
    with pytest.raises(PointNotFound):
        chain.blocks_after(point)


def test_a_single_provider_tells_of_a_rollback_at_once(
    first: CountedDevnet, clock: ManualClock
) -> None:
    chain = build_failover_chain([("first", first)], clock.time)
    clock.advance(20)
    first.produce_block()
    point = chain.tip().point
    first.rollback(1)
    with pytest.raises(PointNotFound):
        chain.blocks_after(point)


def test_a_follower_sees_no_rollback_when_another_lags(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet, clock: ManualClock
) -> None:
    updates: list[ChainUpdate] = []
    faults: list[BaseException] = []
    with closing(Follower(chain, clock, faults.append)) as follower:
        follower.subscribe(updates.append)
        follower.follow()
        clock.advance(20)
        first.produce_block()
        eventually(lambda: follower.follow().height == 1)
        first.fail_all()
        eventually(lambda: follower.follow().height == 1 and second.calls["blocks_after"] > 0)
        second.produce_block()
        clock.advance(20)
        second.produce_block()
        eventually(lambda: follower.follow().height == 2)
    assert faults == []
    assert all(update.contiguous and update.rolled_back_to is None for update in updates)
    assert [block.height for update in updates for block in update.blocks] == [1, 2]


class FailsTogether(CountedDevnet):
    """Fails when 16 threads have asked."""

    meeting = threading.Barrier(16)

    def _check(self, method: str) -> None:
        self.meeting.wait()
        raise ChainUnavailable(f"no {method}")


class SlowToTell(CountedDevnet):
    """Takes its time for the tip."""

    def _check(self, method: str) -> None:
        super()._check(method)
        if method == "tip":
            time.sleep(0.1)


def test_many_threads_that_need_the_standby_look_at_it_once(clock: ManualClock) -> None:
    with closing(FailsTogether(NETWORK, clock)) as one, closing(SlowToTell(NETWORK, clock)) as slow:
        chain = build_failover_chain([("one", one), ("slow", slow)], clock.time)
        together([lambda: chain.outputs([])] * 16)
        assert slow.calls == {"tip": 1, "outputs": 16}


def test_how_often_health_checks_ask(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet, clock: ManualClock
) -> None:
    asked = []
    for pause in (0.0, IN_USE_SECONDS, STANDBY_SECONDS):
        clock.advance(pause)
        for check in [*chain.health_checks().values()] * 2:
            check()
        asked.append((first.calls["tip"], second.calls["tip"]))
    assert asked == [(1, 1), (2, 1), (3, 2)]


def test_a_standby_that_was_not_asked_lately_is_not_taken_to_lag(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet, clock: ManualClock
) -> None:
    clock.advance(100)
    checks = list(chain.health_checks().values())
    for check in checks:
        check()
    clock.advance(STANDBY_SECONDS - 1)
    first.produce_block()
    for check in checks:
        check()
    assert second.calls["tip"] == 1


def test_what_happens_to_a_standby_is_no_switch(
    chain: FailoverChain,
    second: CountedDevnet,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "facilitator.chain")
    second.fail_all()
    _, check = chain.health_checks().values()
    for _ in range(FAILURES + 1):
        fails(check)
    second.heal()
    clock.advance(MIN_COOLING_SECONDS)
    check()
    assert [record for record in caplog.records if record.name == "facilitator.chain"] == []


def test_the_first_is_believed_though_a_standby_is_ahead(
    chain: FailoverChain, second: CountedDevnet, clock: ManualClock
) -> None:
    chain.tip()
    clock.advance(20)
    second.produce_block()
    for check in chain.health_checks().values():
        check()
    never = OutputRef(b"\xab" * 32, 0)
    assert chain.outputs([never]) == {never: Spent()}
    with pytest.raises(SubmissionRejected):
        chain.submit(b"junk")


def test_a_single_provider_has_a_breaker_too(first: CountedDevnet, clock: ManualClock) -> None:
    chain = build_failover_chain([("first", first)], clock.time)
    first.faults.fail("outputs", FAILURES)
    for _ in range(FAILURES):
        fails(lambda: chain.outputs([]))
    assert fails(lambda: chain.outputs([])) == (
        "not asked for now: the devnet was asked to fail outputs()"
    )
    assert first.calls == {"outputs": FAILURES}
    clock.advance(MIN_COOLING_SECONDS)
    assert chain.outputs([]) == {}
    assert list(chain.health_checks()) == [NETWORK]


def test_a_lagging_standby_is_looked_at_again_soon(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet, clock: ManualClock
) -> None:
    second.produce_block()
    clock.advance(500)
    first.produce_block()
    chain.tip()
    first.fail_all()
    assert "slots behind first's" in fails(lambda: chain.outputs([]))
    second.produce_block()
    clock.advance(IN_USE_SECONDS)
    assert chain.outputs([]) == {}


class Broken(CountedDevnet):
    """Has a fault of its own, whose text is not fit to be shown."""

    def _check(self, method: str) -> None:
        raise OSError(f"cannot reach https://user:hunter2@node/{method}")


def test_a_fault_of_a_provider_is_not_covered_up_and_not_shown(
    second: CountedDevnet, clock: ManualClock
) -> None:
    with closing(Broken(NETWORK, clock)) as broken:
        chain = build_failover_chain([("broken", broken), ("second", second)], clock.time)
        for _ in range(FAILURES):
            with pytest.raises(OSError, match="hunter2"):
                chain.outputs([])
        assert chain.outputs([]) == {}
        second.fail_all()
        assert "broken: not asked for now: OSError; " in fails(lambda: chain.outputs([]))


class Evaluating(CountedDevnet):
    """Runs scripts, of which it cannot tell anything."""

    def evaluate(
        self, transaction: bytes, utxo: Mapping[OutputRef, Output]
    ) -> Sequence[ScriptFailure]:
        raise ChainUnavailable(f"cannot evaluate {len(transaction)} bytes, {len(utxo)} outputs")


def test_scripts_that_cannot_be_evaluated_close_nothing(clock: ManualClock) -> None:
    with closing(Evaluating(NETWORK, clock)) as one, closing(Evaluating(NETWORK, clock)) as other:
        chain = build_failover_chain([("one", one), ("other", other)], clock.time)
        assert isinstance(chain, EvaluatesScripts)
        for _ in range(2 * FAILURES):
            assert "one: cannot evaluate 3 bytes" in fails(lambda: chain.evaluate(b"tx!", {}))
        chain.outputs([])
        assert one.calls["outputs"] == 1


def bare(devnet: CountedDevnet) -> ChainProvider:
    """The provider without any optional capability."""
    names = methods(ChainProvider)
    return cast(ChainProvider, SimpleNamespace(**{name: getattr(devnet, name) for name in names}))


def methods(protocol: type) -> list[str]:
    return [name for name in vars(protocol) if not name.startswith("_")]


def test_optional_capabilities_are_those_of_any_but_blocks_are_awaited_by_all_or_none(
    first: CountedDevnet, second: CountedDevnet, clock: ManualClock
) -> None:
    with closing(Evaluating(NETWORK, clock)) as evaluating:
        both = build_failover_chain([("first", first), ("second", second)])
        mixed = build_failover_chain([("evaluating", evaluating), ("first", first)])
        none = build_failover_chain([("bare", bare(second)), ("first", first)])
        all_three = build_failover_chain([("evaluating", evaluating)])
    protocols = (AwaitsBlocks, ReadsLedgerState, EvaluatesScripts)
    assert [isinstance(both, each) for each in protocols] == [True, True, False]
    assert [isinstance(mixed, each) for each in protocols] == [True, True, True]
    assert [isinstance(none, each) for each in protocols] == [False, True, False]
    assert [isinstance(all_three, each) for each in protocols] == [True, True, True]


def test_what_one_cannot_do_is_asked_of_the_next(first: CountedDevnet, clock: ManualClock) -> None:
    """It is no failure of the first, and the next is believed though its tip may lag a little."""
    with closing(Evaluating(NETWORK, clock)) as able:
        chain = build_failover_chain([("bare", bare(first)), ("able", able)], clock.time)
        assert isinstance(chain, EvaluatesScripts)
        assert isinstance(chain, ReadsLedgerState)
        assert "able: cannot evaluate" in fails(lambda: chain.evaluate(b"tx!", {}))
        clock.advance(40)
        first.produce_block()
        chain.tip()
        account = Credential(is_script=False, hash=b"\xab" * 28)
        found = chain.ledger_state(StateQuery(accounts=frozenset({account})))
        assert found.accounts == {account: None}
        able.fail_all()
        assert "able: " in fails(lambda: chain.ledger_state(StateQuery(treasury=True)))
        assert chain.tip() == first.tip()


def test_facts_that_one_does_not_know_are_asked_of_the_next(
    first: CountedDevnet,
    second: CountedDevnet,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known, both = b"\x01" * 28, b"\x02" * 28
    asked: list[StateQuery] = []

    def answer(state: LedgerState) -> Callable[[StateQuery], LedgerState]:
        def ledger_state(query: StateQuery) -> LedgerState:
            asked.append(query)
            return state

        return ledger_state

    monkeypatch.setattr(first, "ledger_state", answer(LedgerState(pools={known: True})))
    monkeypatch.setattr(second, "ledger_state", answer(LedgerState({}, {both: False}, treasury=7)))
    chain = build_failover_chain([("first", first), ("second", second)], clock.time)
    assert isinstance(chain, ReadsLedgerState)
    pools = StateQuery(pools=frozenset({known}))
    assert chain.ledger_state(pools) == LedgerState(pools={known: True})
    assert asked == [pools]
    query = StateQuery(pools=frozenset({known, both}), treasury=True, committee=True)
    found = chain.ledger_state(query)
    assert found == LedgerState(pools={known: True, both: False}, treasury=7)
    assert asked[1:] == [
        query,
        StateQuery(frozenset(), frozenset({both}), treasury=True, committee=True),
    ]


def test_all_are_closed_even_when_one_fails_to(clock: ManualClock) -> None:
    class Sticky(CountedDevnet):
        def close(self) -> None:
            super().close()
            raise RuntimeError("sticks")

    one, other = CountedDevnet(NETWORK, clock), Sticky(NETWORK, clock)
    with pytest.raises(RuntimeError, match="sticks"):
        build_failover_chain([("one", one), ("other", other), ("again", one)]).close()
    for devnet in (one, other):
        assert fails(devnet.tip) == "the devnet is closed"


def test_a_provider_of_recent_blocks_has_the_next_one_say_if_older_ones_hold_it(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet
) -> None:
    """That is no failure, so the breaker stays closed."""

    def recent(transaction_id: str) -> TransactionStatus:  # noqa: ARG001
        raise NotFoundSince(7)

    first.transaction = recent  # type: ignore[method-assign]
    for _ in range(FAILURES + 1):
        assert chain.transaction("ab" * 32) == NotFound()
    assert not chain._pool.first.breaker.is_open
    second.close()
    with pytest.raises(NotFoundSince) as caught:
        chain.transaction("ab" * 32)
    assert caught.value.slot == 7


# --- Spenders -------------------------------------------------------------------------------------


def spent_on(*devnets: CountedDevnet) -> tuple[OutputRef, str]:
    """An output that a block of each of these spends, and the spender's id."""
    raw = payment()
    for devnet in devnets:
        devnet.submit(raw)
        devnet.produce_block()
    decoded = decode_transaction(raw)
    return decoded.body.inputs[0], decoded.id.hex()


def test_the_next_is_asked_who_spent_what_one_does_not_know(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet
) -> None:
    """One may have recent blocks alone, or have lost sight of the address."""
    assert isinstance(chain, FindsSpenders)
    ref, by = spent_on(first, second)
    first.faults.lag()
    found = chain.spender(ref)
    assert isinstance(found, SpentBy)
    assert found.transaction_id == by
    assert (first.calls["spender"], second.calls["spender"]) == (1, 1)
    first.faults.fail("spender")
    assert chain.spender(ref) == found


def test_nobody_s_knowledge_is_never_gone(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet
) -> None:
    assert isinstance(chain, FindsSpenders)
    ref, _ = spent_on(first, second)
    first.faults.lag()
    second.faults.lag()
    assert isinstance(chain.spender(ref), Unknown)
    first.faults.lag()
    second.faults.fail("spender")
    assert isinstance(chain.spender(ref), Unknown)
    first.faults.fail("spender")
    second.faults.fail("spender")
    assert "fail spender" in fails(lambda: chain.spender(ref))


def test_a_standby_that_is_behind_does_not_say_what_is_unspent(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet
) -> None:
    assert isinstance(chain, FindsSpenders)
    before = chain.tip().point
    ref, _ = spent_on(first)
    chain.blocks_after(before)
    assert isinstance(second.spender(ref), Unspent)
    first.faults.lag()
    assert isinstance(chain.spender(ref), Unknown)
    first.faults.fail("spender")
    assert "behind" in fails(lambda: chain.spender(ref))


def test_a_listing_is_that_of_one_that_is_up_and_not_behind(
    chain: FailoverChain, first: CountedDevnet, second: CountedDevnet
) -> None:
    assert isinstance(chain, ListsOutputs)
    before = chain.tip().point
    ref, _ = spent_on(first)
    chain.blocks_after(before)
    assert ref in second.outputs_at(ALICE.address)
    assert ref not in chain.outputs_at(ALICE.address)
    first.faults.fail("tip", 10**9)
    for _ in range(FAILURES):
        chain.tip()
    assert "behind" in fails(lambda: chain.outputs_at(ALICE.address))
