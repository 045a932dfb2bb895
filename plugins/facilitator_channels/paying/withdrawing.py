"""Taking what a channel holds without its seller: close it, wait, and take what is left."""

from typing import NamedTuple

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import (
    CannotPay,
    OutcomeNotKnown,
    SubmissionRejected,
    SubmissionUnknown,
    iso_time,
)
from facilitator_channels.channel import Channel
from facilitator_channels.datum import Closed, Opened
from facilitator_channels.paying.book import Book
from facilitator_channels.paying.entry import Entry
from facilitator_channels.paying.finding import follow, list_channels
from facilitator_channels.paying.means import Means
from facilitator_channels.transactions.plan import CannotBuild, Ledger
from facilitator_channels.transactions.steps import close, elapse, end
from facilitator_channels.transactions.wire import Unsigned


class Withdrawal(NamedTuple):
    """The next step of a withdrawal, which was submitted."""

    transaction_id: str
    """Lowercase hex."""
    sentence: str
    """Its effect, and what comes next."""


def withdraw(book: Book, means: Means, name: str, reference: OutputRef | None) -> Withdrawal:
    """Submit the next step that brings the money of a channel back.

    Args:
        book: The records, which are locked.
        means: The wallet, the channel's consumer.
        name: A beginning of the channel's id that no other channel of the wallet has.
        reference: The output with the validator, if that is not here.

    Raises:
        CannotPay: Nothing can be done now; the text says why.
        OutcomeNotKnown: It was submitted, and may land.
        ChainUnavailable: The chain does not answer.
    """
    entry, channel = _find(book, means, name)
    ledger = means.ledger()
    try:
        unsigned, sentence = _next(channel, means, ledger, reference)
    except CannotBuild as error:
        raise CannotPay(f"the step cannot be made: {error}") from None
    if entry is not None:  # before it leaves: no voucher may be signed from now on
        book.put(entry.with_end())
    try:
        name = means.chain.submit(means.sign(unsigned))
    except SubmissionUnknown as error:
        raise OutcomeNotKnown(
            f"whether the transaction {unsigned.id.hex()} was taken is not known: {error.detail};"
            " run it again"
        ) from None
    except SubmissionRejected as error:
        raise CannotPay(f"the chain does not take it now, run it again later: {error}") from None
    return Withdrawal(name, sentence)


def _find(book: Book, means: Means, name: str) -> tuple[Entry | None, Channel]:
    """Return the channel with its record; one that is in no book is looked for on the chain."""
    kept = {entry.id: entry for entry in book.entries() if entry.id.startswith(name)}
    if not kept:
        listed = {each.constants.tag.hex(): each for each in list_channels(means)}
        found = [each for tag, each in listed.items() if tag.startswith(name)]
        if len(found) != 1:
            raise CannotPay(f"{len(found) or 'no'} channels of this wallet begin with {name}")
        return None, found[0]
    if len(kept) > 1:
        raise CannotPay(f"{len(kept)} channels of this wallet begin with {name}: write more of it")
    (entry,) = kept.values()
    seen = follow(entry, means)
    if not isinstance(seen, Channel):
        raise CannotPay(f"the channel {entry.id} is not to be seen on the chain: {seen.why}")
    return entry, seen


def _next(
    channel: Channel, means: Means, ledger: Ledger, reference: OutputRef | None
) -> tuple[Unsigned, str]:
    script = means.script(channel.validator.script_hash, reference)
    purse, stage = means.purse(), channel.datum.stage
    if isinstance(stage, Opened):
        until = means.until(ledger)
        ends_at = ledger.eras.start_ms(until) + channel.constants.close_period
        unsigned = close(channel, script, purse, ledger, valid_until=until)
        return unsigned, (
            "the channel is closed once this has landed: the seller may redeem what it is owed."
            f" Run this again when it has, or after {iso_time(ends_at / 1000)}"
        )
    if isinstance(stage, Closed):
        now_ms = means.clock.time() * 1000
        if now_ms < stage.elapse_at:
            raise CannotPay(
                f"the seller may redeem what it is owed until {iso_time(stage.elapse_at / 1000)}:"
                " run this again then"
            )
        first = ledger.eras.slot_at(stage.elapse_at)
        first += ledger.eras.start_ms(first) < stage.elapse_at
        return elapse(channel, script, purse, ledger, valid_from=first), "all that is left is taken"
    return end(channel, script, purse, ledger), "all that is left is taken"
