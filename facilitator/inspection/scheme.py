"""What each rule of the scheme ``exact`` says of a payment."""

from collections.abc import Collection, Mapping
from functools import partial

from facilitator.cardano.transaction import OutputRef, Transaction
from facilitator.exact.methods import ChecksLedger, TransferMethod
from facilitator.exact.payment import Payment, decoded, read_nonce, transaction_bytes
from facilitator.exact.refused import Refused
from facilitator.exact.terms import Terms, agree_terms
from facilitator.exact.verification import check_flag, check_nonce, check_signed, check_validity
from facilitator.inspection.checks import Check, SchemeChecks
from facilitator.inspection.snapshot import Snapshot
from facilitator.roles.chain import ChainUnavailable, OutputStatus, Spent, Unspent
from facilitator.x402.messages import PaymentRequest
from facilitator.x402.reasons import Reason

FLAG, SIGNED, INPUT = "validity flag", "signed at all", "nonce is an input"
TRANSFER, WINDOW, UNSPENT = "pays the terms", "ends in time", "nonce is unspent"
NETWORK, PAYER = "pays as the network is now", "is paid by whom it names"


class SchemeReport:
    """The payment's parts as far as they can be read, and the rows of the rules."""

    def __init__(
        self,
        request: PaymentRequest,
        *,
        networks: Collection[str],
        methods: Mapping[str, TransferMethod],
        accept_mempool: bool,
    ) -> None:
        """Read the terms and the transaction; nothing goes upstream."""
        self._checks = SchemeChecks()
        self._methods = methods
        attempt = self._checks.attempt
        self.terms: Terms | None = attempt(
            "terms",
            lambda: agree_terms(request, networks, methods, accept_mempool=accept_mempool),
            lambda terms: f"{terms.amount} {terms.requirements.asset} on {terms.network.id}",
        )
        raw = attempt(
            "transaction is base64",
            lambda: transaction_bytes(request.payload.get("transaction")),
            lambda found: f"{len(found)} bytes",
        )
        self.nonce: OutputRef | None = attempt(
            "nonce is well-formed", lambda: read_nonce(request.payload.get("nonce")), str
        )
        self.transaction: Transaction | None = None
        if raw is None:
            self._checks.leave("transaction decodes", "there are no bytes to decode")
        else:
            self.transaction = attempt("transaction decodes", partial(decoded, raw))

    def checks(
        self,
        slot: int,
        latest: int | None,
        outputs: Mapping[OutputRef, OutputStatus],
        chain: Snapshot,
    ) -> list[Check]:
        """All rows; ``latest`` is the last slot that the terms allow the payment to end in."""
        if self.terms is None or self.transaction is None or self.nonce is None or latest is None:
            for name in (FLAG, SIGNED, INPUT, TRANSFER, WINDOW, UNSPENT):
                self._checks.leave(name, "needs terms, transaction and nonce that can be read")
            return self._checks.rows
        payment = Payment(self.terms, self.transaction, self.nonce, self.transaction.id.hex())
        attempt = self._checks.attempt
        attempt(FLAG, partial(check_flag, payment))
        attempt(SIGNED, partial(check_signed, payment))
        attempt(INPUT, partial(check_nonce, payment))
        attempt(
            TRANSFER,
            partial(self._methods[self.terms.method].check, self.terms, self.transaction),
            lambda _: f"to {payment.terms.requirements.pay_to}",
        )
        status = outputs.get(payment.nonce)
        method = self._methods[self.terms.method]
        if isinstance(method, ChecksLedger):
            self._ledger(method, payment, status, chain)
        end = self.transaction.body.invalid_hereafter
        attempt(
            WINDOW,
            partial(check_validity, payment, slot, latest),
            lambda _: f"before slot {end}, allowed is slot {latest}",
        )
        self._unspent(payment.nonce, status)
        return self._checks.rows

    def _ledger(
        self, method: ChecksLedger, payment: Payment, status: OutputStatus | None, chain: Snapshot
    ) -> None:
        terms, tx = payment.terms, payment.transaction
        try:
            parameters = chain.parameters()
        except ChainUnavailable as error:
            self._checks.leave(NETWORK, f"needs the protocol parameters: {error}")
        else:
            check = partial(method.check_ledger, terms, tx, parameters, chain.eras())
            self._checks.attempt(NETWORK, check)
        if isinstance(status, Unspent):
            self._checks.attempt(PAYER, partial(method.check_payer, terms, tx, status.output))
        else:
            self._checks.leave(PAYER, "needs the output that the nonce names")

    def _unspent(self, nonce: OutputRef, status: OutputStatus | None) -> None:
        if isinstance(status, Unspent | Spent):
            self._checks.attempt(UNSPENT, partial(_check_unspent, nonce, status), str)
        else:
            self._checks.leave(UNSPENT, "needs the chain, or the nonce is no input")


def _check_unspent(nonce: OutputRef, status: Unspent | Spent) -> OutputRef:
    if isinstance(status, Spent):
        by = f" (spent by {status.by})" if status.by else ""
        raise Refused(Reason.NONCE_NOT_ON_CHAIN, f"{nonce} is not unspent on the chain{by}")
    return nonce
