"""The rows of the report for the scheme ``exact``: one for each check of a payment."""

from collections.abc import Callable, Collection, Mapping
from functools import partial

from facilitator.cardano.transaction import OutputRef, Transaction
from facilitator.exact.checks import (
    CheckContext,
    CheckFunction,
    PaymentCheck,
    check_sponsored,
    check_transfer,
    check_validity,
    checks_of,
)
from facilitator.exact.methods import TransferMethod
from facilitator.exact.payment import Payment, read_nonce, read_transaction, read_transaction_bytes
from facilitator.exact.sponsorship import names_sponsor, with_sponsor
from facilitator.exact.terms import TermsPolicy, agree_terms
from facilitator.inspection.checks import Check, SchemeChecks
from facilitator.inspection.snapshot import Snapshot
from facilitator.roles.chain import OutputStatus, Spent, Unspent
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.payment import Terms
from facilitator.roles.refused import Refused
from facilitator.x402.messages import PaymentRequest
from facilitator.x402.reasons import Reason

UNSPENT = "nonce is unspent"
"""The row without a check in the table: a verdict looks up all inputs in one batch."""

_FIGURES: Mapping[CheckFunction, Callable[[Payment, CheckContext], str]] = {
    check_transfer: lambda payment, _: f"to {payment.terms.requirements.pay_to}",
    check_validity: lambda payment, context: (
        f"before slot {payment.transaction.body.invalid_hereafter}, "
        f"allowed is slot {context.latest_slot}"
    ),
}
"""The figures behind a check that holds."""


class SchemeReport:
    """The payment's parts as far as they can be read, and the rows of the checks."""

    def __init__(
        self,
        request: PaymentRequest,
        *,
        networks: Collection[str],
        methods: Mapping[str, TransferMethod],
        policy: TermsPolicy,
    ) -> None:
        """Read the terms and the transaction. Nothing goes upstream."""
        self._checks = SchemeChecks()
        self._methods = methods
        attempt = self._checks.attempt
        self.terms: Terms | None = attempt(
            "terms",
            lambda: agree_terms(request, networks, methods, policy=policy),
            lambda terms: f"{terms.amount} {terms.requirements.asset} on {terms.network.id}",
        )
        raw = attempt(
            "transaction is base64",
            lambda: read_transaction_bytes(request.payload.get("transaction")),
            lambda found: f"{len(found)} bytes",
        )
        self.nonce: OutputRef | None = attempt(
            "nonce is well-formed", lambda: read_nonce(request.payload.get("nonce")), str
        )
        self.transaction: Transaction | None = None
        if raw is None:
            self._checks.leave("transaction decodes", "there are no bytes to decode")
        else:
            self.transaction = attempt("transaction decodes", partial(read_transaction, raw))
        self._payment = self._read_payment(request)

    @property
    def future_signers(self) -> frozenset[bytes]:
        """Hashes of the keys that are going to sign: the sponsor's, if there is one."""
        return self._payment.future_signers if self._payment else frozenset()

    def _read_payment(self, request: PaymentRequest) -> Payment | None:
        if self.terms is None or self.transaction is None or self.nonce is None:
            return None
        payment = Payment(self.terms, self.transaction, self.nonce, self.transaction.id.hex())
        if not names_sponsor(self.terms, request.payload):
            return payment
        sponsored: Payment | None = self._checks.attempt(
            "sponsor's offer", partial(with_sponsor, payment, request.payload)
        )
        if sponsored is not None:
            self.transaction = sponsored.transaction
        return sponsored

    def checks(
        self,
        slot: int,
        latest: int | None,
        outputs: Mapping[OutputRef, OutputStatus],
        chain: Snapshot,
    ) -> list[Check]:
        """Return all rows; ``latest`` is the last slot that the terms allow the payment to end in.

        It is ``None`` if there are no terms.
        """
        payment = self._payment
        if payment is None or latest is None:
            names = [check.name for check in checks_of(None) if check.run is not check_sponsored]
            for name in (*names, UNSPENT):
                self._checks.leave(name, "needs terms, transaction and nonce that can be read")
            return self._checks.rows
        status = outputs.get(payment.nonce)
        context = CheckContext(self._methods[payment.terms.method])
        context.slot, context.latest_slot = slot, latest
        unknown = _complete(context, status, chain)
        for check in checks_of(context.method):
            if check.run is check_sponsored and payment.sponsor is None:
                continue
            if check.needs in unknown:
                self._checks.leave(check.name, unknown[check.needs])
            else:
                self._attempt(check, payment, context)
        self._unspent(payment.nonce, status)
        return self._checks.rows

    def _attempt(self, check: PaymentCheck, payment: Payment, context: CheckContext) -> None:
        figures = _FIGURES.get(check.run)
        try:
            self._checks.attempt(
                check.name,
                partial(check.run, payment, context),
                lambda _: figures(payment, context) if figures else "",
            )
        except ChainUnavailable as error:
            self._checks.leave(check.name, f"needs the chain: {error}")

    def _unspent(self, nonce: OutputRef, status: OutputStatus | None) -> None:
        if isinstance(status, Unspent | Spent):
            self._checks.attempt(UNSPENT, partial(_check_unspent, nonce, status), str)
        else:
            self._checks.leave(UNSPENT, "needs the chain, or the nonce is no input")


def _complete(
    context: CheckContext, status: OutputStatus | None, chain: Snapshot
) -> dict[str | None, str]:
    """Set the facts that are known, and return why each of the others is not."""
    unknown: dict[str | None, str] = {}
    context.eras = chain.eras()
    try:
        context.parameters = chain.parameters()
    except ChainUnavailable as error:
        unknown["parameters"] = f"needs the protocol parameters: {error}"
    if chain.is_offline:
        unknown["chain"] = "needs the chain"
    if isinstance(status, Unspent):
        context.nonce_output = status.output
    else:
        unknown["nonce_output"] = "needs the output that the nonce names"
    return unknown


def _check_unspent(nonce: OutputRef, status: Unspent | Spent) -> OutputRef:
    if isinstance(status, Spent):
        by = f" (spent by {status.by})" if status.by else ""
        raise Refused(Reason.NONCE_NOT_ON_CHAIN, f"{nonce} is not unspent on the chain{by}")
    return nonce
