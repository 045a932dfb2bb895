"""A scheme: which payments it takes, what they must be, and what is submitted for them.

The core does the rest for every scheme alike: one claim for a transaction, one submission,
following to the depth that was agreed, and the delivery of the success to one caller. A plugin
returns schemes from the hook ``schemes``. ``facilitator.testing.scheme`` has the contract tests.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import field
from typing import Any, NamedTuple, Protocol, runtime_checkable

from facilitator.immutable import immutable
from facilitator.roles.claim import NO_END, Claim
from facilitator.roles.payment import UNKNOWN_ORIGIN, Origin, PaymentView, Terms
from facilitator.x402.messages import PaymentRequest

MAX_RECORD_BYTES = 4_096
"""Greatest size of a scheme's record in a claim."""
MAX_EXTRA_BYTES = 16_384
"""Greatest size of what a scheme adds to an answer, as JSON."""


@immutable
class SchemePayment:
    """A payment as its scheme has read it, with what the core needs of every payment."""

    terms: Terms
    """The requirements as checked values."""
    transaction_id: str = ""
    """Canonical id, lowercase hex; empty for a message that settles nothing on the chain."""
    transaction: bytes = field(default=b"", repr=False)
    """The exact bytes to submit. They are as good as money: write them nowhere."""
    inputs: frozenset[str] = frozenset()
    """Output references that it spends, ``<transaction id>#<index>``, and names of what else it
    uses up: two payments that share one of these are rivals."""
    invalid_hereafter: int = NO_END
    """The slot from which on the ledger no longer accepts it."""
    record: bytes = b""
    """The scheme's own record, kept in the claim for :meth:`Scheme.answer`.

    At most :data:`MAX_RECORD_BYTES`.
    """
    statement: bytes = b""
    """The part of the payment that neither its transaction nor its terms show, such as an IOU.

    A claim settles the statement that was judged with its transaction, and no other one. Empty if
    the payment says no more.
    """
    fee: int | None = None
    """Lovelace that the ledger takes for the transaction; ``None`` if it is not known."""
    origin: Origin = UNKNOWN_ORIGIN
    """The part of the request that says where the payment comes from."""
    content: Any = field(default=None, repr=False)
    """The scheme's own value, which the core passes back to it."""

    @property
    def scheme(self) -> str:
        """The name of the scheme."""
        return self.terms.requirements.scheme

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of what a claim on its transaction settles: requirements and statement."""
        requirements = self.terms.requirements.fingerprint()
        if not self.statement:
            return requirements
        return hashlib.sha256(bytes.fromhex(requirements) + self.statement).hexdigest()

    @property
    def view(self) -> PaymentView:
        """The payment as plugins see it."""
        return PaymentView(self.transaction_id, self.terms, self.origin, self.transaction)


class Verified(NamedTuple):
    """The outcome for a payment that is valid."""

    payer: str
    """The payer, as the scheme names it: an address, or a key hash."""
    extra: Mapping[str, Any] = {}
    """Further fields for ``extra`` in the answer of ``/verify``."""
    unsigned: frozenset[str] = frozenset()
    """Inputs whose keys have not signed yet: a verification does not hold them."""


class UniqueTerms(NamedTuple):
    """The identity of terms that only one transaction may meet."""

    key: str
    """Equal for terms that count as the same."""
    until: float
    """Unix time in seconds from which no other transaction can meet them any more."""


class Answer(NamedTuple):
    """The scheme's part of a success."""

    amount: str
    """Atomic units that were paid, as decimal text."""
    extra: Mapping[str, Any] = {}
    """Further fields for ``extra`` in the answer of ``/settle``."""


class Scheme(Protocol):
    """A scheme. Its methods are called from many threads at once.

    All but :meth:`verify` do no I/O. They are called like a gate, for at most
    ``hooks.gate_seconds``, and :meth:`verify` for at most ``hooks.scheme_seconds``; with the
    attribute ``is_prompt = True`` all are called at once. What they raise beside
    :class:`~facilitator.roles.refused.Refused` refuses the payment, too. So does an answer that the
    core cannot settle. A scheme with reasons of its own may be a
    :class:`~facilitator.exact.methods.DeclaresReasons`, and one whose payments can lose their worth
    after they have landed a :class:`VerifiesLanded`.
    """

    def kind(self, network: str) -> Mapping[str, Any] | None:
        """Return ``extra`` of its kind in ``/supported``; ``None`` where it is not served.

        Called at start, for each network that the facilitator serves (canonical id).
        """
        ...

    def read(self, request: PaymentRequest, origin: Origin) -> SchemePayment:
        """Return the payment in the request, its terms agreed.

        Its ``terms.requirements`` are those of the request, the network folded to its canonical id:
        :func:`~facilitator.plugin.scheme_terms.agree_terms` makes such. Also called for
        ``/cancel``, and before a request is counted: so be cheap. Raises ``Refused``.
        """
        ...

    def prepare(self, payment: SchemePayment) -> SchemePayment:
        """Return the payment as ``/settle`` is to submit it: right after :meth:`read`.

        Its transaction and its record may be new. An id that :meth:`read` gave stays, and so do the
        terms and the statement: the same request leads to the same id each time. Raises
        ``Refused``, as for a message that settles nothing here.
        """
        ...

    def check(self, payment: SchemePayment) -> None:
        """Return if nothing in the payment itself speaks against it, at any time.

        Raises ``Refused``: such a payment costs no upstream call, and leaves nothing behind.
        """
        ...

    def unique_terms(self, payment: SchemePayment) -> UniqueTerms | None:
        """Return the terms that only this payment's transaction may meet; ``None`` for others.

        The payment has passed :meth:`check`.
        """
        ...

    def verify(self, payment: SchemePayment) -> Verified:
        """Return who pays if the payment is valid now; at ``/settle``, if it may be submitted now.

        The payment has passed :meth:`check`. Raises ``Refused``; :class:`MayBeOnChain` if one that
        has landed already looks the same; and
        :class:`~facilitator.roles.chain_errors.ChainUnavailable` if the chain does not answer.
        """
        ...

    def answer(self, claim: Claim) -> Answer:
        """Return the scheme's part of the success, from the claim and its record alone.

        It may be called in another process than :meth:`prepare`, long after.
        """
        ...


@runtime_checkable
class VerifiesLanded(Protocol):
    """A scheme whose payment may be worth less, or nothing, after its transaction has landed."""

    def verify_landed(self, payment: SchemePayment) -> Mapping[str, Any]:
        """Return what has changed in ``extra`` of :meth:`Scheme.answer` since the payment landed.

        Called for ``/verify`` of a payment that is in a block and whose success went to no caller
        yet, perhaps long after. It has passed :meth:`Scheme.check`. Raises as
        :meth:`Scheme.verify` does.
        """
        ...
