"""The look-up of what a payment depends on: first what decides, and no more than decides.

Outputs come in an order: the nonce, the other inputs, collateral, reference inputs. The look-up
ends at the first that is not unspent, or that belongs to a key which has not signed.
"""

from collections.abc import Callable, Collection, Mapping

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.rules import (
    NOT_JUDGED,
    Environment,
    Failure,
    ledger_failures,
    unsigned_inputs,
)
from facilitator.cardano.rules.facts import build_state_query
from facilitator.cardano.state import LedgerState
from facilitator.cardano.transaction import Output, OutputRef, Transaction
from facilitator.exact.payment import Payment
from facilitator.roles.allowance import NOT_ASKED, Allowance, current_allowance
from facilitator.roles.chain import OutputStatus, ReadsLedgerState, Spent, Unknown, Unspent
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.chain_spenders import FindsSpenders, SpentBy
from facilitator.roles.refused import MayBeOnChain, Refused
from facilitator.roles.scheme_chain import OutputLookup
from facilitator.x402.reasons import Reason


class UnsignedInputs(Exception):
    """The look-up ended: inputs belong to keys that have not signed."""

    def __init__(self, failure: Failure, utxo: Mapping[OutputRef, Output]) -> None:
        """Take the ledger's failure, and the outputs that are known by then."""
        super().__init__(failure.message)
        self.failure = failure
        self.utxo = utxo


def look_up_outputs(payment: Payment, outputs: OutputLookup) -> Mapping[OutputRef, Output]:
    """Return the outputs that the payment refers to, all of them unspent.

    Raises :class:`Refused` for one that is not, :class:`UnsignedInputs`, and
    :class:`ChainUnavailable` if one is not known or the allowance is spent.
    """
    tx, allowance = payment.transaction, current_allowance()
    if allowance is not None:
        allowance.judge = _judge_of(payment, allowance)
    found = outputs(_in_order(payment))
    utxo = _unspent(found)
    if len(utxo) == len(found):
        return utxo
    payer = format_address(utxo[payment.nonce].address) if payment.nonce in utxo else None
    absent = {ref: each for ref, each in found.items() if isinstance(each, Spent)}
    _refuse_absent(payment, absent, payer)
    _refuse_unknown({r: e.why for r, e in found.items() if isinstance(e, Unknown)}, payer)
    failure = unsigned_inputs(tx, utxo, payment.future_signers)
    if failure is not None:
        raise UnsignedInputs(failure, utxo)
    if allowance is None:
        raise ChainUnavailable(NOT_ASKED.why)
    raise allowance.late() if allowance.left else allowance.used_up()


def look_up_state(
    tx: Transaction, env: Environment, utxo: Mapping[OutputRef, Output], chain: object
) -> tuple[LedgerState | None, list[Failure]]:
    """Return the ledger state on which the transaction depends, ``None`` if there is none.

    Or return the failures that need no such state: then it is not asked for.
    Raises :class:`ChainUnavailable`.
    """
    query = build_state_query(tx.body)
    if not query or not isinstance(chain, ReadsLedgerState):
        return None, []
    failures = [each for each in ledger_failures(tx, env, utxo, None) if each.rule != NOT_JUDGED]
    return (None, failures) if failures else (chain.ledger_state(query), [])


def look_up_made(
    refs: Collection[OutputRef], outputs: OutputLookup, chain: object
) -> Mapping[OutputRef, OutputStatus]:
    """Return outputs that were made: unspent, or spent by a transaction that is named.

    One that is not there is not spent by that: a node that lags does not have it yet, and a
    rollback takes it away. Raises :class:`ChainUnavailable`, also while one is not known.
    """
    found = {ref: _with_spender(ref, each, chain) for ref, each in outputs(refs).items()}
    for status in found.values():
        if isinstance(status, Unknown):
            raise ChainUnavailable(status.why)
    return found


def _with_spender(ref: OutputRef, status: OutputStatus, chain: object) -> OutputStatus:
    if status != Spent():
        return status
    if not isinstance(chain, FindsSpenders):
        return Unknown(f"the chain provider cannot find what spent {ref} (FindsSpenders)")
    found = chain.spender(ref)
    return Spent(found.transaction_id) if isinstance(found, SpentBy) else found


def _in_order(payment: Payment) -> Collection[OutputRef]:
    """Return the outputs that the payment refers to, each once, those that decide first."""
    body = payment.transaction.body
    refs = (payment.nonce, *body.inputs, *body.collateral, *body.reference_inputs)
    return tuple(dict.fromkeys(refs))


def _judge_of(
    payment: Payment, allowance: Allowance
) -> Callable[[Mapping[OutputRef, OutputStatus]], bool]:
    """Return a judge that ends the look-up at what refuses, and pays for the payer's own outputs.

    An output that a signer owns is one that a stranger cannot point at for free.
    """
    tx, future_signers = payment.transaction, payment.future_signers

    def goes_on(found: Mapping[OutputRef, OutputStatus]) -> bool:
        utxo = _unspent(found)
        if len(utxo) < len(found) or unsigned_inputs(tx, utxo, future_signers) is not None:
            return False
        own = {
            ref.transaction_id
            for ref in tx.body.inputs
            if ref in utxo and _has_signed(utxo[ref], future_signers)
        }
        allowance.give_back(len(own))
        return True

    return goes_on


def _has_signed(output: Output, future_signers: frozenset[bytes]) -> bool:
    """Return True if a key owns the output, as for all but payment scripts, and has signed.

    Every key that owns one has signed, or is one of ``future_signers``.
    """
    has_key = not output.address[0] & 0x10 or bool(output.address[0] & 0x80)
    return has_key and output.address[1:29] not in future_signers


def _unspent(found: Mapping[OutputRef, OutputStatus]) -> dict[OutputRef, Output]:
    return {ref: each.output for ref, each in found.items() if isinstance(each, Unspent)}


def _refuse_unknown(unknown: Mapping[OutputRef, str], payer: str | None) -> None:
    """Refuse for now an output that the chain does not know: it may not know it yet."""
    known_reasons = {ref: why for ref, why in unknown.items() if why != NOT_ASKED.why}
    if known_reasons:
        ref = min(known_reasons)
        message = (
            f"the chain says neither that {ref} is unspent nor that it is spent:"
            f" {known_reasons[ref]}"
        )
        raise Refused(Reason.CHAIN_LOOKUP_FAILED, message, payer)


def _refuse_absent(payment: Payment, absent: Mapping[OutputRef, Spent], payer: str | None) -> None:
    if not absent:
        return
    nonce_absent = payment.nonce in absent
    ref = payment.nonce if nonce_absent else min(absent)
    spender = f" (spent by {absent[ref].by})" if absent[ref].by else ""
    reason = Reason.NONCE_NOT_ON_CHAIN if nonce_absent else Reason.INPUT_NOT_AVAILABLE
    message = f"BadInputsUTxO: {ref} is not unspent on the chain{spender}"
    spenders = {absent[ref].by for ref in payment.transaction.body.inputs if ref in absent}
    if payment.transaction_id in spenders:
        raise MayBeOnChain(reason, message, payer, spent_by_itself=True)
    if spenders == {None}:
        raise MayBeOnChain(reason, message, payer)
    raise Refused(reason, message, payer)
