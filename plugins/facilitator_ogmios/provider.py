"""A node behind Ogmios as a chain provider."""

from collections.abc import Collection, Mapping, Sequence

from facilitator.cardano.ogmios.eras import Calendar
from facilitator.cardano.ogmios.fields import table, whole
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.plugin import (
    Block,
    Clock,
    InMempool,
    NotFound,
    NotFoundSince,
    OutputStatus,
    Point,
    ProviderBehind,
    ProviderUnusable,
    SingleFlight,
    Spender,
    Tip,
    TransactionStatus,
)
from facilitator.x402.networks import cardano_network
from facilitator_ogmios.chain_sync import ChainSync, Synced
from facilitator_ogmios.client import Client
from facilitator_ogmios.evaluation import evaluate
from facilitator_ogmios.health import examine
from facilitator_ogmios.ledger_state import read_ledger_state
from facilitator_ogmios.mempool import find_waiting
from facilitator_ogmios.outputs import read_statuses
from facilitator_ogmios.parameters import Kept, fetch_calendar, fetch_parameters, read_start
from facilitator_ogmios.spenders import find_spender
from facilitator_ogmios.submission import submit


class Ogmios:
    """A network by one Ogmios.

    It implements :class:`facilitator.roles.chain.ChainProvider`, ``AwaitsBlocks``,
    ``ReadsLedgerState``, ``EvaluatesScripts``, ``FindsSpenders``, ``NamesNetwork`` and
    ``ExaminesServer``. For use by many threads at once.
    """

    is_devnet = False
    poll_seconds = 1.0
    """Beside a provider that must be polled: a question that no message answers costs nothing."""

    def __init__(
        self,
        network: str,
        client: Client,
        sync: ChainSync,
        clock: Clock,
        *,
        silence_seconds: float,
    ) -> None:
        """Ask the node of ``network`` by ``client``, and follow it by ``sync``; ask nothing yet."""
        self.network = network
        self._client = client
        self._sync = sync
        self._clock = clock
        self._silence_seconds = silence_seconds
        self._calendar: Calendar | None = None
        self._kept: Kept | None = None
        self._fetch_calendar = SingleFlight(lambda: fetch_calendar(client, network))
        self._fetch_parameters = SingleFlight(
            lambda: fetch_parameters(client, self._known_calendar(), clock)
        )

    def network_magic(self) -> int:
        """Ask for the network magic in Shelley's genesis. Raises :class:`ProviderUnusable`.

        A network of the same magic that began at another time is another one.
        """
        started = self._client.ask("queryNetwork/startTime", read_start)
        eras = cardano_network(self.network).eras
        if eras is not None and eras.eras[0].start_ms != started:
            raise ProviderUnusable(
                f"its chain did not start when {self.network} did: look at ogmios.url"
            )
        return self._client.ask(
            "queryNetwork/genesisConfiguration",
            lambda result: whole(table(result, "genesis"), "networkMagic"),
            era="shelley",
        )

    def examine(self) -> str:
        """Return the version. Raises :class:`ServerLacks` for one that is too old."""
        return examine(self._client.target, self._client.timeout)

    def tip(self) -> Tip:
        """Return the newest block."""
        tip = self._fresh().tip
        if tip is None:
            raise ProviderBehind("Ogmios' node has no block yet")
        return tip

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return each output's status in the node's UTxO set, and in its mempool if it lacks it."""
        return read_statuses(self._client, self._fresh().blocks, refs)

    def submit(self, transaction: bytes) -> str:
        """Hand the bytes to the node once; return the transaction's id."""
        return submit(self._client, transaction)

    def transaction(self, transaction_id: str) -> TransactionStatus:
        """Return the transaction's block, or that it waits in the node's mempool.

        Raises :class:`NotFoundSince` if an older block than are kept may hold it.
        """
        blocks = self._fresh().blocks
        if (where := blocks.find(transaction_id)) is not None:
            return where
        if find_waiting(self._client, [transaction_id]):
            return InMempool()
        # It may have gone from the mempool into a block meanwhile.
        blocks = self._fresh().blocks
        if (where := blocks.find(transaction_id)) is not None:
            return where
        base = blocks.base
        if base is not None:
            raise NotFoundSince(base.slot)
        return NotFound()

    def spender(self, ref: OutputRef) -> Spender:
        """Return the output, or the transaction in one of the newest blocks that spent it."""
        return find_spender(self._client, self._fresh().blocks, ref)

    def blocks_after(self, point: Point) -> Sequence[Block]:
        """Return some blocks that follow, oldest first. Raises :class:`PointNotFound`."""
        return self._sync.up_to_date().blocks.after(point)

    def await_block(self, after: Point, timeout: float) -> bool:
        """Wait until the newest block is another one, at most so many seconds."""
        return self._sync.await_block(after, timeout)

    def parameters(self) -> ProtocolParameters:
        """Return the protocol parameters in force, asked for once an epoch."""
        kept = self._kept
        if kept is None or not kept.counts_at(self._clock.time()):
            kept = self._kept = self._fetch_parameters()
        return kept.parameters

    def eras(self) -> EraSummary:
        """Return the era summary, asked for once, if the network's is not known."""
        return self._known_calendar().eras

    def evaluate(
        self,
        transaction: bytes,
        utxo: Mapping[OutputRef, Output],  # noqa: ARG002 -- the node has them
    ) -> Sequence[ScriptFailure]:
        """Return the scripts that fail or exceed their budget."""
        return evaluate(self._client, transaction)

    def ledger_state(self, query: StateQuery) -> LedgerState:
        """Return the facts asked for that Ogmios has; the last enacted actions are unknown."""
        return read_ledger_state(self._client, self._fresh().blocks.point, query)

    def close(self) -> None:
        """Close the connections, and end the thread."""
        self._sync.close()
        self._client.close()

    def _fresh(self) -> Synced:
        """Return the index up to a tip that is not too old to be the network's.

        A node that synchronises, or is cut off from its peers, says only by its tip that it is
        behind. After a failover a new connection may lead to one that is not. Raises
        :class:`ChainUnavailable`.
        """
        synced = self._sync.up_to_date()
        if synced.tip is not None:
            begun = self._known_calendar().eras.start_ms(synced.tip.point.slot) / 1000
            age = self._clock.time() - begun
            if age > self._silence_seconds:
                self._sync.renew()
                raise ProviderBehind(
                    f"Ogmios' node is behind: its newest block is {age / 60:,.0f} minutes old"
                )
        return synced

    def _known_calendar(self) -> Calendar:
        calendar = self._calendar
        if calendar is None:
            calendar = self._calendar = self._fetch_calendar()
        return calendar
