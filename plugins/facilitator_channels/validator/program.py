"""The validator of payment channels, in OpShin: a subset of Python that compiles to Plutus V3.

Datums, redeemers and IOUs are those of Subbit, which the draft names. All that continues is built
again and compared as a whole, by one equality of data. So a further field or item, or an unknown
constructor, is refused. The compiler itself trusts shapes: it takes a constructor's number for its type.

Lists are walked as the data that they are. A field of the type List would be copied at each access.
"""

from opshin.bridge import wraps_builtin
from opshin.prelude import *


@dataclass()
class Item(PlutusData):
    """An item of a list, or a pair of a map: never read as such, only by an assignment."""

    CONSTR_ID = 0


@wraps_builtin
def un_list_data(data: Anything) -> List[Item]:
    pass


@wraps_builtin
def un_map_data(data: Anything) -> List[Item]:
    pass


@wraps_builtin
def list_data(items: List[Item]) -> Anything:
    pass


@wraps_builtin
def mk_cons(item: Anything, items: List[Item]) -> List[Item]:
    pass


@wraps_builtin
def head_list(items: List[Item]) -> Anything:
    pass


@wraps_builtin
def tail_list(items: List[Item]) -> List[Item]:
    pass


@wraps_builtin
def null_list(items: List[Item]) -> bool:
    pass


@wraps_builtin
def fst_pair(pair: Anything) -> Anything:
    pass


@wraps_builtin
def snd_pair(pair: Anything) -> Anything:
    pass


@wraps_builtin
def serialise_data(data: Anything) -> bytes:
    pass


@wraps_builtin
def verify_ed25519_signature(key: bytes, message: bytes, signature: bytes) -> bool:
    pass


# The parts of a script's context that are read, with their lists and maps as data.


@dataclass()
class Script(PlutusData):
    CONSTR_ID = 1
    hash: Anything


@dataclass()
class Place(PlutusData):
    CONSTR_ID = 0
    payment: Script


@dataclass()
class Inline(PlutusData):
    CONSTR_ID = 2
    datum: Anything


@dataclass()
class Output(PlutusData):
    CONSTR_ID = 0
    address: Place
    value: Anything
    datum: Inline
    reference_script: NoScriptHash


@dataclass()
class Input(PlutusData):
    CONSTR_ID = 0
    ref: Anything
    resolved: Output


@dataclass()
class Infinite(PlutusData):
    CONSTR_ID = 0


@dataclass()
class Finite(PlutusData):
    CONSTR_ID = 1
    time: int


@dataclass()
class Bound(PlutusData):
    CONSTR_ID = 0
    limit: Union[Infinite, Finite]


@dataclass()
class Validity(PlutusData):
    CONSTR_ID = 0
    lower: Bound
    upper: Bound


@dataclass()
class Transaction(PlutusData):
    CONSTR_ID = 0
    inputs: Anything
    reference_inputs: Anything
    outputs: Anything
    fee: Anything
    mint: Anything
    certificates: Anything
    withdrawals: Anything
    validity: Validity
    signatories: Anything


# The datum: [own hash, constants, stage], and
# constants: [tag, currency, IOU key, consumer, provider, close period in ms].


@dataclass()
class Ada(PlutusData):
    CONSTR_ID = 0


@dataclass()
class Asset(PlutusData):
    CONSTR_ID = 1
    policy: bytes
    name: bytes


@dataclass()
class Opened(PlutusData):
    CONSTR_ID = 0
    subbed: int


@dataclass()
class Closed(PlutusData):
    CONSTR_ID = 1
    subbed: int
    elapse_at: int


@dataclass()
class Settled(PlutusData):
    CONSTR_ID = 2


Currency = Union[Ada, Asset]
Stage = Union[Opened, Closed, Settled]


# The redeemer.


@dataclass()
class Add(PlutusData):
    CONSTR_ID = 0


@dataclass()
class Sub(PlutusData):
    CONSTR_ID = 1
    owed: int
    signature: bytes


@dataclass()
class Close(PlutusData):
    CONSTR_ID = 2


@dataclass()
class Settle(PlutusData):
    CONSTR_ID = 3
    owed: int
    signature: bytes


@dataclass()
class End(PlutusData):
    CONSTR_ID = 0


@dataclass()
class Elapse(PlutusData):
    CONSTR_ID = 1


@dataclass()
class Continuing(PlutusData):
    CONSTR_ID = 0
    move: Union[Add, Sub, Close, Settle]


@dataclass()
class Ending(PlutusData):
    CONSTR_ID = 1
    move: Union[End, Elapse]


@dataclass()
class Defer(PlutusData):
    CONSTR_ID = 0


@dataclass()
class Main(PlutusData):
    CONSTR_ID = 1
    steps: Anything


@dataclass()
class Mutual(PlutusData):
    CONSTR_ID = 2


# Functions call themselves instead of looping: the compiler's analysis does not end for a loop
# that shortens a list.


def has_signed(signers: List[Item], key: Anything) -> bool:
    if null_list(signers):
        return False
    if head_list(signers) == key:
        return True
    return has_signed(tail_list(signers), key)


def from_channel_input(inputs: List[Item], own: Script) -> List[Item]:
    """Return the inputs from the next one at the validator on."""
    if null_list(inputs):
        return inputs
    spent: Input = head_list(inputs)
    if spent.resolved.address.payment == own:
        return inputs
    return from_channel_input(tail_list(inputs), own)


def from_channel_output(outputs: List[Item], own: Script) -> List[Item]:
    """Return the outputs from the next one at the validator on."""
    if null_list(outputs):
        return outputs
    output: Output = head_list(outputs)
    if output.address.payment == own:
        return outputs
    return from_channel_output(tail_list(outputs), own)


def spent_output(inputs: List[Item], ref: Anything) -> Output:
    spent: Input = head_list(inputs)
    if spent.ref == ref:
        return spent.resolved
    return spent_output(tail_list(inputs), ref)


def build_datum(own_hash: Anything, constants: Anything, stage: Stage) -> Inline:
    nothing: List[Item] = []
    return Inline(list_data(mk_cons(own_hash, mk_cons(constants, mk_cons(stage, nothing)))))


def lovelace(policies: List[Item]) -> int:
    """Return the ada of a value, which the ledger puts first."""
    amount: int = snd_pair(head_list(un_map_data(snd_pair(head_list(policies)))))
    return amount


def amount_by_name(names: List[Item], name: bytes) -> int:
    if null_list(names):
        return 0
    pair = head_list(names)
    found: bytes = fst_pair(pair)
    if found == name:
        amount: int = snd_pair(pair)
        return amount
    return amount_by_name(tail_list(names), name)


def amount_of(policies: List[Item], asset: Asset) -> int:
    if null_list(policies):
        return 0
    pair = head_list(policies)
    found: bytes = fst_pair(pair)
    if found == asset.policy:
        return amount_by_name(un_map_data(snd_pair(pair)), asset.name)
    return amount_of(tail_list(policies), asset)


def amount_alone(tokens: List[Item], asset: Asset) -> int:
    """Return the amount where there is no other token."""
    if null_list(tokens):
        return 0
    assert null_list(tail_list(tokens))
    pair = head_list(tokens)
    policy: bytes = fst_pair(pair)
    names = un_map_data(snd_pair(pair))
    named = head_list(names)
    name: bytes = fst_pair(named)
    assert policy == asset.policy and name == asset.name and null_list(tail_list(names))
    amount: int = snd_pair(named)
    return amount


def taken_out(before: Output, after: Output, currency: Currency) -> int:
    """Return what a step takes of the currency, less than 0 if it adds.

    The continuing output holds ada and the currency, nothing else.
    """
    held = un_map_data(before.value)
    left = un_map_data(after.value)
    tokens = tail_list(left)
    if isinstance(currency, Ada):
        assert currency == Ada()
        assert null_list(tokens)
        taken = lovelace(held) - lovelace(left)
    else:
        assert currency == Asset(currency.policy, currency.name)
        taken = amount_of(held, currency) - amount_alone(tokens, currency)
    return taken


def is_owed(tag: Anything, key: bytes, owed: int, signature: bytes) -> bool:
    """Return True if the IOU key has signed for the amount."""
    nothing: List[Item] = []
    message = serialise_data(list_data(mk_cons(tag, mk_cons(owed, nothing))))
    return verify_ed25519_signature(key, message, signature)


def check_step(
    tx: Transaction, before: Output, step: Union[Continuing, Ending], outputs: List[Item]
) -> None:
    """Fail unless the step is allowed; if the channel continues, then in the first output."""
    signers = un_list_data(tx.signatories)
    own_hash = before.address.payment.hash
    datum = tail_list(un_list_data(before.datum.datum))
    constants = head_list(datum)
    stage: Stage = head_list(tail_list(datum))
    from_tag = un_list_data(constants)
    from_currency = tail_list(from_tag)
    from_key = tail_list(from_currency)
    from_consumer = tail_list(from_key)
    from_provider = tail_list(from_consumer)
    from_period = tail_list(from_provider)
    assert null_list(tail_list(from_period))
    if isinstance(step, Continuing):
        move = step.move
        after: Output = head_list(outputs)
        currency: Currency = head_list(from_currency)
        taken = taken_out(before, after, currency)
        if isinstance(stage, Opened):
            stage_before: Stage = Opened(stage.subbed)
            if isinstance(move, Sub):
                assert step == Continuing(Sub(move.owed, move.signature))
                subbed = stage.subbed + taken
                assert subbed <= move.owed
                key: bytes = head_list(from_key)
                assert is_owed(head_list(from_tag), key, move.owed, move.signature)
                assert has_signed(signers, head_list(from_provider))
                stage_after: Stage = Opened(subbed)
            else:
                assert has_signed(signers, head_list(from_consumer))
                if isinstance(move, Add):
                    assert step == Continuing(Add())
                    assert taken < 0
                    stage_after: Stage = stage_before
                else:
                    assert step == Continuing(Close())
                    assert taken <= 0
                    upper = tx.validity.upper.limit
                    assert isinstance(upper, Finite)
                    period: int = head_list(from_period)
                    datum_after = tail_list(un_list_data(after.datum.datum))
                    closed: Closed = head_list(tail_list(datum_after))
                    assert upper.time + period <= closed.elapse_at
                    stage_after: Stage = Closed(stage.subbed, closed.elapse_at)
        else:
            assert isinstance(stage, Closed)
            stage_before: Stage = Closed(stage.subbed, stage.elapse_at)
            assert isinstance(move, Settle)
            assert step == Continuing(Settle(move.owed, move.signature))
            assert taken <= move.owed - stage.subbed
            key: bytes = head_list(from_key)
            assert is_owed(head_list(from_tag), key, move.owed, move.signature)
            assert has_signed(signers, head_list(from_provider))
            stage_after: Stage = Settled()
        inline = build_datum(own_hash, constants, stage_after)
        assert after == Output(before.address, after.value, inline, NoScriptHash())
    else:
        assert has_signed(signers, head_list(from_consumer))
        if isinstance(stage, Closed):
            assert step == Ending(Elapse())
            stage_before: Stage = Closed(stage.subbed, stage.elapse_at)
            lower = tx.validity.lower.limit
            assert isinstance(lower, Finite)
            assert stage.elapse_at <= lower.time
        else:
            assert step == Ending(End())
            stage_before: Stage = Settled()
    assert before.datum == build_datum(own_hash, constants, stage_before)


def check_steps(
    tx: Transaction, own: Script, inputs: List[Item], outputs: List[Item], steps: List[Item]
) -> None:
    """Fail unless each channel has its step, and no further output is at the validator."""
    channels = from_channel_input(inputs, own)
    continued = from_channel_output(outputs, own)
    if null_list(channels):
        assert null_list(steps)
        assert null_list(continued)
    else:
        spent: Input = head_list(channels)
        step: Union[Continuing, Ending] = head_list(steps)
        check_step(tx, spent.resolved, step, continued)
        if isinstance(step, Continuing):
            continued = tail_list(continued)
        check_steps(tx, own, tail_list(channels), continued, tail_list(steps))


def validator(context: ScriptContext) -> None:
    purpose = context.purpose
    assert isinstance(purpose, Spending)
    ref: Anything = purpose.tx_out_ref
    redeemer: Union[Defer, Main, Mutual] = context.redeemer
    data: Anything = context.transaction
    tx: Transaction = data
    inputs = un_list_data(tx.inputs)
    before = spent_output(inputs, ref)
    own = before.address.payment
    channels = from_channel_input(inputs, own)
    if isinstance(redeemer, Defer):
        assert redeemer == Defer()
        first: Input = head_list(channels)
        assert first.ref != ref
    elif isinstance(redeemer, Main):
        assert redeemer == Main(redeemer.steps)
        steps = un_list_data(redeemer.steps)
        check_steps(tx, own, channels, un_list_data(tx.outputs), steps)
    else:
        assert redeemer == Mutual()
        assert null_list(from_channel_input(tail_list(channels), own))
        signers = un_list_data(tx.signatories)
        constants = un_list_data(head_list(tail_list(un_list_data(before.datum.datum))))
        from_consumer = tail_list(tail_list(tail_list(constants)))
        assert has_signed(signers, head_list(from_consumer))
        assert has_signed(signers, head_list(tail_list(from_consumer)))
