"""The errors of chain providers."""

from facilitator.cardano.refusals import Proof


class ChainUnavailable(Exception):
    """The provider cannot answer now: it is down, out of quota or behind.

    Its text is shown to callers: one short sentence, without hosts or advice. What helps the
    operator goes into :attr:`detail`, which tracebacks show too.
    """

    def __init__(self, public: str = "the provider cannot answer", detail: str = "") -> None:
        """Take the sentence for callers, and the one for the operator if that says more."""
        super().__init__(public)
        self.detail = detail or public
        """The sentence for the operator."""
        if detail:
            self.add_note(detail)


class ProviderBehind(ChainUnavailable):
    """The provider answers, but is behind: its chain ends before the point in question."""


class NotFoundSince(ChainUnavailable):
    """The provider knows no such transaction, but knows only the blocks after a slot.

    An older block may hold it, so this is no :class:`~facilitator.roles.chain.NotFound`.
    """

    def __init__(self, slot: int) -> None:
        """Take the slot of the newest block whose transactions, like older ones, are not known."""
        super().__init__("the transaction is in no recent block; older blocks are not known")
        self.slot = slot
        """Every transaction in later blocks was searched."""


class ProviderUnusable(ChainUnavailable):
    """The provider will not answer until its operator changes something.

    It refuses the key, or is of another network. At start it ends the process; later it counts as
    unavailable.
    """

    def __init__(self, detail: str, public: str = "it cannot be used as it is set up") -> None:
        """Take the sentence for the operator, which names what to change, and that for callers."""
        super().__init__(public, detail)


class ServerLacks(ChainUnavailable):
    """The server behind the provider cannot say what a verdict needs.

    The provider counts as unavailable until the server can. ``facilitator check`` fails. The start
    does not, since the server may be mended while the facilitator runs.
    """

    def __init__(self, detail: str, public: str = "its server lacks what verdicts need") -> None:
        """Take the sentence for the operator, which names the remedy, and that for callers."""
        super().__init__(public, detail)


class SubmissionRejected(Exception):
    """A node refused the transaction. The text is the reason, and may be shown to callers.

    What that proves is :attr:`proves`. A provider says no more than a ledger rule, a code or a
    status of its server says: :func:`~facilitator.cardano.refusals.read_refusal` reads them.
    """

    def __init__(self, reason: str, *, proves: Proof = Proof.NOTHING) -> None:
        """Take the node's reason, and what it proves of the transaction.

        With :attr:`Proof.NOTHING` it is treated like :class:`SubmissionUnknown`.
        """
        super().__init__(reason)
        self.proves = proves
        """If it :attr:`~facilitator.cardano.refusals.Proof.is_final`, the first submission of a
        transaction ends its settlement. Otherwise the chain decides."""


class SubmissionUnknown(ChainUnavailable):
    """The transaction was sent, or may have been, but the outcome is unknown."""


class PointNotFound(Exception):
    """The block is not, or no longer, on the provider's chain."""
