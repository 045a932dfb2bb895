"""Transactions of many shapes, good ones first; then one or two things about them are changed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from random import Random

from support.cbor_forms import Tagged, encode
from support.slow_ledger.certify import certify
from support.slow_ledger.change_amounts import AMOUNTS
from support.slow_ledger.change_parts import PARTS
from support.slow_ledger.change_state import STATE
from support.slow_ledger.change_witnesses import WITNESSES
from support.slow_ledger.draft import Case, Draft, Payment, build
from support.slow_ledger.plain_output import Asset
from support.slow_ledger.world import PARAMETERS, SLOT, TREASURY, Coin, World, byron_address

INPUT_COUNTS = ([1, 2, 3, 5, 8, 30], [60, 20, 9, 6, 4, 1])


class Generator:
    """Cases by seed; the world they play in stays the same."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        self.random = Random(seed + 1)

    def case(self) -> Case:
        """The next transaction."""
        random = self.random
        names = random.sample(NAMES, random.choices([0, 1, 2], [30, 50, 20])[0])
        draft = self.good([FEATURE_OF[name] for name in names if name in FEATURE_OF])
        for name in names:
            if CHANGES[name](draft):
                draft.changes.append(name)
        return build(draft)

    def good(self, wanted: Sequence[Callable[[Draft], None]] = ()) -> Draft:
        """A draft of a transaction that the ledger takes, with the features wanted."""
        random = self.random
        draft = Draft(self.world, random, network=int(random.random() < 0.2))
        version = random.choices([9, 10, 11], [20, 60, 20])[0]
        draft.parameters = replace(PARAMETERS, protocol_major=version)
        draft.fee_above = random.choice([0, 0, 0, random.randrange(100_000)])
        if random.random() < 0.2:
            draft.form_seed = random.randrange(2**32)
        for coin in random.sample(self.world.coins, random.choices(*INPUT_COUNTS)[0]):
            draft.spend(coin)
        for chance, feature in FEATURES:
            if feature in wanted or random.random() < chance:
                feature(draft)
        _interval(draft)
        for _ in range(random.choices([0, 1, 2, 6], [10, 70, 15, 5])[0]):
            draft.outputs.append(_payment(draft))
        draft.outputs.append(_change(draft))
        while _short_of(draft):
            _add_coin(draft, random.choice(self.world.rich))
        return draft


def _add_coin(draft: Draft, coin: Coin) -> None:
    if all(coin.ref != other.ref for other in (*draft.inputs, *draft.references)):
        draft.spend(coin)


def _short_of(draft: Draft) -> bool:
    """Whether inputs may not suffice for outputs, deposits, the fee and the change's minimum."""
    held = sum(coin.lovelace for coin in draft.inputs) + sum(draft.withdrawals.values())
    paid = sum(payment.lovelace for payment in draft.outputs) + draft.locked + draft.donation
    scripts = sum(coin.script_size for coin in (*draft.inputs, *draft.references))
    room = 4_000_000 + 50 * scripts + 300_000 * len(draft.inputs)
    room += 300_000 * sum(len(coin.assets) for coin in draft.inputs) + 300_000 * len(draft.mint)
    return held < paid + room


def _address(draft: Draft) -> bytes:
    """An address of anybody, on the draft's network."""
    world, random = draft.world, draft.random
    if random.random() < 0.06:
        attributes = {} if draft.network else {2: encode(1)}
        if random.random() < 0.5:
            attributes[1] = encode(bytes(random.choice([28, 63, 64])))
        return byron_address(random.randbytes(28), attributes)
    kind = random.choice(["key", "key", "key", "script"])
    return world.owner_address((kind, random.randrange(20)), draft.network, random)


def _payment(draft: Draft) -> Payment:
    random = draft.random
    payment = Payment(_address(draft), random.randint(2, 5) * 1_000_000)
    held = [coin for coin in draft.inputs if coin.assets]
    if held and random.random() < 0.6:
        asset, quantity = random.choice(list(random.choice(held).assets.items()))
        taken = sum(other.assets.get(asset, 0) for other in draft.outputs)
        available = quantity + min(0, draft.mint.get(asset, 0)) - taken
        if available > 0:
            payment.assets = {asset: random.randint(1, available)}
    shape = random.random()
    if shape < 0.08:
        payment.datum = [0, random.randbytes(32)]
    elif shape < 0.16:
        payment.datum = [1, Tagged(24, encode(Tagged(121, [1, b"two"])))]
    elif shape < 0.22:
        payment.script = random.choice(draft.world.scripts)
        payment.lovelace += len(payment.script.cbor) * draft.parameters.coins_per_utxo_byte
    payment.is_old = random.random() < 0.5
    return payment


def _change(draft: Draft) -> Payment:
    change = Payment(_address(draft), is_old=draft.random.random() < 0.5)
    if draft.datums:
        change.datum = [0, blake2b(encode(draft.datums[0]), digest_size=32).digest()]
    return change


def _interval(draft: Draft) -> None:
    """Bounds around the slot, no wider than what scripts ask for."""
    random = draft.random
    if draft.start is not None or random.random() < 0.3:
        draft.start = random.choice([draft.start or SLOT - 100, SLOT])
    if draft.end is not None or random.random() < 0.8:
        latest = draft.end or SLOT + 1000
        draft.end = random.choice([latest, SLOT + 1, min(latest, SLOT + 5)])


def _mint(draft: Draft) -> None:
    random, world = draft.random, draft.world
    held: dict[Asset, int] = {}
    for coin in draft.inputs:
        for asset, quantity in coin.assets.items():
            held[asset] = held.get(asset, 0) + quantity
    owned = {script.hash: script for script in world.scripts}
    if held and random.random() < 0.5:
        asset, quantity = random.choice(list(held.items()))
        draft.mint[asset] = -random.randint(1, quantity)
        draft.need(owned[asset[0]])
    else:
        script = random.choice(world.scripts)
        draft.need(script)
        for name in random.sample([b"a", b"b", b"", bytes(32)], random.choice([1, 1, 2, 4])):
            draft.mint[script.hash, name] = random.choice([1, 24, 10**6, 2**63 - 1])


def _withdraw(draft: Draft) -> None:
    for _ in range(draft.random.choice([1, 1, 3])):
        who = draft.world.someone(draft.random)
        account = draft.world.facts.accounts.get(who)
        votes = who[0] or draft.parameters.protocol_major == 9
        if account is not None and (account.votes or votes):
            draft.withdrawals[bytes([0xE0 | who[0] << 4 | draft.network]) + who[1]] = account.reward
            draft.authorize(who)


def _metadata(draft: Draft) -> None:
    random = draft.random
    content = {674: {"msg": ["x" * random.choice([1, 20, 64])]}, random.randrange(600): -1}
    scripts = [random.choice(draft.world.scripts).value]
    draft.auxiliary = random.choice(
        [content, [content, scripts], Tagged(259, {0: content}), Tagged(259, {1: scripts})]
    )


def _refer(draft: Draft) -> None:
    """Reference inputs, at times with a script that is needed or a large one."""
    random, world = draft.random, draft.world
    taken = {coin.ref for coin in draft.inputs}
    choices = [random.choice(world.coins)]
    if random.random() < 0.3:
        choices.append(random.choice(world.libraries))
    carriers = [world.by_script[script] for script in draft.scripts if script in world.by_script]
    choices += [random.choice(coins) for coins in carriers if random.random() < 0.8]
    draft.references += {coin.ref: coin for coin in choices if coin.ref not in taken}.values()


def _collateral(draft: Draft) -> None:
    coins = draft.random.sample(draft.world.coins, draft.random.choice([1, 2, 3]))
    draft.collateral = [coin for coin in coins if coin.owner[0] == "key"]
    draft.signers |= {coin.owner[1] for coin in draft.collateral}
    if draft.random.random() < 0.5:
        draft.fields |= {16: [_address(draft), 3_000_000], 17: 1}


def _require(draft: Draft) -> None:
    draft.required = draft.random.sample(range(len(draft.world.keys)), draft.random.choice([1, 3]))
    draft.signers.update(draft.required)


def _other_fields(draft: Draft) -> None:
    random = draft.random
    if random.random() < 0.7:
        draft.fields[15] = draft.network
    if random.random() < 0.2:
        draft.donation = random.choice([1, 1_000_000])
    if random.random() < 0.2:
        draft.fields[21] = TREASURY


def _datum(draft: Draft) -> None:
    draft.datums = [Tagged(121, [draft.random.randrange(100), b"datum"])]


FEATURES = (
    (0.15, _mint),
    (0.10, _withdraw),
    (0.18, certify),
    (0.15, _metadata),
    (0.14, _refer),
    (0.04, _collateral),
    (0.08, _require),
    (0.20, _other_fields),
    (0.03, _datum),
)
FEATURE_OF = {
    "minted": _mint,
    "withdrawn": _withdraw,
    "deposits": certify,
    "auxiliary_hash": _metadata,
    "datum_hash": _datum,
    "more_datums": _datum,
}
"""What a change needs to have something to change."""
CHANGES = {change.__name__: change for change in (*AMOUNTS, *PARTS, *STATE, *WITNESSES)}
NAMES = sorted(CHANGES)
