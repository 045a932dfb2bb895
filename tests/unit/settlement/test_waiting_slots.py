"""Slots to wait in are shared between payments and clients."""

from contextlib import ExitStack

from hypothesis import given
from hypothesis import strategies as st

from facilitator.settlement.waiting_slots import FREE_PER_CLIENT, PER_PAYMENT, WaitingSlots


def taken(slots: WaitingSlots, stack: ExitStack, payment: str, client: str = "") -> bool:
    return stack.enter_context(slots.taken_by(payment, client)) is not None


def test_a_payment_has_a_few_slots() -> None:
    slots = WaitingSlots(100)
    with ExitStack() as stack:
        got = [taken(slots, stack, "one", f"client {n}") for n in range(20)]
        assert got == [True] * PER_PAYMENT + [False] * (20 - PER_PAYMENT)
        assert taken(slots, stack, "other")
    assert slots.taken == 0


def test_a_payment_never_has_more_than_half() -> None:
    slots = WaitingSlots(6)
    with ExitStack() as stack:
        assert [taken(slots, stack, "one") for _ in range(4)] == [True, True, True, False]
        assert taken(slots, stack, "other")
    with WaitingSlots(1).taken_by("one", "") as slot:
        assert slot is not None


def test_a_client_leaves_room_for_others() -> None:
    slots = WaitingSlots(100)
    with ExitStack() as stack:
        got = [taken(slots, stack, f"{n}", "greedy") for n in range(100)]
        assert got.count(True) == 50
        assert [taken(slots, stack, f"other {n}", "other") for n in range(25)] == [True] * 25


def test_this_machine_may_take_all() -> None:
    slots = WaitingSlots(20)
    with ExitStack() as stack:
        assert all(taken(slots, stack, f"{n}") for n in range(20))
        assert not taken(slots, stack, "one more")


def test_as_many_leave_as_there_are_slots_too_many() -> None:
    slots = WaitingSlots(10)
    with ExitStack() as stack:
        callers = [stack.enter_context(slots.taken_by(f"{n}", "")) for n in range(10)]
        held = [each for each in callers if each is not None]
        assert [each.is_revoked() for each in held] == [False] * 10
        slots.resize(7)
        assert [each.is_revoked() for each in held] == [True] * 3 + [False] * 7
        assert [each.is_revoked() for each in held] == [True] * 3 + [False] * 7
        assert not taken(slots, stack, "one more")
        slots.resize(6)
        assert [each.is_revoked() for each in held] == [True] * 4 + [False] * 6
    assert slots.taken == 0
    slots.resize(1)
    with slots.taken_by("one", "") as slot:
        assert slot is not None
        assert not slot.is_revoked()


@given(
    number=st.integers(0, 30),
    asked=st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["", "x", "y"]))),
)
def test_never_more_than_there_are(number: int, asked: list[tuple[str, str]]) -> None:
    """And every slot comes back."""
    slots = WaitingSlots(number)
    with ExitStack() as stack:
        got = [taken(slots, stack, payment, client) for payment, client in asked]
        assert got.count(True) == slots.taken <= number
        for client in "xy":
            held = sum(has for has, (_, who) in zip(got, asked, strict=True) if who == client)
            assert held <= max(FREE_PER_CLIENT, (number + 1) // 2)
    assert slots.taken == 0
