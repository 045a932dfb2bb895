"""Blockfrost as a chain provider."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import AssetId, Output, OutputRef
from facilitator.plugin import (
    AssetState,
    Block,
    Clock,
    OutputStatus,
    Point,
    SingleFlight,
    Spender,
    Tip,
    TransactionStatus,
    Unknown,
    allowing,
)
from facilitator_blockfrost.abilities import try_abilities
from facilitator_blockfrost.assets import read_asset
from facilitator_blockfrost.blocks import read_blocks_after, read_tip
from facilitator_blockfrost.client import Client
from facilitator_blockfrost.eras import Calendar, read_calendar
from facilitator_blockfrost.evaluation import evaluate
from facilitator_blockfrost.forks import read_next_version
from facilitator_blockfrost.genesis import read_network
from facilitator_blockfrost.ledger_state import read_ledger_state
from facilitator_blockfrost.outputs import Outputs
from facilitator_blockfrost.parameters import Kept, fetch_parameters
from facilitator_blockfrost.spenders import find_spender
from facilitator_blockfrost.spends import SpendsCheck
from facilitator_blockfrost.submission import submit
from facilitator_blockfrost.transactions import read_status


class Blockfrost:
    """A network by one Blockfrost.

    It implements :class:`facilitator.roles.chain.ChainProvider`, ``ReadsLedgerState``,
    ``ReadsAssets``, ``FindsSpenders``, ``NamesNetwork``, ``ExaminesServer``, ``ForeseesForks`` and
    ``HasPlan``. For use by many threads at once.
    """

    is_devnet = False

    def __init__(self, network: str, client: Client, clock: Clock, *, poll_seconds: float) -> None:
        """Ask the Blockfrost of ``network`` by ``client``; ask nothing yet."""
        self.network = network
        self.poll_seconds = poll_seconds
        self._client = client
        self._clock = clock
        self._outputs = Outputs(client)
        self._spends = SpendsCheck(client, self._outputs)
        self._calendar: Calendar | None = None
        self._kept: Kept | None = None
        self._genesis: Any = None
        self._fetch_calendar = SingleFlight(lambda: read_calendar(client, network, self._genesis))
        self._fetch_parameters = SingleFlight(
            lambda: fetch_parameters(client, self._known_calendar(), clock)
        )

    @property
    def plan(self) -> str | None:
        """The plan whose limits are kept, if any."""
        return self._client.plan

    def network_magic(self) -> int | None:
        """Ask for the network magic in genesis, else find the network whose slots fit the tip."""
        genesis, magic = read_network(self._client)
        self._genesis = genesis or self._genesis
        return magic

    def examine(self) -> str:
        """Try the server; return what it can do. Raises :class:`ProviderUnusable`."""
        self._spends.run()
        passed = self._spends.has_passed
        shown = "shows what is spent" if passed else "no transaction yet that shows what is spent"
        return f"{shown}; {try_abilities(self._client)}"

    def tip(self) -> Tip:
        """Return the newest block."""
        return read_tip(self._client, self.network)

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return each output's status; unknown where Blockfrost doesn't have its transaction."""
        if self._spends.has_question:
            with allowing(None):  # no payment pays for what is asked once for all
                self._spends.finish()
        return self._outputs.statuses(refs)

    def submit(self, transaction: bytes) -> str:
        """Post the bytes to Blockfrost's node once; return the transaction's id."""
        return submit(self._client, transaction)

    def outputs_at(self, address: bytes) -> Mapping[OutputRef, Output]:
        """Return one page of the outputs that a wallet at the address may spend."""
        return self._outputs.at(address)

    def asset(self, asset: AssetId) -> AssetState | Unknown:
        """Return the asset's holders; unknown where Blockfrost doesn't have it."""
        return read_asset(self._client, asset)

    def transaction(self, transaction_id: str) -> TransactionStatus:
        """Return the transaction's status: in a block, else in the mempool of Blockfrost's node."""
        return read_status(self._client, transaction_id)

    def spender(self, ref: OutputRef) -> Spender:
        """Return the output, or the transaction that spent it."""
        return find_spender(self._client, ref, self.outputs([ref])[ref])

    def blocks_after(self, point: Point) -> Sequence[Block]:
        """Return the next few blocks, oldest first."""
        blocks = read_blocks_after(self._client, point)
        self._spends.note(blocks)
        return blocks

    def parameters(self) -> ProtocolParameters:
        """Return the protocol parameters at Blockfrost's tip, asked for once an epoch."""
        kept = self._kept
        if kept is None or not kept.counts_at(self._clock.time()):
            kept = self._kept = self._fetch_parameters()
        return kept.parameters

    def next_protocol_version(self) -> int | None:
        """Return the version of a ratified hard fork; ``None`` too if the server cannot say."""
        return read_next_version(self._client)

    def eras(self) -> EraSummary:
        """Return the era summary, asked for once."""
        return self._known_calendar().eras

    def _known_calendar(self) -> Calendar:
        calendar = self._calendar
        if calendar is None:
            calendar = self._calendar = self._fetch_calendar()
        return calendar

    def ledger_state(self, query: StateQuery) -> LedgerState:
        """Return the stake accounts asked for; other facts are unknown."""
        return read_ledger_state(self._client, self.network, self.parameters(), query)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._outputs.close()


class HostedBlockfrost(Blockfrost):
    """A network by blockfrost.io, whose node also runs scripts.

    It implements ``EvaluatesScripts`` as well.
    """

    def evaluate(
        self,
        transaction: bytes,
        utxo: Mapping[OutputRef, Output],  # noqa: ARG002 -- the node has them
    ) -> Sequence[ScriptFailure]:
        """Return the scripts that fail or exceed their budget."""
        return evaluate(self._client, transaction)
