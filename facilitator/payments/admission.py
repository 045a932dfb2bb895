"""The last judgement of a payment before it is submitted, and everything that is bound with it."""

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeAlias

from facilitator.clock import Clock
from facilitator.payments.absent_payments import AbsentPayments
from facilitator.payments.allowances import Allowances
from facilitator.payments.bindings import Bindings, Name
from facilitator.payments.idempotency import bind_identifier, bind_key, payment_identifier
from facilitator.payments.reservations import Reservations
from facilitator.payments.schemes import Schemes
from facilitator.payments.unique_terms import TermsRegistry
from facilitator.roles.allowance import current_allowance
from facilitator.roles.chain import ChainProvider
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.payment import PaymentView
from facilitator.roles.payment_hooks import Refusal
from facilitator.roles.refused import AlreadyOnChain, MayBeOnChain, Refused, lookup_failed
from facilitator.roles.scheme import SchemePayment, Verified
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.settlement.retention import GRACE_SECONDS, KEEP_SECONDS
from facilitator.settlement.settle_request import Admitted
from facilitator.settlement.tracking.recovery import resolve_on_chain

_log = logging.getLogger("facilitator.settlement")

Gate: TypeAlias = Callable[[PaymentView], Refusal | None]
"""A hook of all plugins that refuses a payment, or returns None."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a call of ``/settle`` brings besides the payment."""

    key: Name | None
    """The caller's idempotency key."""
    caller: str | None
    """The name of the caller's API key."""
    identifier: str | None
    """The payer's payment identifier."""
    client: str
    """The client as limits count it."""


class Admission:
    """Admits one payment to its submission: judges it, holds its inputs, binds its names."""

    def __init__(
        self,
        schemes: Schemes,
        providers: Mapping[str, ChainProvider],
        clock: Clock,
        before_settle: Gate | None,
        reservations: Reservations,
        storage: Storage,
        bindings: Bindings,
        terms: TermsRegistry,
        allowances: Allowances,
    ) -> None:
        """Ask ``before_settle`` first, which may refuse, if any plugin does."""
        self._schemes = schemes
        self._providers = providers
        self._clock = clock
        self._before_settle = before_settle
        self._reservations = reservations
        self._storage = storage
        self._bindings = bindings
        self._terms = terms
        self._allowances = allowances
        self._absent = AbsentPayments()

    def judge(self, payment: SchemePayment) -> Verified:
        """Return who pays, of a payment without a claim, if it may be submitted now."""
        try:
            verified = self._schemes.verify(payment)
        except MayBeOnChain as refused:
            raise self._resolved(refused, payment) from None
        except ChainUnavailable as error:
            raise lookup_failed(error) from None
        if (allowance := current_allowance()) is not None:
            allowance.accept()
        return verified

    def _resolved(self, refused: MayBeOnChain, payment: SchemePayment) -> Refused:
        """Return why the payment is refused; a repeat of the refusal asks no question."""
        if not refused.spent_by_itself and self._absent.has(payment.transaction_id):
            return refused
        provider = self._providers[payment.terms.network.id]
        resolved = resolve_on_chain(refused, payment, provider, self._clock.time())
        if resolved is refused:
            self._absent.add(payment.transaction_id)
        return resolved

    def admit(self, payment: SchemePayment, names: Names) -> Admitted:
        """Admit the payment to its submission; whatever is bound for it is bound by then.

        Raises :class:`Refused` and :class:`~facilitator.api.service.IdempotencyConflict`. Nothing
        stays bound then.
        """
        ask(self._before_settle, payment)
        terms = self._schemes.unique_terms(payment)
        try:
            with self._allowances.open(names.client):
                payer = self.judge(payment).payer
        except AlreadyOnChain:
            self._terms.bind(payment, terms)
            raise
        keep_until = self._keep_until(payment)
        if names.identifier is None and names.key is None and terms is None:
            # Nothing else is to be bound, which would need the inputs to be held before.
            with_claim = self._reservations.with_claim(payment, payer)
            if with_claim is not None:
                return Admitted(payer, _nothing, with_claim)
        with ExitStack() as bound:
            self._reservations.hold_settling(payment, payer)
            bound.callback(self._undo, self._reservations.release, payment.transaction_id)
            if names.identifier is not None:
                identifier = payment_identifier(payment, payer, names.caller, names.identifier)
                bind_identifier(self._bindings, identifier, payer, keep_until)
                bound.callback(self._undo, self._bindings.unbind, identifier)
            if names.key is not None:
                bind_key(self._bindings, names.key, keep_until)
                bound.callback(self._undo, self._bindings.unbind, names.key)
            self._terms.bind(payment, terms)
            bound.callback(self._undo, self._terms.unbind, payment, terms)
            return Admitted(payer, bound.pop_all().close)

    def join(self, payment: SchemePayment, names: Names) -> None:
        """Bind the names of a caller that waits for a payment which another call has submitted.

        It may receive the success. Raises :class:`Refused` and
        :class:`~facilitator.api.service.IdempotencyConflict`.
        """
        keep_until = self._keep_until(payment)
        if names.identifier is not None:
            claim = self._storage.claim(payment.transaction_id)
            if claim and claim.payer:  # of one found on the chain no payer is known
                payer = claim.payer
                identifier = payment_identifier(payment, payer, names.caller, names.identifier)
                bind_identifier(self._bindings, identifier, payer, keep_until)
        if names.key is not None:
            bind_key(self._bindings, names.key, keep_until)

    @staticmethod
    def _undo(free: Callable[..., None], *arguments: object) -> None:
        """Free what was bound; a storage that is away keeps it until its time is over."""
        try:
            free(*arguments)
        except StorageUnavailable as error:
            _log.warning("what was bound for a refused payment stays for a while: %s", error.detail)

    def _keep_until(self, payment: SchemePayment) -> float:
        longest = payment.terms.max_timeout_seconds + GRACE_SECONDS + KEEP_SECONDS
        return self._clock.time() + longest


def ask(gate: Gate | None, payment: SchemePayment) -> None:
    """Raise :class:`Refused` if a plugin's gate refuses the payment."""
    if gate is not None and (refusal := gate(payment.view)) is not None:
        raise Refused(refusal.reason, refusal.message)


def _nothing() -> None:
    """Free nothing, since nothing was bound."""
