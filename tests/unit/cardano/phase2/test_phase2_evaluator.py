"""Programs run by the in-process evaluator, where the evaluator that it builds on is corrected."""

import sys
from collections.abc import Sequence
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from facilitator.cardano.phase2.data import Constr, Data, Map, decode_data, encode_data
from facilitator.cardano.phase2.evaluator import FORECAST_SLOTS, InProcessEvaluator
from facilitator.cardano.rules.evaluation import CannotEvaluate
from facilitator.cardano.transaction import Language, Redeemer
from support.ledger_values import SLOT, plutus, transaction
from support.phase2 import ERAS, redeemer, resolved_with, runs_of, verdict
from support.plutus_programs import natural, program, script
from support.plutus_runs import ERROR, NAMES, UNIT, call, demands, outcome, run

EVALUATOR = InProcessEvaluator(ERAS)
V1, V3 = Language.PLUTUS_V1, Language.PLUTUS_V3
EQUALS_DATA, SERIALISE, EQUALS_BYTES, CONSTR_DATA = 47, 51, 15, 37
LIST_DATA, ECDSA, ED25519, CONS_BYTES, TRACE = 39, 52, 21, 11, 28


def data(value: Data) -> Any:
    return ("con", (8,), encode_data(value))


def said(
    term: Any, costs: Sequence[int] = (0,) * NAMES, budget: tuple[int, int] = (0, 0)
) -> str | None:
    """Why the V3 script fails, ``None`` if it does not."""
    return run(program(term), costs, budget)


def test_v3_scripts_succeed_by_returning_a_unit_and_by_nothing_else() -> None:
    assert said(("lam", UNIT)) is None
    assert "unit" in str(said(("lam", ("con", (0,), 1))))
    assert "unit" in str(said(("lam", ("lam", UNIT))))
    assert "error" in str(said(("lam", ERROR)))


def test_a_script_that_is_not_a_function_fails() -> None:
    assert "error" in str(said(UNIT))


def test_constr_and_case() -> None:
    both: Any = ("constr", 1, [UNIT, ERROR])
    assert "error" in str(said(("lam", both)))
    chosen: Any = ("case", ("constr", 1, [UNIT]), [ERROR, ("lam", ("var", 1))])
    assert said(("lam", chosen)) is None
    assert "error" in str(said(("lam", ("case", ("constr", 2, [UNIT]), [ERROR, ERROR]))))


def test_the_budget_is_the_limit() -> None:
    """A startup, an application, a lambda and two constants, at 7 each."""
    costs = (7,) * NAMES
    assert said(("lam", UNIT), costs, (35, 35)) is None
    assert "budget" in str(said(("lam", UNIT), costs, (34, 35)))
    assert "budget" in str(said(("lam", UNIT), costs, (35, 34)))


def test_what_a_script_used_and_traced_is_told() -> None:
    """A failing one's costs are those until it fails."""
    costs = (7,) * NAMES
    plain = outcome(program(("lam", UNIT)), costs, (100, 200))
    assert (plain.error, plain.memory, plain.steps, plain.traces) == (None, 35, 35, ())
    hello = ("con", (2,), b"hello")
    traced = outcome(program(("lam", call(TRACE, hello, ERROR, forces=1))), costs, (10**6, 10**6))
    assert (traced.error, traced.traces) == ("it ends in an error", ())
    traced = outcome(program(("lam", call(TRACE, hello, UNIT, forces=1))), costs, (10**6, 10**6))
    assert (traced.error, traced.traces) == (None, ("hello",))
    short = outcome(program(("lam", UNIT)), costs, (34, 200))
    assert "budget" in short.error
    assert short.memory > 34


def test_what_the_cost_model_does_not_price_exceeds_any_budget() -> None:
    compared = demands(call(EQUALS_DATA, data(1), data(1)))
    assert said(compared) is None
    assert "budget" in str(said(compared, (), (14_000_000, 10_000_000_000)))


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (Map(((1, 1), (2, 2))), Map(((1, 1), (2, 2))), True),
        (Map(((1, 1), (2, 2))), Map(((2, 2), (1, 1))), False),
        (Map(((1, 1), (1, 1))), Map(((1, 1),)), False),
        (Map(((1, 1), (1, 2))), Map(((1, 2),)), False),
        (Map(), (), False),
        (Constr(0, (1,)), Constr(0, (1,)), True),
        (Constr(0), Constr(1), False),
    ],
)
def test_maps_keep_order_and_equal_keys(one: Data, other: Data, *, equal: bool) -> None:
    assert (said(demands(call(EQUALS_DATA, data(one), data(other)))) is None) == equal


@pytest.mark.parametrize(
    "value", [(1, b"\1"), b"\1" * 64, b"\1" * 65, Map(((1, ()), (1, 2))), 2**64]
)
def test_serialise_data_is_the_ledgers(value: Data) -> None:
    raw: Any = ("con", (1,), encode_data(value))
    assert said(demands(call(EQUALS_BYTES, call(SERIALISE, data(value)), raw))) is None


@pytest.mark.parametrize("builtin", [LIST_DATA, CONSTR_DATA])
def test_only_lists_of_data_become_data(builtin: int) -> None:
    numbers: Any = ("con", (7, 5, 0), "0")
    items: Any = ("con", (7, 5, 8), "0")
    tag = [("con", (0,), 0)] if builtin == CONSTR_DATA else []
    for_data = demands(call(EQUALS_DATA, *[call(builtin, *tag, items)] * 2))
    for_numbers = demands(call(EQUALS_DATA, *[call(builtin, *tag, numbers)] * 2))
    assert said(for_data) is None
    assert "error" in str(said(for_numbers))


def test_signatures_are_verified() -> None:
    key, message = SigningKey(bytes(32)), b"message"
    signature = key.sign(message).signature
    raw: list[Any] = [("con", (1,), part) for part in (bytes(key.verify_key), message, signature)]
    assert said(demands(call(ED25519, *raw))) is None
    raw[1] = ("con", (1,), b"another")
    assert "error" in str(said(demands(call(ED25519, *raw))))


def test_bytes_wrap_before_v3_and_must_fit_in_it() -> None:
    """Compares ``consByteString 257 ""`` with the byte 1."""
    consed = call(CONS_BYTES, ("con", (0,), natural(2 * 257)), ("con", (1,), b""))
    compared = demands(call(EQUALS_BYTES, consed, ("con", (1,), b"\1")))
    assert "error" in str(said(compared))
    version_1 = run(program(compared).replace(b"\x01\x01\x00", b"\x01\x00\x00", 1), language=V1)
    assert version_1 is None


def test_functions_that_are_not_vouched_for_give_no_verdict() -> None:
    raw: Any = ("con", (1,), bytes(32))
    with pytest.raises(CannotEvaluate, match="VerifyEcdsa"):
        said(demands(call(ECDSA, raw, raw, raw)))


def test_free_variables_give_no_verdict() -> None:
    with pytest.raises(CannotEvaluate, match="free"):
        said(("lam", ("var", 2)))


def test_deep_programs_are_run() -> None:
    term = "0100" + "1" + "0011" + "0"
    forced_delays = "0101" + "0001"
    code = script("0010" + forced_delays * 5000 + term)
    assert run(code) is None


def test_a_program_that_does_not_end_is_given_up() -> None:
    """With all costs at zero, no budget ends it."""
    twice: Any = ("lam", ("apply", ("var", 1), ("var", 1)))
    code = program(("lam", ("apply", twice, twice)))
    with pytest.raises(CannotEvaluate, match="too long"):
        run(code, seconds=0)


plutus_data: st.SearchStrategy[Data] = st.recursive(
    st.integers(-(2**70), 2**70) | st.binary(max_size=130),
    lambda inner: (
        st.lists(inner, max_size=4).map(tuple)
        | st.lists(st.tuples(inner, inner), max_size=4).map(lambda pairs: Map(tuple(pairs)))
        | st.builds(Constr, st.integers(0, 2**64 - 1), st.lists(inner, max_size=4).map(tuple))
    ),
    max_leaves=10,
)


@given(plutus_data)
def test_data_that_is_encoded_is_read_back(value: Data) -> None:
    assert decode_data(encode_data(value)) == value


@pytest.mark.parametrize(
    ("tag", "encoded"),
    [
        (128, "d866821880"),
        (2**64 - 1, "d866821bffffffffffffffff"),
        (2**64, "d86682c249010000000000000000"),
        (-1, "d8668220"),
        (-(2**64) - 1, "d86682c349010000000000000000"),
        (2**519, "d86682c2584180" + "00" * 64),
    ],
)
def test_any_number_is_an_alternative_and_in_one_piece(tag: int, encoded: str) -> None:
    """As ``encodeData`` writes what nobody could decode; its longest numbers are in chunks."""
    assert encode_data(Constr(tag)).hex() == encoded + "80"
    assert encode_data(2**519).hex() == "c25f584080" + "00" * 63 + "4100ff"


def minting(code: bytes, *, is_valid: bool = True, **body: Any) -> Any:
    policy = plutus(V3, code)
    tx = transaction(
        is_valid=is_valid,
        witnesses={"scripts": {policy.hash: policy}, "redeemers": (redeemer(1, 0),)},
        **{"mint": {policy.hash: 1}, **body},
    )
    return resolved_with(tx)


GOOD, BAD = program(("lam", UNIT)), program(("lam", ERROR))


def accept_all(_resolved: object, _runs: object) -> list[Any]:
    return []


def test_without_an_evaluator_a_script_is_not_judged() -> None:
    failure = verdict(minting(GOOD), None)
    assert failure is not None
    assert failure.rule == "NotJudged"


def test_scripts_marked_as_failing_must_fail() -> None:
    failure = verdict(minting(GOOD, is_valid=False), accept_all)
    assert failure is not None
    assert failure.rule == "ValidationTagMismatch"


def test_without_the_extra_the_transaction_is_refused_naming_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("uplc", *(name for name in sys.modules if name.startswith("uplc."))):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("machine", "builtins", "costs", "decoder"):
        monkeypatch.delitem(sys.modules, f"facilitator.cardano.phase2.{name}", raising=False)
    failure = verdict(minting(GOOD), EVALUATOR)
    assert failure is not None
    assert failure.rule == "NotJudged"
    assert "[plutus] is not installed" in failure.message


def test_times_that_are_not_certain_give_no_verdict() -> None:
    resolved = minting(GOOD, invalid_hereafter=SLOT + FORECAST_SLOTS + 1)
    failure = verdict(resolved, EVALUATOR)
    assert failure is not None
    assert failure.rule == "NotJudged"
    assert f"slot {SLOT + FORECAST_SLOTS + 1}" in failure.message


def test_deeply_nested_data_gives_no_verdict() -> None:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    depth = 5000
    policy = plutus(V3, GOOD)
    nested = Redeemer(1, 0, b"\x81" * depth + b"\x00", 0, 0)
    tx = transaction(
        witnesses={"scripts": {policy.hash: policy}, "redeemers": (nested,)},
        mint={policy.hash: 1},
    )
    failure = verdict(resolved_with(tx), EVALUATOR)
    assert failure is not None
    assert "nested too deeply" in failure.message


def test_a_failing_script_is_named_by_purpose_and_index() -> None:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    failure = verdict(minting(BAD), EVALUATOR)
    assert failure is not None
    assert failure.rule == "ValidationTagMismatch"
    assert "minting 0: it needs more than its budget" in failure.message


def test_runs_carry_redeemer_and_budget() -> None:
    (run,) = runs_of(minting(GOOD))
    assert run.redeemer == Redeemer(1, 0, cbor2.dumps(0), 10**6, 10**9)
    assert run.datum is None
