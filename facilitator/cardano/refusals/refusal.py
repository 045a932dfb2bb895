"""Reads what a server answers to a submission that it does not take."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from facilitator.cardano.refusals.envelopes import (
    Around,
    Code,
    Part,
    Text,
    Undecodable,
    take_apart,
)
from facilitator.cardano.refusals.haskell import (
    Shown,
    Token,
    Unreadable,
    read_failures,
    split_tokens,
)
from facilitator.cardano.refusals.ledger_names import (
    ALL_SPENT,
    BALANCES,
    INTERVAL,
    MEMPOOL_FAILURE,
    RULES,
    UNELECTED,
    bare,
)
from facilitator.cardano.refusals.ogmios_codes import (
    CODES,
    INTERVAL_CODE,
    MEMPOOL_CODE,
    NOT_CONSERVED_CODE,
)
from facilitator.cardano.refusals.proof import Proof, weakest
from facilitator.cardano.transaction import Transaction

LONGEST = 256 * 1024
"""Characters of an answer that are read. A longer one proves nothing."""
SHOWN = 500
"""Characters of the server's own text that are kept."""

_PAST_HORIZON = "TimeTranslationPastHorizon"
"""In ``CollectErrors``: the validity ends later than can be foreseen."""
_END = Token("", "")
_SLOTS = re.compile(
    r"invalidHereafter SJust SlotNo (?:unSlotNo )?([0-9]{1,20}) SlotNo (?:unSlotNo )?([0-9]{1,20})"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A server's refusal of a transaction."""

    proves: Proof
    text: str
    """The rules in words, each with the ledger's name for it, then the server's own text: one line
    of a limited length."""


def read_refusal(answer: str, transaction: Transaction | None) -> Refusal:
    """Return what the body of an answer, or a message in it, proves.

    ``transaction`` is what was submitted; ``None`` if it cannot be decoded here.
    """
    if len(answer) > LONGEST:
        return Refusal(Proof.NOTHING, _one_line(answer))
    parts = list(take_apart(answer))
    proves = weakest(proof for part in parts for proof in _proofs(part, transaction))
    own = _one_line("; ".join(filter(None, map(_written, parts))) or answer)
    if proves is Proof.NOTHING:
        return Refusal(proves, own)
    reasons = dict.fromkeys(reason for part in parts for reason in _reasons(part))
    return Refusal(proves, f"{'; '.join(reasons)}: {own}" if reasons else own)


def prove_rule(name: str, transaction: Transaction | None, *, has_ended: bool = False) -> Proof:
    """Return what the ledger's predicate failure of that name proves.

    ``has_ended`` is true if the transaction's validity has ended where the rule was applied.
    """
    rule = RULES.get(bare(name))
    if rule is None:
        return Proof.NOTHING
    if bare(name) == INTERVAL and has_ended:
        return Proof.EXPIRED
    if bare(name) in BALANCES and _moves_deposits(transaction):
        return Proof.STATE
    return rule.proves


# --- Parts of an answer ---------------------------------------------------------------------------


def _proofs(part: Part, transaction: Transaction | None) -> Iterator[Proof]:
    match part:
        case Text(text):
            tokens = split_tokens(text)
            yield from _proofs_of_names(tokens)
            try:
                for failure in read_failures(tokens):
                    yield _proof_of_failure(failure, transaction)
            except Unreadable:
                yield Proof.NOTHING
        case Around(text):
            yield from _proofs_of_names(split_tokens(text))
        case Code():
            yield _proof_of_code(part, transaction)
        case Undecodable():
            # A node of an older era cannot read newer bytes. What cannot be read here either is no
            # transaction.
            yield Proof.BYTES if transaction is None else Proof.NOTHING
        case _:
            yield Proof.NOTHING


def _proofs_of_names(tokens: Sequence[Token]) -> Iterator[Proof]:
    """Yield that inputs are missing if a name says so, wherever it is."""
    for token, following in zip_longest(tokens, tokens[1:], fillvalue=_END):
        name = bare(token.text) if token.kind == "word" else ""
        says_so = name in RULES and RULES[name].proves is Proof.INPUTS
        if name == MEMPOOL_FAILURE and following.kind == "string":
            says_so = following.text.startswith(ALL_SPENT)
        if says_so:
            yield Proof.INPUTS


def _proof_of_failure(failure: Shown, transaction: Transaction | None) -> Proof:
    if bare(failure.name) == MEMPOOL_FAILURE:
        return _proof_of_mempool(failure.string)
    if _PAST_HORIZON in failure.arguments:
        return Proof.EARLY
    slots = _SLOTS.search(failure.arguments)
    has_ended = slots is not None and int(slots[2]) >= int(slots[1])
    return prove_rule(failure.name, transaction, has_ended=has_ended)


def _proof_of_code(failure: Code, transaction: Transaction | None) -> Proof:
    if failure.code == MEMPOOL_CODE:
        reason = failure.data.get("error")
        if ALL_SPENT in failure.message:
            return Proof.INPUTS
        return _proof_of_mempool(reason) if isinstance(reason, str) else Proof.NOTHING
    if failure.code == INTERVAL_CODE and _has_ended(failure.data):
        return Proof.EXPIRED
    if failure.code == NOT_CONSERVED_CODE and _moves_deposits(transaction):
        return Proof.STATE
    return CODES.get(failure.code, Proof.NOTHING)


def _proof_of_mempool(reason: str) -> Proof:
    if reason.startswith(ALL_SPENT):
        return Proof.INPUTS
    return Proof.STATE if reason.startswith(UNELECTED) else Proof.NOTHING


def _has_ended(data: Mapping[str, Any]) -> bool:
    interval, slot = data.get("validityInterval"), data.get("currentSlot")
    end = interval.get("invalidAfter") if isinstance(interval, dict) else None
    return type(end) is int and type(slot) is int and slot >= end


def _moves_deposits(transaction: Transaction | None) -> bool:
    """Return True if the balance depends on accounts and deposits in the ledger state."""
    if transaction is None:
        return True
    body = transaction.body
    return bool(body.certificates or body.withdrawals or body.proposals)


# --- Words ----------------------------------------------------------------------------------------


def _reasons(part: Part) -> Iterator[str]:
    """Yield the rules in words, in order, each with the ledger's name for it."""
    match part:
        case Text(text):
            for token in split_tokens(text):
                rule = RULES.get(bare(token.text)) if token.kind == "word" else None
                if rule is not None:
                    yield f"{rule.words} ({token.text})"
        case Undecodable():
            yield "it is no transaction"


def _written(part: Part) -> str:
    """Return what a node or Ogmios has written in the part."""
    match part:
        case Text(text) | Undecodable(text):
            return text
        case Code(code, message, data):
            reason = data.get("error")
            return f"Ogmios {code}: {message}{f' {reason}' if isinstance(reason, str) else ''}"
        case _:
            return ""


def _one_line(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * SHOWN]).split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"
