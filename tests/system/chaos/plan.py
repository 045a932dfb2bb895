"""What is to happen in a run, drawn from a seed. Pure: the same seed gives the same plan."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

LONG_SECONDS = 300
"""For how long most payments are valid."""
CROWD_EACH = 40
"""Of so many payments one has a crowd of callers."""
TENANTS = 2
"""Callers with an API key of their own."""


class Rival(StrEnum):
    """Another transaction over the same UTxO."""

    NONE = "none"
    PAYMENT = "payment"
    """Through the facilitator, at the same time."""
    NODE = "node"
    """Past the facilitator, straight to a node."""


class Naming(StrEnum):
    """Who shows a payment identifier, which the payer chose."""

    NONE = "no caller"
    SOME = "every other caller"
    ALL = "every caller"
    TWICE = "every caller, and so do those of another payment"
    """Of the same payer to the same shop, at the same time."""


class Line(StrEnum):
    """What a caller's connection does to an answer."""

    HOLDS = "holds"
    HANGS_UP = "hangs up"
    """The caller closes it while it waits."""
    LOSES = "loses"
    """The answer is on its way when it breaks."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How one caller goes about a payment."""

    has_key: bool
    verifies: bool
    wait_seconds: int
    lines: Sequence[Line]
    """Of its first calls of ``/settle``; those after them hold."""
    replays: int
    """How often it asks once more when it knows the end."""
    gives_up: bool = False
    """Whether it asks once and never again; another, who knows nothing of it, asks much later."""
    tenant: int = 0
    """Whose API key it has."""


@dataclass(frozen=True, slots=True)
class Pay:
    """A payment, and who settles it at the same time."""

    number: int
    confirmations: int
    seconds: int
    """For how long it is valid."""
    callers: Sequence[Patience]
    rival: Rival
    is_offered_for_less: bool
    """Whether a caller also tries it under other requirements."""
    is_chained: bool = False
    """Whether another payment spends its change at the same time."""
    naming: Naming = Naming.NONE
    is_signed_again: bool = False
    """Whether another payment out of the same output was verified before, and then left."""
    is_expired_first: bool = False
    """Whether the first caller came before with what is valid no more, under the same names."""
    crowd: int = 0
    """How many more callers hang up while they wait, and never ask again."""


class Upset(StrEnum):
    """What goes wrong besides."""

    KILL_WORKER = "kill a worker"
    KILL_ALL = "kill a supervisor and its workers"
    KILL_LEADER = "kill the process that reads the blocks for all, and perhaps its supervisor"
    STOP_WORKER = "stop a worker for a while"
    JUMP = "let the clock jump, and put it right again"
    PROVIDER_FAULT = "a provider's fault"
    PROVIDER_DOWN = "a provider that cannot be reached"
    ROLL_BACK = "take blocks back"
    RESTART = "restart the storage's server"
    PAUSE = "stop the storage's server for a while"
    HOLD_WRITES = "the storage's server holds writes back"
    FAIL_OVER = "an orderly failover"
    LOSE_PRIMARY = "kill the primary: a replica takes over"
    CUT_OFF = "cut the primary off: a replica takes over, and it goes on answering"
    SWAP = "another server takes over behind the same address, the old one is its replica"
    SWAP_ALONE = "the same, and the old one knows nothing of it"
    LOSE_LOG = "lose the log beside the SQLite file, and start one more process"


KILLS: Mapping[Upset, int] = {
    Upset.KILL_WORKER: 7,
    Upset.KILL_ALL: 1,
    Upset.KILL_LEADER: 2,
}
"""Kills by how often they come up, and other upsets below."""
_EVERYWHERE: Mapping[Upset, int] = {
    Upset.STOP_WORKER: 4,
    Upset.JUMP: 2,
    Upset.PROVIDER_FAULT: 6,
    Upset.PROVIDER_DOWN: 1,
    Upset.ROLL_BACK: 4,
}
UPSETS: Mapping[str, Mapping[Upset, int]] = {
    "sqlite": _EVERYWHERE,
    "redis": {**_EVERYWHERE, Upset.RESTART: 2, Upset.PAUSE: 2, Upset.HOLD_WRITES: 1},
    "sentinel": {
        **_EVERYWHERE,
        Upset.FAIL_OVER: 2,
        Upset.LOSE_PRIMARY: 1,
        Upset.HOLD_WRITES: 1,
        Upset.CUT_OFF: 2,
    },
    "postgres": {**_EVERYWHERE, Upset.RESTART: 2, Upset.PAUSE: 2},
    "standby": {**_EVERYWHERE, Upset.LOSE_PRIMARY: 2, Upset.PAUSE: 1},
    "switched": {**_EVERYWHERE, Upset.SWAP: 4, Upset.SWAP_ALONE: 2, Upset.PAUSE: 1},
    "unlogged": {Upset.LOSE_LOG: 1},
    "separate": {Upset.PROVIDER_FAULT: 2, Upset.ROLL_BACK: 1},
}
"""Of each storage those that leave its promises whole.

Two facilitators that share nothing promise less: one whose submission had an unknown outcome cannot
know that the other made it.
"""


@dataclass(frozen=True, slots=True)
class Trouble:
    """An upset with what it needs to be the same again."""

    upset: Upset
    seconds: float
    draw: float
    """From 0 to 1, to choose by."""


Step: TypeAlias = Pay | Trouble


def plan(seed: int, *, payments: int, kills: int, storage: str) -> Sequence[Step]:
    """So many payments, and between them so many kills and about as many other upsets.

    Where several facilitators share nothing none is killed.
    """
    chance = random.Random(seed)
    steps: list[tuple[float, Step]] = [
        (number + 0.0, _pay(chance, number)) for number in range(payments)
    ]
    for kill in range(kills if storage != "separate" else 0):
        (upset,) = chance.choices(list(KILLS), list(KILLS.values()))
        place = payments * (kill + chance.random()) / kills
        steps.append((place, _trouble(chance, upset)))
    weights = UPSETS[storage]
    others = _each_at_least_once(chance, weights, count=max(kills, len(weights)))
    steps += [(payments * chance.random(), _trouble(chance, upset)) for upset in others]
    return [step for _, step in sorted(steps, key=lambda step: step[0])]


def _each_at_least_once(
    chance: random.Random, weights: Mapping[Upset, int], count: int
) -> Sequence[Upset]:
    kinds = list(weights)
    return kinds + chance.choices(kinds, list(weights.values()), k=count - len(kinds))


def _trouble(chance: random.Random, upset: Upset) -> Trouble:
    return Trouble(upset, round(chance.uniform(0.3, 4.0), 1), chance.random())


def _pay(chance: random.Random, number: int) -> Pay:
    rival = chance.choices(list(Rival), [84, 10, 6])[0]
    count = chance.choices((1, 2, 4), (75, 18, 7))[0]
    is_alone = rival is Rival.NONE
    gives_up = count == 1 and is_alone and chance.random() < 0.1
    return Pay(
        number=number,
        confirmations=chance.choices((0, 1, 2), (25, 55, 20))[0],
        seconds=LONG_SECONDS if chance.random() < 0.95 else chance.randint(2, 12),
        callers=[_impatient(chance)] if gives_up else [_patience(chance) for _ in range(count)],
        rival=rival,
        is_offered_for_less=chance.random() < 0.05,
        is_chained=is_alone and not gives_up and chance.random() < 0.12,
        naming=Naming.NONE if gives_up else chance.choices(list(Naming), (60, 10, 15, 15))[0],
        is_signed_again=is_alone and chance.random() < 0.1,
        is_expired_first=not gives_up and chance.random() < 0.08,
        crowd=chance.randint(80, 150) if number % CROWD_EACH == CROWD_EACH // 2 else 0,
    )


def _impatient(chance: random.Random) -> Patience:
    lines = [] if chance.random() < 0.5 else [Line.HANGS_UP]
    return Patience(False, chance.random() < 0.7, chance.choice((0, 1)), lines, 0, gives_up=True)


def _patience(chance: random.Random) -> Patience:
    trouble = chance.choices(list(Line), (70, 15, 15))[0]
    lines = [] if trouble is Line.HOLDS else [trouble] * chance.randint(1, 2)
    return Patience(
        has_key=chance.random() < 0.5,
        verifies=chance.random() < 0.7,
        wait_seconds=chance.choice((0, 1, 3, 5)),
        lines=lines,
        replays=chance.choices((0, 1), (80, 20))[0],
        tenant=chance.randrange(TENANTS),
    )
