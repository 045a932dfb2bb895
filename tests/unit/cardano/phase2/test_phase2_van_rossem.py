"""What protocol version 11 changed in how programs run, next to how they run before it."""

from typing import Any

import pytest

from facilitator.cardano.rules.evaluation import CannotEvaluate
from facilitator.cardano.transaction import Language
from support.plutus_programs import natural, program
from support.plutus_runs import ERROR, NAMES, UNIT, call, demands, run

V1, V2, V3 = Language.PLUTUS_V1, Language.PLUTUS_V2, Language.PLUTUS_V3
ADD, SUBTRACT, MULTIPLY, EQUALS_INTEGER, APPEND, SLICE, EQUALS_BYTES = 0, 1, 2, 7, 10, 12, 15
EQUALS_STRING, CONSTR_DATA, SERIALISE, TO_BYTES, TO_INTEGER = 23, 37, 51, 73, 74
WRITE_BITS, REPLICATE, SHIFT, ROTATE = 80, 81, 82, 83


def zigzag(number: int) -> int:
    return 2 * number if number >= 0 else -2 * number - 1


def integer(number: int) -> Any:
    return ("con", (0,), zigzag(number))


def raw(value: bytes) -> Any:
    return ("con", (1,), value)


def does(term: Any, protocol: int, **rest: Any) -> str | None:
    """Why a script that works the term out and forgets it fails."""
    return run(program(("lam", ("apply", ("lam", UNIT), term))), protocol=protocol, **rest)


@pytest.mark.parametrize("protocol", [10, 11])
@pytest.mark.parametrize(("number", "fits"), [(2**63 - 1, True), (-(2**63), True), (2**63, False)])
def test_bytes_are_sliced_by_numbers_of_64_bits(protocol: int, number: int, *, fits: bool) -> None:
    for bounds in ((0, number), (number, 1)):
        sliced = call(SLICE, *map(integer, bounds), raw(b"ab"))
        assert (does(sliced, protocol) is None) == fits


@pytest.mark.parametrize("builtin", [SHIFT, ROTATE])
def test_bytes_are_moved_by_any_number_and_later_by_64_bits(builtin: int) -> None:
    for number, fits in ((2**63 - 1, True), (-(2**63), True), (2**63, False), (-(2**99), False)):
        moved = call(builtin, raw(b"ab"), integer(number))
        assert does(moved, 10) is None
        assert (does(moved, 11) is None) == fits


@pytest.mark.parametrize(
    ("value", "by", "shifted"),
    [
        (b"\x81\x01", 1, b"\x02\x02"),
        (b"\x81\x01", -1, b"\x40\x80"),
        (b"\x81\x01", 15, b"\x80\x00"),
        (b"\x81\x01", 16, bytes(2)),
        (b"\x81\x01", -16, bytes(2)),
        (b"\x81\x01", 2**70, bytes(2)),
        (b"\x81\x01", 0, b"\x81\x01"),
        (b"", 3, b""),
    ],
)
def test_shifting(value: bytes, by: int, shifted: bytes) -> None:
    compared = call(EQUALS_BYTES, call(SHIFT, raw(value), integer(by)), raw(shifted))
    assert run(program(demands(compared))) is None


def test_alternatives_of_constructors_are_of_64_bits_later() -> None:
    for tag, fits in ((2**64 - 1, True), (2**64, False), (-1, False)):
        made = call(CONSTR_DATA, integer(tag), ("con", (7, 5, 8), "0"))
        assert does(call(SERIALISE, made), 10) is None
        assert (does(made, 11) is None) == fits


ONE, TWO = natural(zigzag(1)), natural(zigzag(2))
PAIR: Any = ("con", (7, 7, 6, 0, 0), ONE + TWO)
NUMBERS: Any = ("con", (7, 5, 0), f"1{ONE}0")
EMPTY: Any = ("con", (7, 5, 0), "0")
FALSE, TRUE = (("con", (4,), bit) for bit in "01")
USES_BOTH: Any = ("lam", ("lam", UNIT))


@pytest.mark.parametrize(
    ("scrutinee", "branches", "is_good"),
    [
        (UNIT, [UNIT], True),
        (UNIT, [UNIT, UNIT], False),
        (FALSE, [UNIT], True),
        (FALSE, [UNIT, ERROR], True),
        (TRUE, [ERROR, UNIT], True),
        (TRUE, [UNIT], False),
        (FALSE, [UNIT, UNIT, UNIT], False),
        (integer(2), [ERROR, ERROR, UNIT], True),
        (integer(3), [UNIT, UNIT, UNIT], False),
        (integer(-1), [UNIT], False),
        (PAIR, [USES_BOTH], True),
        (PAIR, [USES_BOTH, USES_BOTH], False),
        (NUMBERS, [USES_BOTH], True),
        (NUMBERS, [USES_BOTH, ERROR], True),
        (EMPTY, [ERROR, UNIT], True),
        (EMPTY, [UNIT], False),
        (raw(b""), [UNIT], False),
        (FALSE, [], False),
    ],
)
def test_constants_are_taken_apart_by_case(
    scrutinee: Any, branches: list[Any], *, is_good: bool
) -> None:
    code = program(("lam", ("case", scrutinee, branches)))
    assert (run(code, protocol=11) is None) == is_good
    assert "error" in str(run(code, protocol=10))


def test_case_gives_the_parts_of_a_constant_in_their_order() -> None:
    second_is_two = call(EQUALS_INTEGER, ("var", 1), integer(2))
    assert (
        run(program(demands(("case", PAIR, [("lam", ("lam", second_is_two))]))), protocol=11)
        is None
    )


def test_strings_are_priced_by_their_bytes() -> None:
    """A comparison of 100 characters, which are as many bytes, in quarters."""
    text: Any = ("con", (2,), b"a" * 100)
    compared = call(EQUALS_STRING, text, text)
    costs, budget = (1,) * NAMES, (100, 60)
    assert "budget" in str(does(compared, 10, costs=costs, budget=budget))
    assert does(compared, 11, costs=costs, budget=budget) is None


def test_divisions_are_priced_by_the_larger_number_whichever_it_is() -> None:
    costs = pytest.importorskip("facilitator.cardano.phase2.costs", exc_type=ModuleNotFoundError)
    ast = pytest.importorskip("uplc.ast", exc_type=ModuleNotFoundError)
    divide, modulo = ast.BuiltInFun.DivideInteger, ast.BuiltInFun.ModInteger
    for builtin in (divide, modulo):
        for protocol, cost in ((10, 1), (11, 1 + 2 + 1 + 4 + 2 + 1)):
            prices = costs.build_cost_models(V3, (1,) * NAMES, protocol)[1]
            assert prices.cpu[builtin].cost(1, 2) == cost
            assert prices.cpu[builtin].cost(2, 1) == 1 + 2 + 1 + 4 + 2 + 1
    for protocol, cost in ((10, 1), (11, 1 + 2)):
        assert costs.build_cost_models(V1, (1,) * 166, protocol)[1].cpu[divide].cost(1, 2) == cost
    for protocol, cost in ((10, 1 + 5 - 1), (11, 1 + 1)):
        assert (
            costs.build_cost_models(V2, (1,) * 185, protocol)[1].memory[modulo].cost(5, 1) == cost
        )


def doubled(builtin: int, term: Any, times: int) -> Any:
    """The term appended to, or multiplied by, itself."""
    for _ in range(times):
        term = call(builtin, term, term)
    return term


LONG = call(REPLICATE, integer(8192), integer(255))
"""The longest that the function makes, of 65536 bits."""
LARGE = doubled(MULTIPLY, call(TO_INTEGER, TRUE, LONG), 1)


@pytest.mark.parametrize(
    ("term", "beyond"),
    [
        (call(ADD, LARGE, integer(1)), call(ADD, doubled(MULTIPLY, LARGE, 1), integer(1))),
        (
            call(SUBTRACT, integer(1), LARGE),
            call(SUBTRACT, call(SUBTRACT, integer(1), doubled(MULTIPLY, LARGE, 1)), integer(1)),
        ),
        (
            call(SHIFT, doubled(APPEND, LONG, 3), integer(1)),
            call(SHIFT, call(APPEND, doubled(APPEND, LONG, 3), raw(b"a")), integer(1)),
        ),
        (
            call(WRITE_BITS, LONG, EMPTY, TRUE),
            call(WRITE_BITS, call(APPEND, LONG, raw(b"a")), EMPTY, TRUE),
        ),
    ],
)
def test_what_is_out_of_bounds_later_gives_no_verdict_then(term: Any, beyond: Any) -> None:
    memory_and_steps = (10**6, 10**6)
    assert does(term, 10, budget=memory_and_steps) is None
    assert does(term, 11, budget=memory_and_steps) is None
    assert does(beyond, 10, budget=memory_and_steps) is None
    with pytest.raises(CannotEvaluate, match="not evaluated here"):
        does(beyond, 11, budget=memory_and_steps)


def test_functions_that_a_language_got_later_give_no_verdict() -> None:
    made = call(SERIALISE, call(CONSTR_DATA, integer(0), ("con", (7, 5, 8), "0")))
    code = program(("lam", made)).replace(b"\x01\x01\x00", b"\x01\x00\x00", 1)
    with pytest.raises(CannotEvaluate, match="SerialiseData"):
        run(code, language=V1, protocol=11)


def test_plutus_v2_has_a_price_for_numbers_as_bytes() -> None:
    """Which Plomin brought, at the end of its cost model."""
    made = call(TO_BYTES, TRUE, integer(0), integer(7))
    code = program(("lam", made)).replace(b"\x01\x01\x00", b"\x01\x00\x00", 1)
    assert run(code, (0,) * 185, language=V2) is None
    assert "budget" in str(run(code, (0,) * 175, language=V2))
