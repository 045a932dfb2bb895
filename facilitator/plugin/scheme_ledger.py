"""The ledger's verdict on the transaction of a payment in a plugin's scheme."""

from collections.abc import Mapping

from facilitator.cardano.rules import Environment, ledger_failures, static_failures
from facilitator.cardano.transaction import Output, OutputRef, Transaction
from facilitator.exact.eras import failures_around_the_fork
from facilitator.exact.lookup import UnsignedInputs, look_up_outputs, look_up_state
from facilitator.exact.payment import Payment
from facilitator.exact.verification import refuse_failures, refuse_foreign
from facilitator.roles.payment import Terms
from facilitator.roles.refused import MayBeOnChain, Refused
from facilitator.roles.scheme_chain import SchemeChain
from facilitator.x402.reasons import Reason


def judge_transaction(
    transaction: Transaction,
    terms: Terms,
    chain: SchemeChain,
    now: float,
    *,
    client: str = "",
    future_signers: frozenset[bytes] = frozenset(),
) -> Mapping[OutputRef, Output]:
    """Return the outputs that the transaction refers to, if the ledger would accept it now.

    The rules are those that ``exact`` has for a payment, scripts included. A transaction without an
    end is accepted; one that is marked as failing its scripts is not. What needs no look-up comes
    first.

    Args:
        transaction: The transaction. One input or more of it may be a script's.
        terms: The terms of the payment, for the network.
        chain: The chain of that network.
        now: Unix time in seconds.
        client: The client that asks, as limits count it.
        future_signers: Hashes of the keys that are going to sign (28 bytes each).

    Raises:
        Refused: With a reason of ``exact``.
        MayBeOnChain: Its time is over, or an input is spent: the transaction itself may have
            landed.
        ChainUnavailable: The chain does not answer.
    """
    parameters, eras = chain.provider.parameters(), chain.provider.eras()
    network = terms.network
    slot = eras.slot_at(int(now * 1000))
    environment = Environment(slot, network.network_id, parameters, future_signers)
    if not transaction.is_valid:
        raise Refused(Reason.PHASE2_INVALID, "the transaction is flagged invalid (is_valid)")
    end = transaction.body.invalid_hereafter
    if end is not None and end <= slot:
        raise MayBeOnChain(Reason.TTL_EXPIRED, f"valid before slot {end}, now is slot {slot}")
    failures = static_failures(transaction, environment)
    refuse_failures(failures + failures_around_the_fork(transaction, environment, network))
    first = transaction.body.inputs[0]
    payment = Payment(
        terms, transaction, first, transaction.id.hex(), future_signers=future_signers
    )
    try:
        utxo = look_up_outputs(payment, chain.outputs)
    except UnsignedInputs as unsigned:
        raise Refused(Reason.PHASE1_INVALID, str(unsigned)) from None
    state, failures = look_up_state(transaction, environment, utxo, chain.provider)
    evaluator = chain.evaluator(utxo, client)
    refuse_failures(failures or ledger_failures(transaction, environment, utxo, state, evaluator))
    refuse_foreign(payment, utxo)
    return utxo
