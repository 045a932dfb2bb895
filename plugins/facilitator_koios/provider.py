"""Koios as a chain provider."""

from collections.abc import Collection, Mapping, Sequence

from facilitator.cardano.ogmios.eras import Calendar
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.plugin import (
    Block,
    Clock,
    OutputStatus,
    Point,
    SingleFlight,
    Spender,
    Spent,
    Tip,
    TransactionStatus,
)
from facilitator_koios.accounts import read_ledger_state
from facilitator_koios.blocks import Blocks
from facilitator_koios.calendar import read_calendar, read_genesis
from facilitator_koios.client import Client
from facilitator_koios.evaluation import evaluate
from facilitator_koios.examination import examine
from facilitator_koios.fields import whole
from facilitator_koios.forks import read_next_version
from facilitator_koios.outputs import read_outputs_at, read_statuses
from facilitator_koios.parameters import Kept, fetch_parameters
from facilitator_koios.spenders import find_spender
from facilitator_koios.submission import submit


class Koios:
    """A network by one Koios.

    It implements :class:`facilitator.roles.chain.ChainProvider`, ``ReadsLedgerState``,
    ``ListsOutputs``, ``FindsTransactions``, ``FindsSpenders``, ``NamesNetwork``,
    ``ExaminesServer``, ``ForeseesForks`` and ``HasPlan``. For use by many threads at once.
    """

    is_devnet = False

    def __init__(self, network: str, client: Client, clock: Clock, *, poll_seconds: float) -> None:
        """Ask the Koios of ``network`` by ``client``; ask nothing yet."""
        self.network = network
        self.poll_seconds = poll_seconds
        self._client = client
        self._clock = clock
        self._blocks = Blocks(client, network)
        self._calendar: Calendar | None = None
        self._kept: Kept | None = None
        self._fetch_calendar = SingleFlight(lambda: read_calendar(client, network))
        self._fetch_parameters = SingleFlight(
            lambda: fetch_parameters(client, self._known_calendar(), clock)
        )

    @property
    def plan(self) -> str | None:
        """The tier whose limits are kept, if any."""
        return self._client.plan

    def network_magic(self) -> int:
        """Ask for the network magic in genesis."""
        return whole(read_genesis(self._client), "networkmagic")

    def examine(self) -> str:
        """Try the server; return what it can do. Raises :class:`ServerLacks`."""
        return examine(self._client, self._blocks)

    def tip(self) -> Tip:
        """Return the newest block."""
        return self._blocks.tip()

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return each output's status; unknown where Koios doesn't have it."""
        found = read_statuses(self._client, refs)
        return {
            ref: Spent(self._blocks.spender(ref)) if isinstance(status, Spent) else status
            for ref, status in found.items()
        }

    def submit(self, transaction: bytes) -> str:
        """Post the bytes to Koios' node once; return the transaction's id."""
        return submit(self._client, transaction)

    def outputs_at(self, address: bytes) -> Mapping[OutputRef, Output]:
        """Return the newest outputs that a wallet at the address may spend."""
        return read_outputs_at(self._client, address)

    def transaction(self, transaction_id: str) -> TransactionStatus:
        """Return the transaction's block, if it is in one. No mempool can be seen."""
        return self._blocks.status(transaction_id)

    def transactions(self, transaction_ids: Collection[str]) -> Mapping[str, TransactionStatus]:
        """Return each transaction's block, if it is in one."""
        return self._blocks.statuses(transaction_ids)

    def spender(self, ref: OutputRef) -> Spender:
        """Return the output, or the transaction that spent it, as far as that can be found."""
        return find_spender(self._client, self._blocks, ref)

    def blocks_after(self, point: Point) -> Sequence[Block]:
        """Return the next few blocks, oldest first."""
        return self._blocks.after(point)

    def parameters(self) -> ProtocolParameters:
        """Return the protocol parameters in force, asked for once an epoch."""
        kept = self._kept
        if kept is None or not kept.counts_at(self._clock.time()):
            kept = self._kept = self._fetch_parameters()
        return kept.parameters

    def next_protocol_version(self) -> int | None:
        """Return the version of a hard fork that is ratified and not enacted."""
        return read_next_version(self._client)

    def eras(self) -> EraSummary:
        """Return the era summary, asked for once."""
        return self._known_calendar().eras

    def ledger_state(self, query: StateQuery) -> LedgerState:
        """Return the stake accounts asked for; other facts are unknown."""
        return read_ledger_state(self._client, self.network, query)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _known_calendar(self) -> Calendar:
        calendar = self._calendar
        if calendar is None:
            calendar = self._calendar = self._fetch_calendar()
        return calendar


class EvaluatingKoios(Koios):
    """A Koios that takes bodies large enough for scripts, whose node runs them.

    It implements ``EvaluatesScripts`` as well.
    """

    def evaluate(
        self,
        transaction: bytes,
        utxo: Mapping[OutputRef, Output],  # noqa: ARG002 -- the node has them
    ) -> Sequence[ScriptFailure]:
        """Return the scripts that fail or exceed their budget."""
        return evaluate(self._client, transaction)
