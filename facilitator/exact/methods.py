"""Transfer methods: how value reaches ``payTo`` (``extra.assetTransferMethod``)."""

from typing import Protocol

from facilitator.cardano.transaction import Output, Transaction
from facilitator.exact.refused import Refused
from facilitator.exact.terms import Terms
from facilitator.x402.reasons import Reason


class TransferMethod(Protocol):
    """What a transfer method must be able to do. It does no I/O."""

    def check(self, terms: Terms, transaction: Transaction) -> None:
        """Return when the transaction transfers what the terms ask for, else raise ``Refused``."""
        ...


class DefaultTransfer:
    """Address to address: one single output pays the whole amount to exactly ``payTo``."""

    def check(self, terms: Terms, transaction: Transaction) -> None:
        """Verification rules 2 to 4 of ``scheme_exact_cardano.md``."""
        recipients = [o for o in transaction.body.outputs if o.address == terms.pay_to]
        if not recipients:
            raise Refused(
                Reason.RECIPIENT_MISMATCH,
                f"none of the {len(transaction.body.outputs)} outputs pays "
                f"{terms.requirements.pay_to}",
            )
        paid = max(_amount_of(terms, output) for output in recipients)
        if paid == 0:
            raise Refused(
                Reason.ASSET_MISMATCH,
                f"no output to payTo holds any {terms.requirements.asset}",
            )
        if paid < terms.amount:
            raise Refused(
                Reason.AMOUNT_INSUFFICIENT,
                f"the largest single output to payTo holds {paid} {terms.requirements.asset}, "
                f"the requirement is {terms.amount}",
            )


def _amount_of(terms: Terms, output: Output) -> int:
    if terms.asset is None:
        return output.value.lovelace
    return output.value.assets.get(terms.asset, 0)
