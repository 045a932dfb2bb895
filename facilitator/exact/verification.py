"""Judging a payment: what needs no I/O first, one batched question to the chain, then the ledger.

The order is the contract: whatever can be refused from the bytes alone costs no upstream call.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeAlias

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.phase2.evaluator import InProcessEvaluator
from facilitator.cardano.rules import (
    Environment,
    Failure,
    ledger_failures,
    static_failures,
    touched,
)
from facilitator.cardano.rules.evaluation import Evaluator, ScriptFailure, ScriptRun
from facilitator.cardano.rules.resolved import Resolved
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.clock import Clock
from facilitator.exact.methods import ChecksLedger, HasUniqueTerms, TransferMethod, UniqueTerms
from facilitator.exact.payment import Payment, read_payment
from facilitator.exact.refused import MayBeOnChain, Refused
from facilitator.exact.terms import agree_terms
from facilitator.roles.chain import (
    ChainUnavailable,
    EvaluatesScripts,
    OutputStatus,
    ReadsLedgerState,
    Spent,
    Unknown,
)
from facilitator.x402.messages import PaymentRequest
from facilitator.x402.reasons import Reason

_REASONS = {
    "WrongNetwork": Reason.NETWORK_ID_MISMATCH,
    "WrongNetworkInTxBody": Reason.NETWORK_ID_MISMATCH,
    "WrongNetworkWithdrawal": Reason.NETWORK_ID_MISMATCH,
    "InvalidWitnessesUTXOW": Reason.INVALID_SIGNATURE,
    "BabbageOutputTooSmallUTxO": Reason.MIN_UTXO_INSUFFICIENT,
    "FeeTooSmallUTxO": Reason.FEE_BELOW_MINIMUM,
    "ValueNotConservedUTxO": Reason.VALUE_NOT_CONSERVED,
    "ValidationTagMismatch": Reason.PHASE2_INVALID,
}
"""Ledger predicates that have a reason of their own; every other is ``phase1_invalid``."""

_INTERVAL = "OutsideValidityIntervalUTxO"


OutputLookup: TypeAlias = Callable[[Collection[OutputRef]], Mapping[OutputRef, OutputStatus]]
"""As :meth:`ChainProvider.outputs`."""


class ChainFacts(Protocol):
    """What a verdict needs of a chain: a part of :class:`ChainProvider`, which says more."""

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """What is known of each output."""
        ...

    def parameters(self) -> ProtocolParameters:
        """Return the protocol parameters in force."""
        ...

    def eras(self) -> EraSummary:
        """How slots and time relate."""
        ...


class Verifier:
    """Reads and judges payments for the networks it has a provider for."""

    def __init__(
        self,
        chains: Mapping[str, ChainFacts],
        methods: Mapping[str, TransferMethod],
        clock: Clock,
        *,
        accept_mempool: bool,
        outputs: Mapping[str, OutputLookup] | None = None,
    ) -> None:
        """``chains`` by canonical network id, ``methods`` by ``assetTransferMethod``.

        ``outputs`` answers in place of the chains what is known of outputs.
        """
        self._chains = chains
        self._outputs = outputs or {network: chain.outputs for network, chain in chains.items()}
        self._methods = methods
        # Sorted out once: to ask whether something has a protocol's methods takes its time.
        self._ledger_methods = {
            name: method for name, method in methods.items() if isinstance(method, ChecksLedger)
        }
        self._unique_terms_methods = {
            name: method for name, method in methods.items() if isinstance(method, HasUniqueTerms)
        }
        self._clock = clock
        self._accept_mempool = accept_mempool

    def parse(self, request: PaymentRequest) -> Payment:
        """Return the payment in the request, its terms agreed. No I/O. Raises :class:`Refused`."""
        terms = agree_terms(
            request, self._chains, self._methods, accept_mempool=self._accept_mempool
        )
        return read_payment(terms, request.payload)

    def check_static(self, payment: Payment) -> None:
        """Return when nothing in the payment's bytes speaks against it, whenever it is asked.

        Nothing goes upstream. Raises :class:`Refused`.
        """
        check_signed(payment)
        chain = self._chains[payment.terms.network.id]
        try:
            parameters, eras = chain.parameters(), chain.eras()
        except ChainUnavailable as error:
            raise _lookup_failed(error) from None
        environment = self._environment(payment, parameters, eras)
        failures = static_failures(payment.transaction, environment)
        # The validity interval is a matter of when it is asked: see check_ledger().
        failures = [failure for failure in failures if failure.rule != _INTERVAL]
        failures.sort(key=_is_of_its_origin, reverse=True)
        if failures and _is_of_its_origin(failures[0]):
            _refuse_failures(failures)
        check_nonce(payment)
        check_flag(payment)
        terms, transaction = payment.terms, payment.transaction
        self._methods[terms.method].check(terms, transaction)
        if method := self._ledger_methods.get(terms.method):
            method.check_ledger(terms, transaction, parameters, eras)
        _refuse_failures(failures)

    def check_ledger(self, payment: Payment) -> str:
        """Return the payer's address if the ledger would take the examined payment now.

        Raises :class:`Refused`, with ``chain_lookup_failed`` when the chain could not be asked:
        that is no verdict on the payment.
        """
        network = payment.terms.network.id
        chain = self._chains[network]
        try:
            eras = chain.eras()
            environment = self._environment(payment, chain.parameters(), eras)
            latest_ms = self._now_ms() + payment.terms.max_timeout_seconds * 1000
            check_validity(payment, environment.slot, eras.slot_at(latest_ms))
            utxo, state = _look_up(payment, chain, self._outputs[network])
            failures = ledger_failures(
                payment.transaction, environment, utxo, state, evaluator_of(chain, utxo)
            )
        except ChainUnavailable as error:
            raise _lookup_failed(error) from None
        payer = format_address(utxo[payment.nonce].address)
        _refuse_failures(failures, payer)
        if method := self._ledger_methods.get(payment.terms.method):
            method.check_payer(payment.terms, payment.transaction, utxo[payment.nonce])
        return payer

    def unique_terms(self, payment: Payment) -> UniqueTerms | None:
        """What no transaction but the examined payment's may pay; ``None`` when others may."""
        method = self._unique_terms_methods.get(payment.terms.method)
        return method.once(payment.terms) if method else None

    def _environment(
        self, payment: Payment, parameters: ProtocolParameters, eras: EraSummary
    ) -> Environment:
        slot = eras.slot_at(self._now_ms())
        return Environment(slot, payment.terms.network.network_id, parameters)

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)


def evaluator_of(chain: ChainFacts, utxo: Mapping[OutputRef, Output]) -> Evaluator:
    """Return the provider's, if it has one, else the one in this process."""

    def evaluate(resolved: Resolved, runs: Sequence[ScriptRun]) -> Sequence[ScriptFailure]:
        if isinstance(chain, EvaluatesScripts):
            return chain.evaluate(resolved.tx.raw, utxo)
        return InProcessEvaluator(chain.eras())(resolved, runs)

    return evaluate


def _lookup_failed(error: ChainUnavailable) -> Refused:
    return Refused(Reason.CHAIN_LOOKUP_FAILED, f"the chain could not be asked, try again: {error}")


def check_flag(payment: Payment) -> None:
    """The transaction is not marked as failing its scripts. Raises :class:`Refused`."""
    if not payment.transaction.is_valid:
        raise Refused(
            Reason.PHASE2_INVALID, "the transaction is flagged invalid: it would forfeit collateral"
        )


def check_signed(payment: Payment) -> None:
    """The transaction has any witness at all. Raises :class:`Refused`."""
    witnesses = payment.transaction.witnesses
    if not (witnesses.vkeys or witnesses.bootstraps or witnesses.scripts or witnesses.redeemers):
        raise Refused(Reason.UNSIGNED, "the transaction carries no witness at all")


def check_nonce(payment: Payment) -> None:
    """The nonce is one of the inputs. Raises :class:`Refused`."""
    inputs = payment.transaction.body.inputs
    if payment.nonce not in inputs:
        raise Refused(
            Reason.NONCE_NOT_IN_INPUTS,
            f"the nonce {payment.nonce} is not among the transaction's {len(inputs)} inputs",
        )


def check_validity(payment: Payment, slot: int, latest: int) -> None:
    """The payment is valid in ``slot`` and ends by the slot ``latest``. Raises :class:`Refused`."""
    start, end = (
        payment.transaction.body.invalid_before,
        payment.transaction.body.invalid_hereafter,
    )
    if end is None:
        raise Refused(
            Reason.TTL_TOO_FAR,
            "the transaction has no TTL: without one the payment could land any time later",
        )
    if end <= slot:
        raise MayBeOnChain(
            Reason.TTL_EXPIRED,
            f"{_INTERVAL}: valid before slot {end}, now is slot {slot}",
        )
    if end > latest:
        raise Refused(
            Reason.TTL_TOO_FAR,
            f"valid before slot {end}, which is later than slot {latest}, "
            f"maxTimeoutSeconds ({payment.terms.max_timeout_seconds}) from now",
        )
    if start is not None and start > slot:
        raise Refused(
            Reason.NOT_YET_VALID,
            f"{_INTERVAL}: valid from slot {start}, now is slot {slot}",
        )


def _is_of_its_origin(failure: Failure) -> bool:
    """Return whether the transaction is another network's, or not as its payer signed it.

    Of several reasons that is the one to name, as the reference implementations do.
    """
    return _REASONS.get(failure.rule) in (Reason.NETWORK_ID_MISMATCH, Reason.INVALID_SIGNATURE)


def _look_up(
    payment: Payment, chain: ChainFacts, outputs: OutputLookup
) -> tuple[Mapping[OutputRef, Output], LedgerState | None]:
    refs, query = touched(payment.transaction)
    utxo: dict[OutputRef, Output] = {}
    absent: dict[OutputRef, Spent] = {}
    for ref, status in outputs(refs).items():
        if isinstance(status, Unknown):
            raise ChainUnavailable(f"whether {ref} is unspent is not known: {status.why}")
        if isinstance(status, Spent):
            absent[ref] = status
        else:
            utxo[ref] = status.output
    _refuse_absent(payment, absent)
    if query == StateQuery():
        return utxo, None
    return utxo, chain.ledger_state(query) if isinstance(chain, ReadsLedgerState) else None


def _refuse_absent(payment: Payment, absent: Mapping[OutputRef, Spent]) -> None:
    if not absent:
        return
    nonce_absent = payment.nonce in absent
    ref = payment.nonce if nonce_absent else min(absent)
    spender = f" (spent by {absent[ref].by})" if absent[ref].by else ""
    reason = Reason.NONCE_NOT_ON_CHAIN if nonce_absent else Reason.INPUT_NOT_AVAILABLE
    message = f"BadInputsUTxO: {ref} is not unspent on the chain{spender}"
    spenders = {absent[ref].by for ref in payment.transaction.body.inputs if ref in absent}
    if payment.transaction_id in spenders:
        raise MayBeOnChain(reason, message, spent_by_itself=True)
    if spenders == {None}:
        raise MayBeOnChain(reason, message)
    raise Refused(reason, message)


def _refuse_failures(failures: Sequence[Failure], payer: str | None = None) -> None:
    if not failures:
        return
    reasons = [_REASONS.get(failure.rule, Reason.PHASE1_INVALID) for failure in failures]
    specific = [reason for reason in reasons if reason is not Reason.PHASE1_INVALID]
    raise Refused(
        specific[0] if specific else Reason.PHASE1_INVALID,
        "; ".join(f"{failure.rule}: {failure.message}" for failure in failures),
        payer,
    )
