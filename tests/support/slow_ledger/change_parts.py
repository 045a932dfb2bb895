"""Changes to what a transaction consists of: inputs, addresses, networks, data, fields.

Each says whether it found something to change. A transaction is signed after it was changed, so
that no rule hides behind a signature that broke.
"""

from support.cbor_forms import AsSet, Pairs, Tagged, encode
from support.slow_ledger.draft import Draft
from support.slow_ledger.world import byron_address


def missing_input(draft: Draft) -> bool:
    coins = [*draft.inputs, *draft.references, *draft.collateral]
    draft.hidden.add(draft.random.choice(coins).ref)
    return True


def duplicate_input(draft: Draft) -> bool:
    refs = [list(coin.ref) for coin in draft.inputs]
    draft.patch[0] = AsSet([*refs, draft.random.choice(refs)])
    return True


def no_inputs(draft: Draft) -> bool:
    draft.patch[0] = AsSet([])
    return True


def spent_and_referenced(draft: Draft) -> bool:
    draft.references.append(draft.random.choice(draft.inputs))
    return True


def other_network(draft: Draft) -> bool:
    draft.network = 1 - draft.network
    return True


def payment_to_other_network(draft: Draft) -> bool:
    payment = draft.random.choice(draft.outputs)
    if not payment.address:
        return False
    if payment.address[0] >> 4 == 8:
        attributes = {2: encode(1)} if draft.network else {}
        payment.address = byron_address(bytes(28), attributes)
    else:
        payment.address = bytes([payment.address[0] ^ 1]) + payment.address[1:]
    return True


def network_field(draft: Draft) -> bool:
    draft.fields[15] = draft.random.choice([0, 1, 2])
    return True


def byron_attributes(draft: Draft) -> bool:
    attributes = {} if draft.network else {2: encode(1)}
    attributes[draft.random.choice([1, 5])] = encode(bytes(draft.random.choice([62, 63, 64, 65])))
    draft.outputs[0].address = byron_address(bytes(28), attributes)
    return True


def bad_address(draft: Draft) -> bool:
    payment = draft.outputs[0]
    payment.address = draft.random.choice(
        [payment.address[:-1], payment.address + b"\0", b"", b"\x90" + payment.address[1:]]
    )
    return True


def collateral(draft: Draft) -> bool:
    """Collateral without scripts is looked up, counted and has to be signed for, no more."""
    coins = draft.random.sample(draft.world.coins, draft.random.choice([3, 4]))
    draft.collateral = coins
    if draft.random.random() < 0.8:
        draft.signers |= {coin.owner[1] for coin in coins if coin.owner[0] == "key"}
        draft.byron_signers |= {coin.owner[1] for coin in coins if coin.owner[0] == "byron"}
    return True


def collateral_return(draft: Draft) -> bool:
    network = draft.random.choice([draft.network, draft.network, 1 - draft.network])
    address = bytes([0x60 | network]) + bytes(28)
    lovelace = 4310 * (160 + 37) + draft.random.choice([-1, 0])
    draft.form_seed = None
    draft.fields[16] = [address, lovelace]
    return True


def marked_as_failing(draft: Draft) -> bool:
    draft.is_valid = False
    return True


def tail(draft: Draft) -> bool:
    draft.tail = b"\0"
    return True


def malformed_field(draft: Draft) -> bool:
    """What the decoder refuses: empty, twice, out of range, or unknown."""
    ref, policy = list(draft.inputs[0].ref), draft.world.scripts[0].hash
    certificate = [2, [0, policy], policy]
    key, value = draft.random.choice(
        [
            (2, -1),
            (2, Tagged(2, bytes(9))),
            (4, AsSet([])),
            (4, AsSet([certificate, certificate])),
            (5, {}),
            (5, {b"\xe0" + policy[1:]: 1}),
            (6, 0),
            (9, {}),
            (9, {policy: {}}),
            (9, {policy: {b"none": 0}}),
            (9, {policy: {bytes(33): 1}}),
            (9, {policy: {b"many": 2**63}}),
            (9, Pairs([(policy, {b"a": 1}), (policy, {b"b": 1})])),
            (13, AsSet([ref, ref])),
            (14, AsSet([])),
            (14, AsSet([policy, policy])),
            (15, 256),
            (18, AsSet([ref, ref])),
            (18, AsSet([[bytes(32), 65536]])),
            (22, 0),
            (7, bytes(31)),
        ]
    )
    draft.patch[key] = value
    return True


PARTS = (
    missing_input,
    duplicate_input,
    no_inputs,
    spent_and_referenced,
    other_network,
    payment_to_other_network,
    network_field,
    byron_attributes,
    bad_address,
    collateral,
    collateral_return,
    marked_as_failing,
    tail,
    malformed_field,
)
