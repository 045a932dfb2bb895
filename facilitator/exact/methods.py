"""Transfer methods: how value reaches ``payTo`` (``extra.assetTransferMethod``)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, runtime_checkable

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Output, OutputRef, Transaction
from facilitator.roles.chain import OutputStatus
from facilitator.roles.payment import Terms
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import UniqueTerms
from facilitator.x402.reasons import Reason


class TransferMethod(Protocol):
    """The required part of a transfer method. It does no I/O.

    Its methods are called like a gate, for at most ``hooks.gate_seconds``. With the attribute
    ``is_prompt = True`` they are called at once. The core itself checks that the ledger would take
    the transaction. What they raise beside ``Refused`` refuses the payment, too.
    """

    def check(self, terms: Terms, transaction: Transaction) -> None:
        """Return if the transaction transfers what the terms ask for, else raise ``Refused``."""
        ...


@runtime_checkable
class ChecksLedger(Protocol):
    """The optional part of a transfer method that uses more than the terms and the transaction.

    Neither method costs a call upstream. Both raise ``Refused``.
    """

    def check_ledger(
        self,
        terms: Terms,
        transaction: Transaction,
        parameters: ProtocolParameters,
        eras: EraSummary,
    ) -> None:
        """Check what depends on the parameters in force, after :meth:`TransferMethod.check`."""
        ...

    def check_payer(self, terms: Terms, transaction: Transaction, nonce: Output) -> None:
        """Check the payer: ``nonce`` is the unspent output that ``payload.nonce`` names."""
        ...


@runtime_checkable
class ChecksChain(Protocol):
    """The optional part of a transfer method that asks the chain for more than the inputs."""

    def check_chain(self, terms: Terms, transaction: Transaction) -> None:
        """Check what has to be looked up, after everything else holds and before the submission.

        Asks by the ``reader`` of the context: its questions count as the payment's. Raises
        ``Refused``, and ``ChainUnavailable`` if the answer is not known: then the payment may be
        tried again.
        """
        ...


@runtime_checkable
class ChecksLanded(Protocol):
    """The optional part of a transfer method whose transfer can be undone after it has landed."""

    def check_landed(
        self,
        terms: Terms,
        transaction: Transaction,
        paid: Mapping[OutputRef, OutputStatus],
        now_ms: int,
    ) -> None:
        """Check, for ``/verify``, a transfer in a block whose success went to no caller yet.

        ``paid`` are its outputs to ``payTo`` as the chain has them, unspent, or spent by a
        transaction that is named; ``now_ms`` is the Unix time in ms. Raises ``Refused``.
        """
        ...


@runtime_checkable
class HasUniqueTerms(Protocol):
    """The optional part of a transfer method with terms that only one transaction may meet."""

    def once(self, terms: Terms) -> UniqueTerms:
        """Return the identity of the checked terms, the same for every transaction."""
        ...


@runtime_checkable
class DeclaresReasons(Protocol):
    """A transfer method that refuses with reasons of its own, in addition to the core's."""

    def reasons(self) -> Collection[str]:
        """Return all of them: the OpenAPI document lists them with the core's."""
        ...


class DefaultTransfer:
    """A transfer to an address: one single output pays the whole amount to exactly ``payTo``."""

    def check(self, terms: Terms, transaction: Transaction) -> None:
        """Check the verification rules 2 to 4 of ``scheme_exact_cardano.md``."""
        check_amount(terms, outputs_to_payee(terms, transaction))


def outputs_to_payee(terms: Terms, transaction: Transaction) -> list[Output]:
    """Return the outputs to exactly ``payTo``, at least one. Raises ``Refused``."""
    outputs = transaction.body.outputs
    found = [output for output in outputs if output.address == terms.pay_to]
    if not found:
        raise Refused(
            Reason.RECIPIENT_MISMATCH,
            f"none of the {len(outputs)} outputs pays {terms.requirements.pay_to}",
        )
    return found


def check_amount(terms: Terms, outputs: Sequence[Output]) -> None:
    """Raise ``Refused`` unless a single output to ``payTo`` holds the whole amount."""
    paid = max(_amount_of(terms, output) for output in outputs)
    if paid == 0 and terms.asset is not None:
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
