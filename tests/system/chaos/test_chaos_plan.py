"""A plan follows from its seed and has what was asked for."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from chaos.plan import KILLS, UPSETS, Pay, Trouble, plan


@given(
    seed=st.integers(0, 2**32),
    payments=st.integers(1, 300),
    kills=st.integers(1, 30),
    storage=st.sampled_from(list(UPSETS)),
)
def test_a_plan(seed: int, payments: int, kills: int, storage: str) -> None:
    steps = plan(seed, payments=payments, kills=kills, storage=storage)
    assert steps == plan(seed, payments=payments, kills=kills, storage=storage)
    paid = [step for step in steps if isinstance(step, Pay)]
    assert [step.number for step in paid] == list(range(payments))
    assert all(step.callers for step in paid)
    upsets = Counter(step.upset for step in steps if isinstance(step, Trouble))
    assert sum(upsets[kill] for kill in KILLS) == (0 if storage == "separate" else kills)
    assert set(upsets) - set(KILLS) == set(UPSETS[storage])


def test_plans_of_other_seeds_are_others() -> None:
    plans = [plan(seed, payments=50, kills=5, storage="redis") for seed in range(5)]
    assert all(one != other for one in plans for other in plans if one is not other)
