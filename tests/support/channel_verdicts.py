"""What the steps of channels demand, as plans by name: those to accept and those to refuse.

Each to be refused is one to be accepted with one fault.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from facilitator.cardano.phase2.data import Constr, encode_data
from facilitator.cardano.transaction import Value
from facilitator_channels.datum import Closed, Opened, Settled
from facilitator_channels.redeemers import Add, Close, Defer, Elapse, End, Main, Mutual, Settle, Sub
from facilitator_channels.redeemers import encode_redeemer as encode
from facilitator_channels.transactions.plan import Plan
from facilitator_devnet.genesis import TEST_TOKEN
from support.channel_steps import (
    BY_CONSUMER,
    BY_PROVIDER,
    CONSUMER,
    ERAS,
    SLOT,
    TOKEN,
    Odd,
    Spent,
    World,
    datum_data,
    end_ms,
    signature,
)

Case = Callable[[World], Plan]
_OPENED, _CLOSED = Opened(100), Closed(100, end_ms())
_SETTLED, _END = Settled(), End()
_OTHER_TOKEN = b"\x09" * 28 + b"other"
_ADA = Constr(0)
_BOTH = (BY_CONSUMER, BY_PROVIDER)


def _consumer(world: World, spent: Spent, **more: Any) -> Plan:
    return world.plan(spent, **{"signers": [BY_CONSUMER], **more})


def _adds(world: World, more: int = 5_000_000, stage: Any = _OPENED, **which: Any) -> Spent:
    return world.moves(world.channel(_OPENED, **which), Add(), stage, more)


def _closes(world: World, more: int = 0, stage: Any = _CLOSED, **which: Any) -> Spent:
    return world.moves(world.channel(_OPENED, **which), Close(), stage, more)


def _settles(world: World, taken: int = 300_000, owed: int = 300_100, **which: Any) -> Spent:
    spent = world.channel(_CLOSED, **which)
    return world.moves(spent, world.owes(spent, owed, Settle), Settled(), -taken)


def _ends(world: World, stage: Any = _SETTLED, step: Any = _END) -> Spent:
    return world.moves(world.channel(stage), step)


def _elapses(world: World, **more: Any) -> Plan:
    slot = ERAS.slot_at(end_ms())
    return _consumer(
        world, _ends(world, _CLOSED, Elapse()), **{"start": slot, "until": None, **more}
    )


def _batch(world: World, count: int) -> Plan:
    return world.plan(*[world.sub(number=number) for number in range(count)])


def _stakes(world: World) -> Spent:
    return world.sub(address=b"\x10" + world.script.hash + b"\x0b" * 28)


def _mixed(world: World) -> Plan:
    """A step of one signer, then one of another whose hash is less."""
    if BY_CONSUMER > BY_PROVIDER:
        return world.plan(_adds(world), world.sub(number=1), signers=_BOTH)
    return world.plan(world.sub(), _adds(world, number=1), signers=_BOTH)


ACCEPTED: Mapping[str, Case] = {
    "add ada": lambda w: _consumer(w, _adds(w)),
    "add tokens": lambda w: _consumer(w, _adds(w, currency=TEST_TOKEN)),
    "sub ada": lambda w: w.plan(w.sub()),
    "sub tokens": lambda w: w.plan(w.sub(currency=TEST_TOKEN)),
    "sub all tokens": lambda w: w.plan(w.sub(TOKEN, TOKEN, currency=TEST_TOKEN)),
    "sub less than is owed": lambda w: w.plan(w.sub(100, 300)),
    "sub again": lambda w: w.plan(w.sub(100, 500, 400)),
    "sub nothing": lambda w: w.plan(w.sub(0, 400, 400)),
    "sub by paying in": lambda w: w.plan(w.sub(-100, 500, 400)),
    "sub from an address with a stake part": lambda w: w.plan(_stakes(w)),
    "close": lambda w: _consumer(w, _closes(w)),
    "close tokens, later than need be": lambda w: _consumer(
        w, _closes(w, stage=Closed(100, end_ms() + 1), currency=TEST_TOKEN)
    ),
    "close and add": lambda w: _consumer(w, _closes(w, 1)),
    "settle ada": lambda w: w.plan(_settles(w)),
    "settle tokens": lambda w: w.plan(_settles(w, currency=TEST_TOKEN)),
    "settle less than is owed": lambda w: w.plan(_settles(w, 1)),
    "settle by paying in": lambda w: w.plan(_settles(w, -100, 0)),
    "end": lambda w: _consumer(w, _ends(w)),
    "elapse": _elapses,
    "mutual of an opened one": lambda w: w.alone(w.channel(_OPENED), Mutual(), *_BOTH),
    "mutual of a closed one": lambda w: w.alone(w.channel(_CLOSED), Mutual(), *_BOTH),
    "mutual of a settled one": lambda w: w.alone(w.channel(Settled()), Mutual(), *_BOTH),
    "batch of 2": lambda w: _batch(w, 2),
    "batch of 5": lambda w: _batch(w, 5),
    "batch of 10": lambda w: _batch(w, 10),
    "batch of sub, settle and sub": lambda w: w.plan(
        w.sub(), _settles(w, number=1), w.sub(number=2)
    ),
    "an ending step between others": lambda w: w.plan(
        _adds(w),
        w.moves(w.channel(Settled(), number=1), End()),
        _adds(w, number=2),
        signers=[BY_CONSUMER],
    ),
}


def _without(spent: Spent, **changes: Any) -> Spent:
    assert spent.after is not None
    return replace(spent, after=spent.after._replace(**changes))


def _said(world: World, spent: Spent, *main: Any) -> Plan:
    """The plan of the step with another redeemer, as data."""
    return world.plan(spent, redeemers={spent.ref: encode_data(Constr(*main))})


def _opened_as(world: World, stage: Any, *more: Any, **which: Any) -> Plan:
    """A sub from a channel whose opening made that datum."""
    spent = world.sub()
    raw = datum_data(spent, stage, *more, **which)
    return world.plan(replace(spent, output=replace(spent.output, datum=raw)))


def _goes_on_as(world: World, stage: Any, *more: Any) -> Plan:
    spent = world.sub()
    return world.plan(_without(spent, datum=datum_data(spent, stage, *more)))


def _with_value(spent: Spent, assets: dict[bytes, int]) -> Spent:
    assert spent.after is not None
    return _without(spent, value=Value(spent.after.value.lovelace, assets))


def _iou_of(world: World, number: int) -> Spent:
    spent = world.sub(number=number)
    other = signature(world.constants(number + 1).tag, 300_000)
    return replace(spent, step=Sub(300_000, other))


def _steps(world: World, count: int) -> Plan:
    """Two subs with as many steps, each a good one."""
    first, second = world.sub(), world.sub(number=1)
    steps = [each.step for each in (first, second, second) if each.step is not None]
    said = encode(Main(tuple(steps[:count])))
    plan = world.plan(first, second)
    return replace(plan, redeemers={**plan.redeemers, first.ref: said})


def _swapped(world: World) -> Plan:
    plan = world.plan(world.sub(), world.sub(number=1))
    return replace(plan, outputs=plan.outputs[::-1])


def _deferred(world: World, *channels: Spent) -> Plan:
    plan = world.plan(*channels)
    return replace(plan, redeemers={each.ref: encode(Defer()) for each in channels})


def _two_mutual(world: World) -> Plan:
    first, second = world.channel(), world.channel(number=1)
    said = {each.ref: encode(Mutual()) for each in (first, second)}
    return world.plan(first, second, signers=_BOTH, redeemers=said)


def _further(world: World) -> Plan:
    plan = world.plan(world.sub())
    return replace(plan, outputs=(*plan.outputs, plan.outputs[0]))


def _odd(world: World) -> Plan:
    spent = world.sub()
    assert spent.after is not None
    return world.plan(replace(spent, after=Odd(*spent.after)))


def _elsewhere(world: World, address: bytes) -> Plan:
    return world.plan(_without(world.sub(), address=address))


def _constants(world: World, *more: Any, currency: Any = _ADA) -> tuple[Any, ...]:
    found = world.constants()
    usual = (found.tag, currency, found.iou_key, found.consumer, found.provider, found.close_period)
    return (*usual, *more)


def _same_constants(world: World, constants: tuple[Any, ...]) -> Plan:
    """A sub whose datums both have these constants."""
    spent = world.sub()
    before = datum_data(spent, Constr(0, (0,)), constants=constants)
    after = datum_data(spent, Constr(0, (300_000,)), constants=constants)
    spent = replace(spent, output=replace(spent.output, datum=before))
    return world.plan(_without(spent, datum=after))


def _sub_step(world: World, *more: Any) -> Any:
    return Constr(1, (300_000, signature(world.constants().tag, 300_000), *more))


REFUSED: Mapping[str, Case] = {
    "add without the consumer": lambda w: w.plan(_adds(w)),
    "add nothing": lambda w: _consumer(w, _adds(w, 0)),
    "add by taking": lambda w: _consumer(w, _adds(w, -1)),
    "add and change what was redeemed": lambda w: _consumer(w, _adds(w, stage=Opened(101))),
    "add to a closed one": lambda w: _consumer(
        w, w.moves(w.channel(_CLOSED), Add(), _CLOSED, 5_000_000)
    ),
    "sub without the provider": lambda w: _consumer(w, w.sub()),
    "sub by an IOU of another key": lambda w: w.plan(
        replace(w.sub(), step=Sub(300_000, signature(w.constants().tag, 300_000, CONSUMER)))
    ),
    "sub by an IOU of another channel": lambda w: w.plan(_iou_of(w, 0)),
    "sub by an IOU of another amount": lambda w: w.plan(
        replace(w.sub(), step=Sub(300_000, signature(w.constants().tag, 299_999)))
    ),
    "sub more than is owed": lambda w: w.plan(w.sub(300_001)),
    "sub more than is counted": lambda w: w.plan(
        w.moves(w.channel(), w.owes(w.channel(), 300_000), Opened(299_999), -300_000)
    ),
    "sub from a closed one": lambda w: w.plan(
        w.moves(w.channel(_CLOSED), w.owes(w.channel(), 300_000), Opened(300_000), -299_900)
    ),
    "sub and close": lambda w: w.plan(
        w.moves(w.channel(), w.owes(w.channel(), 300_000), Closed(300_000, end_ms()), -300_000)
    ),
    "sub other tokens than the channel's": lambda w: w.plan(
        _with_value(w.sub(currency=TEST_TOKEN), {_OTHER_TOKEN: TOKEN - 300_000})
    ),
    "sub and leave another token": lambda w: w.plan(_with_value(w.sub(), {_OTHER_TOKEN: 1})),
    "sub tokens and leave another of the policy": lambda w: w.plan(
        _with_value(
            w.sub(currency=TEST_TOKEN),
            {TEST_TOKEN: TOKEN - 300_000, TEST_TOKEN[:28] + b"other": 1},
        )
    ),
    "sub tokens and leave one of another policy": lambda w: w.plan(
        _with_value(w.sub(currency=TEST_TOKEN), {TEST_TOKEN: TOKEN - 300_000, _OTHER_TOKEN: 1})
    ),
    "go on without the stake part": lambda w: w.plan(_without(_stakes(w), address=w.address)),
    "go on with a stake part": lambda w: _elsewhere(w, b"\x10" + w.script.hash + b"\x0b" * 28),
    "go on at another script": lambda w: _elsewhere(w, b"\x70" + b"\x0b" * 28),
    "go on at a key": lambda w: _elsewhere(w, b"\x60" + w.script.hash),
    "go on with a reference script": _odd,
    "go on with another provider": lambda w: w.plan(
        _without(
            w.sub(),
            datum=datum_data(
                w.sub(),
                Constr(0, (300_000,)),
                constants=(*_constants(w)[:4], BY_CONSUMER, *_constants(w)[5:]),
            ),
        )
    ),
    "go on with another own hash": lambda w: w.plan(
        _without(
            w.sub(),
            datum=datum_data(
                replace(w.sub(), datum=w.sub().datum._replace(own_hash=b"\x0b" * 28)),
                Constr(0, (300_000,)),
            ),
        )
    ),
    "go on without a datum": lambda w: w.plan(_without(w.sub(), datum=None)),
    "go on with a fourth item": lambda w: _goes_on_as(w, Constr(0, (300_000,)), 0),
    "go on with a further field of the stage": lambda w: _goes_on_as(w, Constr(0, (300_000, 0))),
    "go on in no stage": lambda w: _goes_on_as(w, Constr(3, (300_000,))),
    "opened with a fourth item": lambda w: _opened_as(w, Constr(0, (0,)), 0),
    "opened with a further field of the stage": lambda w: _opened_as(w, Constr(0, (0, 0))),
    "opened in no stage": lambda w: _opened_as(w, Constr(3, (0,))),
    "opened with another own hash": lambda w: w.plan(
        replace(
            w.sub(),
            output=replace(
                w.sub().output,
                datum=datum_data(
                    replace(w.sub(), datum=w.sub().datum._replace(own_hash=b"\x0b" * 28)),
                    Constr(0, (0,)),
                ),
            ),
        )
    ),
    "opened with a seventh constant": lambda w: _same_constants(w, _constants(w, 0)),
    "opened with a further field of the currency": lambda w: _same_constants(
        w, _constants(w, currency=Constr(0, (0,)))
    ),
    "opened in no currency": lambda w: _same_constants(w, _constants(w, currency=Constr(2))),
    "an unknown continuing step": lambda w: _said(
        w, w.sub(), 1, ((Constr(0, (Constr(4, _sub_step(w).fields),)),),)
    ),
    "an unknown ending step": lambda w: replace(
        _consumer(w, _ends(w)),
        redeemers={w.channel().ref: encode_data(Constr(1, ((Constr(1, (Constr(2),)),),)))},
    ),
    "an unknown kind of step": lambda w: _said(w, w.sub(), 1, ((Constr(2, (_sub_step(w),)),),)),
    "a further field of a step": lambda w: _said(
        w, w.sub(), 1, ((Constr(0, (_sub_step(w, 0),)),),)
    ),
    "a further field of the redeemer": lambda w: _said(
        w, w.sub(), 1, ((Constr(0, (_sub_step(w),)),), 0)
    ),
    "an unknown redeemer": lambda w: _said(w, w.sub(), 3, ((Constr(0, (_sub_step(w),)),),)),
    "close without an end of validity": lambda w: _consumer(w, _closes(w), until=None),
    "close for too short a time": lambda w: _consumer(
        w, _closes(w, stage=Closed(100, end_ms() - 1))
    ),
    "close and take": lambda w: _consumer(w, _closes(w, -1)),
    "close and change what was redeemed": lambda w: _consumer(
        w, _closes(w, stage=Closed(99, end_ms()))
    ),
    "close without the consumer": lambda w: w.plan(_closes(w)),
    "close a closed one": lambda w: _consumer(
        w, w.moves(w.channel(_CLOSED), Close(), Closed(100, end_ms() + 1))
    ),
    "settle more than is owed": lambda w: w.plan(_settles(w, 300_001)),
    "settle without the provider": lambda w: _consumer(w, _settles(w)),
    "settle by an IOU of another key": lambda w: w.plan(
        replace(_settles(w), step=Settle(300_100, signature(w.constants().tag, 300_100, CONSUMER)))
    ),
    "settle an opened one": lambda w: w.plan(
        w.moves(w.channel(), w.owes(w.channel(), 300_000, Settle), Settled(), -300_000)
    ),
    "settle and stay closed": lambda w: w.plan(
        w.moves(w.channel(_CLOSED), w.owes(w.channel(), 300_100, Settle), _CLOSED, -300_000)
    ),
    "end a closed one": lambda w: _elapses(w, redeemers={w.channel().ref: encode(Main((End(),)))}),
    "end an opened one": lambda w: _consumer(w, _ends(w, _OPENED)),
    "end without the consumer": lambda w: w.plan(_ends(w)),
    "elapse too early": lambda w: _elapses(w, start=ERAS.slot_at(end_ms()) - 1),
    "elapse without a beginning of validity": lambda w: _elapses(w, start=None),
    "elapse without the consumer": lambda w: _elapses(w, signers=[BY_PROVIDER]),
    "elapse an opened one": lambda w: _consumer(w, _ends(w, _OPENED, Elapse()), start=SLOT),
    "elapse a settled one": lambda w: _consumer(w, _ends(w, Settled(), Elapse()), start=SLOT),
    "mutual without the provider": lambda w: w.alone(w.channel(), Mutual(), BY_CONSUMER),
    "mutual without the consumer": lambda w: w.alone(w.channel(), Mutual(), BY_PROVIDER),
    "mutual of two": _two_mutual,
    "defer alone": lambda w: _deferred(w, w.sub()),
    "defer to no one": lambda w: _deferred(w, w.sub(), w.sub(number=1)),
    "a step too few": lambda w: _steps(w, 1),
    "a step too many": lambda w: _steps(w, 3),
    "go on in each other's place": _swapped,
    "go on in the same output": lambda w: w.plan(w.sub(), replace(w.sub(number=1), after=None)),
    "go on nowhere": lambda w: w.plan(replace(w.sub(), after=None)),
}

WANTED_DIFFERENCES: Mapping[str, Case] = {
    "a further channel beside the continuing one": _further,
    "a later signer with a lesser hash": _mixed,
}
"""The first is refused here and accepted by Subbit, the second the other way round."""
