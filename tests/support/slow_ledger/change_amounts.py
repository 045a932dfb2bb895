"""Changes to amounts and limits: fees, balances, minima, sizes, slots.

Each says whether it found something to change. A transaction is signed after it was changed, so
that no rule hides behind a signature that broke.
"""

from support.cbor_forms import Pairs, encode
from support.slow_ledger.draft import Draft, Payment
from support.slow_ledger.world import SLOT


def fee(draft: Draft) -> bool:
    draft.fee_above = draft.random.choice([-1, -1, -2000, 0, 1])
    return True


def balance(draft: Draft) -> bool:
    draft.surplus = draft.random.choice([-1, 1, 1_000_000])
    return True


def asset_balance(draft: Draft) -> bool:
    """One more or less of an asset, or an asset from nowhere; one in another output."""
    payment = Payment(draft.outputs[0].address, 3_000_000, dict(draft.outputs[0].assets))
    held = [asset for coin in draft.inputs for asset in coin.assets]
    asset = draft.random.choice(held) if held else (draft.world.scripts[0].hash, b"none")
    quantity = sum(coin.assets.get(asset, 0) for coin in draft.inputs)
    payment.assets[asset] = quantity + max(0, draft.mint.get(asset, 0)) + 1
    draft.outputs.insert(0, payment)
    return True


def minted(draft: Draft) -> bool:
    if not draft.mint:
        return False
    asset = draft.random.choice(list(draft.mint))
    names = {asset[1]: draft.mint[asset] + draft.random.choice([-1, 1]) or 2}
    draft.patch[9] = Pairs([(asset[0], names)])
    return True


def least_lovelace(draft: Draft) -> bool:
    """An output that holds its minimum, or one lovelace less or more."""
    if len(draft.outputs) < 2:
        return False
    draft.form_seed = None
    payment = draft.outputs[0]
    payment.lovelace = 1_000_000
    size = len(encode(payment.fields()))
    minimum = (160 + size) * draft.parameters.coins_per_utxo_byte
    payment.lovelace = minimum + draft.random.choice([-1, -1, 0, 1])
    return True


def size_limit(draft: Draft) -> bool:
    draft.size_above_limit = draft.random.choice([0, 1])
    return True


def value_limit(draft: Draft) -> bool:
    """The largest value is at the limit or beyond; it may be a map of about 24 entries."""
    if draft.random.random() < 0.3:
        script = draft.random.choice(draft.world.scripts)
        draft.need(script)
        for name in range(draft.random.randint(22, 25)):
            draft.mint[script.hash, bytes([name])] = 1
    draft.value_above_limit = draft.random.choice([0, 1])
    return True


def slot(draft: Draft) -> bool:
    bounds = [bound for bound in (draft.start, draft.end) if bound is not None]
    draft.slot = draft.random.choice(bounds or [SLOT]) + draft.random.choice([-1, 0, 1])
    return True


def interval(draft: Draft) -> bool:
    """Bounds that move by one, past what a script asks for or not; or go away."""
    if draft.random.random() < 0.5:
        draft.start = draft.random.choice([None, SLOT + 1, SLOT, (draft.start or SLOT) - 1])
    else:
        draft.end = draft.random.choice([None, SLOT, SLOT + 1, (draft.end or SLOT) + 1])
    return True


def large_references(draft: Draft) -> bool:
    """Reference scripts over several tiers, at times more than are allowed."""
    taken = {coin.ref for coin in (*draft.inputs, *draft.references)}
    chosen = draft.random.sample(draft.world.libraries, draft.random.choice([1, 1, 2, 2, 3]))
    draft.references += [coin for coin in chosen if coin.ref not in taken]
    draft.fee_above = draft.random.choice([-1, 0, 0])
    rich = draft.random.choice(draft.world.rich)
    if rich.ref not in taken:
        draft.spend(rich)
    return True


AMOUNTS = (
    fee,
    balance,
    asset_balance,
    minted,
    least_lovelace,
    size_limit,
    value_limit,
    slot,
    interval,
    large_references,
)
