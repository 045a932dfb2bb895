"""The verdict on a payment: first what needs no I/O, then its outputs, then the ledger.

The order is the contract: a payment that its bytes alone refute costs no upstream call.
"""

from collections.abc import Collection, Mapping, Sequence

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.phase2.evaluator import InProcessEvaluator
from facilitator.cardano.rules import (
    Environment,
    Failure,
    ledger_failures,
    static_failures,
)
from facilitator.cardano.rules.evaluation import Evaluator
from facilitator.cardano.rules.outputs import network_of
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.clock import Clock
from facilitator.exact.checks import INTERVAL_RULE, CheckContext, Phase, functions_by_phase
from facilitator.exact.eras import REASONS_OF_ERAS, failures_around_the_fork
from facilitator.exact.lookup import (
    UnsignedInputs,
    look_up_made,
    look_up_outputs,
    look_up_state,
)
from facilitator.exact.methods import ChecksLanded, HasUniqueTerms, TransferMethod
from facilitator.exact.payment import Payment, read_payment
from facilitator.exact.sponsorship import (
    check_offered_output,
    names_sponsor,
    unsigned_inputs_of,
    with_sponsor,
)
from facilitator.exact.terms import TermsPolicy, agree_terms
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.payment import UNKNOWN_ORIGIN, Origin
from facilitator.roles.refused import Refused, lookup_failed
from facilitator.roles.scheme import UniqueTerms, Verified
from facilitator.roles.scheme_chain import ChainFacts, OutputLookup, ScriptEvaluators, evaluator_of
from facilitator.x402.messages import PaymentRequest
from facilitator.x402.reasons import Reason

_REASONS = {
    **REASONS_OF_ERAS,
    "WrongNetwork": Reason.NETWORK_ID_MISMATCH,
    "WrongNetworkInTxBody": Reason.NETWORK_ID_MISMATCH,
    "WrongNetworkWithdrawal": Reason.NETWORK_ID_MISMATCH,
    "WithdrawalAddressesWithWrongNetwork": Reason.NETWORK_ID_MISMATCH,
    "InvalidWitnessesUTXOW": Reason.INVALID_SIGNATURE,
    "BabbageOutputTooSmallUTxO": Reason.MIN_UTXO_INSUFFICIENT,
    "FeeTooSmallUTxO": Reason.FEE_BELOW_MINIMUM,
    "ValueNotConservedUTxO": Reason.VALUE_NOT_CONSERVED,
    "ValidationTagMismatch": Reason.PHASE2_INVALID,
}
"""Ledger predicates that have a reason of their own; every other is ``phase1_invalid``."""


def in_process(eras: EraSummary, client: str) -> Evaluator:  # noqa: ARG001
    """Return an evaluator that runs scripts in this process, for any client."""
    return InProcessEvaluator(eras)


class Verifier:
    """Parses and checks payments on the networks that it has a provider for."""

    def __init__(
        self,
        chains: Mapping[str, ChainFacts],
        methods: Mapping[str, TransferMethod],
        clock: Clock,
        *,
        policy: TermsPolicy = TermsPolicy(),  # noqa: B008 -- frozen
        outputs: Mapping[str, OutputLookup] | None = None,
        scripts: ScriptEvaluators = in_process,
    ) -> None:
        """Take ``chains`` by canonical network id, ``methods`` by ``assetTransferMethod``.

        ``outputs``, by network id too, looks up outputs in place of the chains. ``scripts`` makes
        the evaluator for networks whose provider has none.
        """
        self._chains = chains
        self._outputs = outputs or {network: chain.outputs for network, chain in chains.items()}
        self._methods = methods
        # Once for all payments: isinstance() with a runtime protocol is slow.
        self._checks = {name: functions_by_phase(method) for name, method in methods.items()}
        self._unique_terms_methods = {
            name: method for name, method in methods.items() if isinstance(method, HasUniqueTerms)
        }
        self._landed_methods = {
            name: method for name, method in methods.items() if isinstance(method, ChecksLanded)
        }
        self._scripts = scripts
        self._clock = clock
        self._policy = policy

    @property
    def networks(self) -> Collection[str]:
        """The canonical ids of the networks."""
        return self._chains

    @property
    def methods(self) -> Collection[str]:
        """The transfer methods by ``assetTransferMethod``."""
        return self._methods

    @property
    def policy(self) -> TermsPolicy:
        """The operator's limits on what requirements may ask."""
        return self._policy

    def parse(self, request: PaymentRequest, origin: Origin = UNKNOWN_ORIGIN) -> Payment:
        """Return the payment in the request, its terms agreed. No I/O. Raises :class:`Refused`."""
        terms = agree_terms(request, self._chains, self._methods, policy=self._policy)
        payment = read_payment(terms, request.payload, origin)
        if names_sponsor(terms, request.payload):
            return with_sponsor(payment, request.payload)
        return payment

    def check_static(self, payment: Payment) -> None:
        """Return if nothing in the payment's bytes speaks against it, at any time.

        Nothing goes upstream. Raises :class:`Refused`.
        """
        method = payment.terms.method
        checks, context = self._checks[method], CheckContext(self._methods[method])
        for check in checks[Phase.BYTES]:
            check(payment, context)
        chain = self._chains[payment.terms.network.id]
        try:
            parameters, eras = chain.parameters(), chain.eras()
        except ChainUnavailable as error:
            raise lookup_failed(error) from None
        context.parameters, context.eras = parameters, eras
        environment = self._environment(payment, parameters, eras)
        failures = static_failures(payment.transaction, environment)
        failures += failures_around_the_fork(
            payment.transaction, environment, payment.terms.network
        )
        # The validity interval depends on the time: see check_ledger().
        failures = [failure for failure in failures if failure.rule != INTERVAL_RULE]
        failures.sort(key=_is_of_its_origin, reverse=True)
        if failures and _is_of_its_origin(failures[0]):
            refuse_failures(failures)
        for phase in (Phase.ORIGIN, Phase.TRANSFER):
            for check in checks[phase]:
                check(payment, context)
        refuse_failures(failures)

    def check_ledger(self, payment: Payment) -> Verified:
        """Return the payer's address if the ledger would accept the payment now.

        The payment has passed :meth:`check_static`. Raises :class:`Refused`, with
        ``chainlookup_failed`` if the chain could not be asked: that is no verdict on the payment.
        """
        network, method = payment.terms.network.id, payment.terms.method
        chain = self._chains[network]
        checks, context = self._checks[method], CheckContext(self._methods[method])
        try:
            context.eras, context.parameters = chain.eras(), chain.parameters()
            environment = self._environment(payment, context.parameters, context.eras)
            context.slot = environment.slot
            latest_ms = self._now_ms() + payment.terms.max_timeout_seconds * 1000
            context.latest_slot = context.eras.slot_at(latest_ms)
            for check in checks[Phase.TIME]:
                check(payment, context)
            utxo = look_up_outputs(payment, self._outputs[network])
            state, failures = look_up_state(payment.transaction, environment, utxo, chain)
            evaluator = evaluator_of(chain, utxo, self._scripts, payment.origin.client)
            failures = failures or ledger_failures(
                payment.transaction, environment, utxo, state, evaluator
            )
        except UnsignedInputs as unsigned:
            check_offered_output(payment, unsigned.utxo)
            nonce = unsigned.utxo.get(payment.nonce)
            payer = format_address(nonce.address) if nonce else None
            raise _refusal([unsigned.failure], payer) from None
        except ChainUnavailable as error:
            raise lookup_failed(error) from None
        context.nonce_output = utxo[payment.nonce]
        payer = format_address(context.nonce_output.address)
        refuse_foreign(payment, utxo, payer)
        if payment.sponsor is not None:
            check_offered_output(payment, utxo)
        refuse_failures(failures, payer)
        for check in checks[Phase.PAYER]:
            check(payment, context)
        try:
            for check in checks[Phase.CHAIN]:
                check(payment, context)
        except ChainUnavailable as error:
            raise lookup_failed(error) from None
        if not payment.future_signers:
            return Verified(payer)
        return Verified(payer, unsigned=unsigned_inputs_of(payment, utxo))

    def check_landed(self, payment: Payment) -> None:
        """Return if the payment, which is in a block, has not been undone since.

        Raises :class:`Refused`, and :class:`ChainUnavailable` while that is not known.
        """
        method = self._landed_methods.get(payment.terms.method)
        if method is None:
            return
        terms, tx = payment.terms, payment.transaction
        refs = [
            OutputRef(tx.id, index)
            for index, output in enumerate(tx.body.outputs)
            if output.address == terms.pay_to
        ]
        network = terms.network.id
        paid = look_up_made(refs, self._outputs[network], self._chains[network])
        method.check_landed(terms, tx, paid, self._now_ms())

    def unique_terms(self, payment: Payment) -> UniqueTerms | None:
        """Return the terms that only this payment's transaction may meet; ``None`` for others.

        The payment has passed :meth:`check_static`.
        """
        method = self._unique_terms_methods.get(payment.terms.method)
        return method.once(payment.terms) if method else None

    def _environment(
        self, payment: Payment, parameters: ProtocolParameters, eras: EraSummary
    ) -> Environment:
        slot = eras.slot_at(self._now_ms())
        network_id = payment.terms.network.network_id
        return Environment(slot, network_id, parameters, payment.future_signers)

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)


def _is_of_its_origin(failure: Failure) -> bool:
    """Return True if the transaction is another network's, or not as its payer signed it.

    Among several reasons that one is named, as the reference implementations do. The same holds for
    a transaction of another era than the one in force, of which no other rule says anything.
    """
    return (
        _REASONS.get(failure.rule) in (Reason.NETWORK_ID_MISMATCH, Reason.INVALID_SIGNATURE)
        or failure.rule in REASONS_OF_ERAS
    )


def refuse_foreign(
    payment: Payment, utxo: Mapping[OutputRef, Output], payer: str | None = None
) -> None:
    """Refuse outputs at addresses of another network, which this network's chain cannot hold.

    The ledger has no such rule, since it never has such outputs: a provider of another chain does.
    """
    network = payment.terms.network
    for ref, output in utxo.items():
        if network_of(output.address) != network.network_id:
            message = f"{ref} is at an address of another network than {network.id}"
            raise Refused(Reason.NETWORK_ID_MISMATCH, message, payer)


def refuse_failures(failures: Sequence[Failure], payer: str | None = None) -> None:
    """Raise :class:`Refused` if there are failures of the ledger's rules."""
    if failures:
        raise _refusal(failures, payer)


def _refusal(failures: Sequence[Failure], payer: str | None) -> Refused:
    reasons = [_REASONS.get(failure.rule, Reason.PHASE1_INVALID) for failure in failures]
    specific = [reason for reason in reasons if reason is not Reason.PHASE1_INVALID]
    return Refused(
        specific[0] if specific else Reason.PHASE1_INVALID,
        "; ".join(f"{failure.rule}: {failure.message}" for failure in failures),
        payer,
    )
