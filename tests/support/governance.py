"""Proposals and votes as values, for the rules: each is good until a test changes one thing."""

from typing import Any

from facilitator.cardano.state import Account, ActionPurpose, LedgerState
from facilitator.cardano.transaction import (
    Action,
    ActionId,
    ActionKind,
    Credential,
    Proposal,
    Transaction,
    Vote,
    Voter,
)
from support.ledger_values import (
    HELD,
    INPUT,
    KEY_HASH,
    PAID,
    PARAMETERS,
    output,
    reward_address,
    transaction,
)

ME = Credential(False, KEY_HASH)
DEPOSIT = PARAMETERS.gov_action_deposit
HERE = Account(deposit=2_000_000, reward=0)
ANCHOR = ("https://example.org", bytes(32))
OPEN, ROOT, UNKNOWN = (ActionId(bytes([n]) * 32, n) for n in (1, 2, 3))
ROOTS = dict.fromkeys(ActionPurpose)
RICH = {INPUT: output(HELD + 4 * DEPOSIT)}


def proposing(*actions: Action, paid: int | None = None, **proposal: Any) -> Transaction:
    """A transaction that proposes the actions and locks up their deposits, or ``paid``."""
    locked = len(actions) * DEPOSIT if paid is None else paid
    fields = {"deposit": DEPOSIT, "return_address": reward_address(ME), "anchor": ANCHOR}
    return transaction(
        outputs=(output(PAID + 4 * DEPOSIT - locked),),
        proposals=tuple(Proposal(action=action, **{**fields, **proposal}) for action in actions),
    )


def state(**facts: Any) -> LedgerState:
    """A state in which the proposer has an account, and nothing was ever enacted."""
    return LedgerState(**{"accounts": {ME: HERE}, "roots": ROOTS, **facts})


def voting(kind: int, action: ActionId = OPEN, voter: bytes = KEY_HASH) -> Transaction:
    """A transaction with one vote."""
    return transaction(votes=(Vote(Voter(kind, voter), action, 1),))


INFO = Action(ActionKind.INFO)
