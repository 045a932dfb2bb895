"""The sponsor's file: an output is given to one transaction, whatever happens in between."""

import multiprocessing
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.seller import store as store_module
from facilitator.seller.store import (
    BOUND,
    FREE,
    GRACE_MS,
    SPENT,
    SUBMITTED,
    SponsorFileError,
    SponsorStore,
)
from facilitator.testing.threads import together
from support.sponsor_processes import bind_all

ONE, TWO = "aa" * 32, "bb" * 32
REF = f"{'01' * 32}#0"
OFFER = {"input": REF}
END = 1_000_000
ENOUGH_SECONDS = 120
"""For processes to start on a busy machine."""
LISTED = {REF: 1_500_000}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sponsor.sqlite3"


@pytest.fixture
def store(path: Path) -> SponsorStore:
    store = SponsorStore(path)
    store.refresh(LISTED, now_ms=0)
    return store


def state(store: SponsorStore) -> tuple[str, str | None] | None:
    output = store.find(REF)
    return output and (output.state, output.transaction_id)


def test_an_output_is_bound_to_one_transaction(store: SponsorStore) -> None:
    assert store.bind(REF, ONE, OFFER, END)
    assert store.bind(REF, ONE, OFFER, END)
    assert not store.bind(REF, TWO, OFFER, END)
    assert state(store) == (BOUND, ONE)


def test_an_output_that_is_not_known_is_not_bound(store: SponsorStore) -> None:
    assert not store.bind(f"{'02' * 32}#0", ONE, OFFER, END)


def test_the_first_signature_is_kept(store: SponsorStore) -> None:
    store.bind(REF, ONE, OFFER, END)
    assert store.keep_witnesses(REF, ONE, "a1") == "a1"
    assert store.keep_witnesses(REF, ONE, "a2") == "a1"
    assert store.keep_witnesses(REF, TWO, "a3") is None


def test_what_was_not_given_away_may_be_released(store: SponsorStore) -> None:
    store.bind(REF, ONE, OFFER, END)
    assert not store.release(REF, TWO, is_definitive=True)
    assert store.release(REF, ONE, is_definitive=False)
    assert state(store) == (FREE, None)
    assert store.bind(REF, TWO, OFFER, END)


def test_what_was_given_away_is_released_by_a_definite_failure_alone(store: SponsorStore) -> None:
    store.bind(REF, ONE, OFFER, END)
    assert store.mark_submitted(REF, ONE)
    assert not store.release(REF, ONE, is_definitive=False)
    assert state(store) == (SUBMITTED, ONE)
    assert store.release(REF, ONE, is_definitive=True)


def test_a_transaction_without_the_output_gives_nothing_away(store: SponsorStore) -> None:
    store.bind(REF, ONE, OFFER, END)
    store.release(REF, ONE, is_definitive=False)
    assert not store.mark_submitted(REF, ONE)


@pytest.mark.parametrize("given_away", [False, True])
def test_it_is_free_again_once_the_transaction_cannot_land(
    store: SponsorStore, given_away: bool
) -> None:
    store.bind(REF, ONE, OFFER, END)
    if given_away:
        store.mark_submitted(REF, ONE)
    store.refresh(LISTED, END + GRACE_MS)
    assert state(store) != (FREE, None)
    store.refresh(LISTED, END + GRACE_MS + 1)
    assert state(store) == (FREE, None)


def test_one_that_is_gone_from_the_chain_is_spent(store: SponsorStore) -> None:
    store.bind(REF, ONE, OFFER, END)
    store.mark_submitted(REF, ONE)
    store.refresh({}, now_ms=1)
    assert state(store) == (SPENT, ONE)
    store.refresh(LISTED, now_ms=2)  # an index that is behind
    assert state(store) == (SPENT, ONE)
    store.refresh({}, END + GRACE_MS + 1)
    assert state(store) is None


def test_one_that_no_signature_has_spent_stays_bound_while_the_index_is_behind(
    store: SponsorStore,
) -> None:
    store.bind(REF, ONE, OFFER, END)
    store.refresh({}, now_ms=1)
    assert state(store) == (BOUND, ONE)


def test_a_free_one_that_is_gone_is_forgotten(store: SponsorStore) -> None:
    store.refresh({}, now_ms=1)
    assert state(store) is None


def test_a_file_of_another_version_is_refused(path: Path) -> None:
    SponsorStore(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(SponsorFileError, match="version 2"):
        SponsorStore(path)


def test_others_cannot_read_the_signatures_in_the_file(path: Path) -> None:
    SponsorStore(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_of_many_threads_one_gets_it(path: Path, store: SponsorStore) -> None:
    names = [f"{n:02x}" * 32 for n in range(12)]
    got = together([partial(SponsorStore(path).bind, REF, name, OFFER, END) for name in names])
    assert got.count(True) == 1
    assert state(store) == (BOUND, names[got.index(True)])


@pytest.mark.once
def test_of_several_processes_one_gets_each(path: Path) -> None:
    refs = [f"{n:02x}" * 32 + "#1" for n in range(20)]
    SponsorStore(path).refresh(dict.fromkeys(refs, 1_500_000), now_ms=0)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        calls = [(path, f"{n:02x}" * 32, refs, OFFER, END) for n in range(3)]
        got = pool.starmap_async(bind_all, calls).get(ENOUGH_SECONDS)
    assert sorted(ref for each in got for ref in each) == refs


class Chain:
    """A chain and a server: what may land, and what the server knows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = SponsorStore(path)
        self.now = 0
        self.unspent = dict(LISTED)
        self.ends: dict[str, int] = {}
        """The end of each transaction's validity."""
        self.pending: set[str] = set()
        """The transactions whose signature was given away, and that may land."""
        self.landed: set[str] = set()
        self.store.refresh(self.unspent, self.now)

    def do(self, action: str, name: str) -> None:
        """Let the transaction of that name, or the chain, take a step."""
        match action:
            case "bind":
                self.ends.setdefault(name, self.now + 60_000)
                self.store.bind(REF, name, OFFER, self.ends[name])
            case "give":
                may_land = self.now < self.ends.get(name, 0) and name not in self.landed
                if self.store.mark_submitted(REF, name) and may_land:
                    self.pending.add(name)
            case "land" if name in self.pending and self.unspent:
                self.unspent.clear()
                self.pending.clear()
                self.landed.add(name)
            case "answer" if name in self.landed:
                self.store.retire(REF, name)
            case "refuse" if name in self.pending:  # a node does, for good
                self.pending.remove(name)
                self.store.release(REF, name, is_definitive=True)
            case "cancel":
                self.store.release(REF, name, is_definitive=False)
            case "wait":
                self.now += 31_000
                self.pending -= {each for each, end in self.ends.items() if end <= self.now}
            case "list":
                self.store.refresh(self.unspent, self.now)
            case "restart":
                self.store = SponsorStore(self.path)
        assert len(self.pending) <= 1, "two transactions may spend one output"

    def settle_down(self) -> None:
        """Nothing happens any more: what is unspent is free."""
        self.now += 2 * GRACE_MS
        self.store.refresh(self.unspent, self.now)
        free = {each.input for each in self.store.outputs() if each.state == FREE}
        assert free == self.unspent.keys()


ACTIONS = ["bind", "give", "land", "answer", "refuse", "cancel", "wait", "list", "restart"]
steps = st.tuples(st.sampled_from(ACTIONS), st.sampled_from([ONE, TWO]))


@settings(max_examples=40)
@given(history=st.lists(steps, max_size=25))
def test_no_history_gives_an_output_to_two(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, str]]
) -> None:
    chain = Chain(tmp_path_factory.mktemp("history") / "sponsor.sqlite3")
    for action, name in history:
        chain.do(action, name)
    chain.settle_down()


BUGS = [
    ("bind", " AND state = '{FREE}'", "", []),
    (
        "release",
        "(BOUND, SUBMITTED) if is_definitive else (BOUND, BOUND)",
        "(BOUND, SUBMITTED)",
        ["cancel"],
    ),
    ("_follow", "output.state != FREE and is_over", "output.state != FREE", ["list"]),
    ("_follow", "(output.valid_until_ms or 0) + GRACE_MS", "0", ["wait", "list"]),
]
"""A function, a piece of it with what stands there instead, and the steps that then do harm."""


@pytest.mark.parametrize(("where", "right", "wrong", "between"), BUGS)
def test_a_planted_bug_is_found(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    right: str,
    wrong: str,
    between: list[str],
) -> None:
    history = [("bind", ONE), ("give", ONE), *((each, ONE) for each in between)]
    history += [("bind", TWO), ("give", TWO)]
    play(Chain(path.with_name("right")), history)
    owner = SponsorStore if hasattr(SponsorStore, where) else store_module
    monkeypatch.setattr(owner, where, planted_function(where, right, wrong))
    with pytest.raises(AssertionError, match="two transactions"):
        play(Chain(path), history)


def play(chain: Chain, history: list[tuple[str, str]]) -> None:
    for action, name in history:
        chain.do(action, name)


def planted_function(where: str, right: str, wrong: str) -> Callable[..., object]:
    """The function of the module with one piece of its text replaced."""
    source = Path(str(store_module.__file__)).read_text()
    assert right in source
    names = dict(vars(store_module))
    exec(compile(source.replace(right, wrong), "planted", "exec"), names)
    owner = names["SponsorStore"] if hasattr(SponsorStore, where) else None
    found: Callable[..., object] = vars(owner)[where] if owner else names[where]
    return found
