"""The settled payments of one network against its chain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from facilitator.cardano.addresses.address import parse_address
from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Output
from facilitator.cli.payments.amounts import ADA_DECIMALS, LOVELACE, with_decimals
from facilitator.cli.payments.chain_questions import BATCH_SIZE, CallsUsedUp, Questions
from facilitator.cli.payments.findings import (
    Finding,
    NotKnown,
    Repeats,
    asset_id,
    is_behind,
    judge_amount,
    judge_place,
    paid_of,
    unrecorded,
)
from facilitator.cli.payments.pages import read_payments
from facilitator.roles.chain import InBlock, NotFound, Tip, TransactionStatus, Unknown
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.payment_ledger import PaymentLedger, PaymentQuery, TotalBy
from facilitator.roles.payment_record import PaymentRecord
from facilitator.roles.storage import Storage

EXACT = "exact"
"""The scheme whose amount is what outputs to the recipient hold."""


@dataclass(slots=True)
class Progress:
    """The work that a reconciliation has done so far."""

    has_failed: bool = False
    """True if the chain did not answer at all."""
    checked: int = 0
    """Payments that were compared with the chain."""
    amounts_not_known: int = 0
    """Payments whose outputs cannot be seen any more."""
    next_until: float | None = None
    """Unix seconds: payments claimed before are left; ``None`` if that is not known."""
    recipients_left: int = 0
    """Recipients whose outputs were not looked at."""
    problems: list[str] = field(default_factory=list)
    """Reasons why something was not looked at."""


class Reconciliation:
    """The comparison on one network."""

    def __init__(
        self,
        ledger: PaymentLedger,
        storage: Storage,
        questions: Questions,
        query: PaymentQuery,
    ) -> None:
        """Compare the payments of the query, which are settled and of one network."""
        self._ledger = ledger
        self._storage = storage
        self._questions = questions
        self._query = query
        self._unseen: dict[str, PaymentRecord] = {}
        """Payments whose outputs are not known from their claims."""
        self._is_behind = False
        self.progress = Progress()
        totals = ledger.totals(query, [TotalBy.PAY_TO])
        self.payments = sum(each.count for each in totals)
        """Number of payments."""
        self.recipients = sorted({each.pay_to for each in totals if each.pay_to})
        """Their recipients' addresses."""

    @property
    def expected_calls(self) -> int:
        """The calls that it takes if all is well."""
        return self._questions.expected_calls(self.payments, len(self.recipients))

    def run(self) -> Iterator[Finding | NotKnown]:
        """Yield what does not fit and what is not known, as far as the calls suffice."""
        if not self.payments:
            return
        try:
            tip = self._questions.tip()
        except CallsUsedUp:
            self.progress.next_until = self._query.until
            return
        except ChainUnavailable as error:
            self.progress.has_failed = True
            self.progress.problems.append(f"nothing was compared: {error.detail}")
            return
        yield from self._compare(tip)
        if not self._is_behind:
            yield from self._look_at_recipients()
        self.progress.amounts_not_known = len(self._unseen)

    def _compare(self, tip: Tip) -> Iterator[Finding | NotKnown]:
        repeats = Repeats()
        for page in _batches(read_payments(self._ledger, self._query)):
            statuses = self._questions.statuses([each.transaction_id for each in page])
            for payment in page:
                if payment.transaction_id not in statuses:
                    # Times are shown in ms.
                    self.progress.next_until = payment.created_at + 0.001
                    return
                self._is_behind |= is_behind(payment, tip)
                verdicts = (
                    self._judge(payment, statuses[payment.transaction_id], tip),
                    repeats.add(payment),
                )
                self.progress.checked += 1
                yield from (each for each in verdicts if each is not None)

    def _judge(
        self, payment: PaymentRecord, status: TransactionStatus | Unknown, tip: Tip
    ) -> Finding | NotKnown | None:
        has_block = None
        if isinstance(status, NotFound) and payment.block and payment.block_slot is not None:
            try:
                has_block = self._questions.has_block(payment.block_slot, payment.block)
            except CallsUsedUp:
                has_block = None
        verdict = judge_place(payment, status, tip, has_block=has_block)
        if verdict is None and payment.scheme == EXACT:
            return self._judge_claim(payment)
        return verdict

    def _judge_claim(self, payment: PaymentRecord) -> Finding | NotKnown | None:
        """Judge the amount by the bytes in the claim: the id in the chain is their hash."""
        claim = self._storage.claim(payment.transaction_id)
        try:
            recipient, asset = parse_address(payment.pay_to), asset_id(payment.asset)
            transaction = None if claim is None else decode_transaction(claim.transaction)
        except (ValueError, DecodeError):
            transaction = None
        if transaction is None or transaction.id.hex() != payment.transaction_id:
            self._unseen[payment.transaction_id] = payment
            return None
        return judge_amount(payment, paid_of(transaction.body.outputs, recipient, asset))

    def _look_at_recipients(self) -> Iterator[Finding | NotKnown]:
        if not self._questions.lists_outputs:
            return
        left = len(self.recipients)
        try:
            eras = self._questions.eras()
            for address in self.recipients:
                yield from self._look_at(address, eras)
                left -= 1
        except CallsUsedUp:
            self.progress.recipients_left = left
        except ChainUnavailable as error:
            self.progress.recipients_left = left
            self.progress.problems.append(f"outputs cannot be listed: {error.detail}")

    def _look_at(self, address: str, eras: EraSummary) -> Iterator[Finding | NotKnown]:
        try:
            recipient = parse_address(address)
        except ValueError:
            return
        by_transaction: dict[str, list[Output]] = {}
        for ref, output in self._questions.outputs_at(recipient).items():
            by_transaction.setdefault(ref.transaction_id.hex(), []).append(output)
        for transaction_id, outputs in by_transaction.items():
            payment = self._unseen.get(transaction_id)
            if payment is not None and payment.pay_to == address:
                paid = paid_of(outputs, recipient, asset_id(payment.asset))
                if paid >= int(payment.amount):  # else the rest may be spent already
                    del self._unseen[transaction_id]
        unknown = [each for each in by_transaction if not self._is_recorded(each)]
        statuses = self._questions.statuses(unknown)
        for each in unknown:
            if each not in statuses:
                raise CallsUsedUp
            yield from self._judge_output(address, each, by_transaction[each], statuses[each], eras)

    def _is_recorded(self, transaction_id: str) -> bool:
        """Return True also for a claim that has not come to the ledger of another plugin yet."""
        return (
            self._ledger.payment(transaction_id) is not None
            or self._storage.claim(transaction_id) is not None
        )

    def _judge_output(
        self,
        address: str,
        transaction_id: str,
        outputs: Sequence[Output],
        status: TransactionStatus | Unknown,
        eras: EraSummary,
    ) -> Iterator[Finding | NotKnown]:
        network = self._query.network or ""
        if isinstance(status, Unknown):
            yield NotKnown(network, transaction_id, status.why)
        if not isinstance(status, InBlock):
            return
        at = eras.start_ms(status.point.slot) / 1000
        since, until = self._query.since, self._query.until
        if (since is None or at >= since) and (until is None or at < until):
            yield unrecorded(network, transaction_id, address, _value(outputs), at)


def _value(outputs: Sequence[Output]) -> str:
    lovelace = sum(each.value.lovelace for each in outputs)
    kinds = {asset for each in outputs for asset in each.value.assets}
    ada = with_decimals(lovelace, LOVELACE, {LOVELACE: ADA_DECIMALS})
    return f"{ada} ada" + (f" and native assets of {len(kinds)} kinds" if kinds else "")


def _batches(payments: Iterator[PaymentRecord]) -> Iterator[Sequence[PaymentRecord]]:
    page: list[PaymentRecord] = []
    for each in payments:
        page.append(each)
        if len(page) == BATCH_SIZE:
            yield page
            page = []
    if page:
        yield page
