"""A facilitator that asks an API over a devnet, and holds each success to the chain."""

import base64
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin.loading import configure
from facilitator.roles.chain import InBlock, InMempool
from facilitator.roles.claim import Claim, ClaimState
from facilitator.runtime.composition import build_facilitator
from facilitator.server import Server
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, MERCHANT, request_body, requirements, transaction_id
from facilitator.testing.redis_server import free_port
from facilitator.testing.running import NETWORK, Running
from facilitator.testing.waiting import eventually
from facilitator_blockfrost.settings import BlockfrostBackupSettings, BlockfrostSettings
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.blockfrost.face import Face
from facilitator_devnet.blockfrost.faults import Faults
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.koios.api import OGMIOS as OGMIOS_OF_KOIOS
from facilitator_devnet.koios.api import ROOT, KoiosApi
from facilitator_devnet.ogmios.api import OgmiosApi
from facilitator_devnet.wallet import pay
from facilitator_koios.settings import KoiosSettings
from facilitator_ogmios.settings import OgmiosSettings

PENDING = "settlement_pending"
LOOKUP_FAILED = "exact_cardano_facilitator_chain_lookup_failed"
UNAVAILABLE = "exact_cardano_facilitator_evidence_unavailable"
FAILED = "exact_cardano_settlement_failed"
REJECTED = "exact_cardano_settlement_definitively_rejected"
NOT_ON_CHAIN = "invalid_exact_cardano_payload_nonce_not_on_chain"
DUPLICATE = "duplicate_settlement"

MAX_TIMEOUT_SECONDS = 100_000
POLL_SECONDS = 0.05
SUBMIT = "POST /tx/submit"
STATUS = "GET /txs/{hash}"
OUTPUTS = "GET /txs/{hash}/utxos"
BLOCKS = "GET /blocks/{hash_or_number}/next"
PROJECT_ID = "preprodOfTheDrills"

KOIOS, OGMIOS = "koios", "ogmios"
"""The dresses that are other APIs."""
SUBMITS = {KOIOS: OGMIOS_OF_KOIOS, OGMIOS: "submitTransaction"}
"""The endpoints of these that take transactions."""
DRESS_PATHS = defaultdict(str, blockfrost="/api/v0", yaci="/api/v1/blockfrost", koios=ROOT)
"""The path under which each server has its API."""

Body = dict[str, Any]


class Provider:
    """An API at an address that is the same when it comes back: Blockfrost's, Koios' or Ogmios'.

    Its :attr:`submit` is the endpoint that submissions go to.
    """

    def __init__(self, devnet: Devnet, dress: str = "blockfrost") -> None:
        self._devnet = devnet
        self._dress = dress
        self.submit = SUBMITS.get(dress, SUBMIT)
        self.api = self._serve(free_port())  # which nothing else takes while it is down
        self.url = self.api.url
        self._is_up = True

    def _serve(self, port: int) -> Face | OgmiosApi:
        if self._dress == KOIOS:
            return KoiosApi(self._devnet, port=port, body_bytes=32_768)
        if self._dress == OGMIOS:
            return OgmiosApi(self._devnet, port=port)
        return BlockfrostApi(self._devnet, port=port, dress=self._dress)

    @property
    def plugin(self) -> str:
        """The plugin that asks it."""
        return self._dress if self._dress in SUBMITS else "blockfrost"

    @property
    def base_url(self) -> str:
        return self.url + DRESS_PATHS[self._dress]

    @property
    def faults(self) -> Faults:
        return self.api.faults

    def count(self, endpoint: str) -> int:
        """Requests of the endpoint since it last came back."""
        return int(self.api.counts()["by_endpoint"].get(endpoint, 0))

    @property
    def total(self) -> int:
        """All requests since it last came back."""
        return int(self.api.counts()["total"])

    def stop(self) -> None:
        """Refuse connections from now on, those that are open cut."""
        self._is_up = False
        self.api.close()

    def heal(self) -> None:
        """Answer as one should."""
        self.api.faults.clear()
        if not self._is_up:
            self.api = self._serve(int(self.url.rpartition(":")[2]))
            self._is_up = True

    def close(self) -> None:
        if self._is_up:
            self.stop()


class Outage(NamedTuple):
    """A way in which a provider answers nothing that is of use."""

    begin: Callable[[Provider], None]
    words: str
    """What callers are told."""
    pause_seconds: float = 0
    """For how long it is left alone."""


def answering(status: int, retry_after: int | None = None) -> Callable[[Provider], None]:
    """Every request is answered with the status."""
    return lambda provider: provider.faults.answer(status, retry_after=retry_after)


OUTAGES: Mapping[str, Outage] = {
    "refused": Outage(Provider.stop, "cannot connect to Blockfrost"),
    "time-out": Outage(lambda it: it.faults.latency(3000), "Blockfrost did not answer in time"),
    "cut before": Outage(lambda it: it.faults.cut_before(), "the connection to Blockfrost failed"),
    "cut after": Outage(lambda it: it.faults.cut_after(), "the connection to Blockfrost failed"),
    "truncated": Outage(lambda it: it.faults.truncate(), "the connection to Blockfrost failed"),
    "500": Outage(answering(500), "status 500"),
    "502": Outage(answering(502), "status 502"),
    "503": Outage(answering(503), "status 503"),
    "504": Outage(answering(504), "status 504"),
    "425": Outage(answering(425), "mempool of Blockfrost's node is full"),
    "429": Outage(answering(429), "too many requests a second"),
    "429 for a minute": Outage(answering(429, 60), "too many requests a second"),
    "402": Outage(answering(402), "requests that the Blockfrost plan has a day are used up", 600),
    "403": Outage(answering(403), "refuses the project ID"),
    "418": Outage(answering(418), "Blockfrost banned this address", 300),
}

DOWN: Sequence[str] = ("refused", "time-out", "cut after", "truncated", "503", "429")
"""Those among them that differ in what a settlement meets."""


def timeout_of(kind: str) -> float:
    """Seconds in which a provider must answer in that outage; a healthy one takes few at most."""
    return 0.75 if kind == "time-out" else 10.0


class Drill(Running):
    """The facilitator; its clock and blocks move when told to.

    Whoever is told of a success is told so once, and of what is in the chain as deep as promised.
    """

    def __init__(
        self,
        folder: Path,
        devnet: Devnet,
        providers: Sequence[Provider],
        clock: ManualClock,
        *,
        storage: str = "sqlite",
        storage_url: str = "",
        wait_seconds: float = 0.02,
        timeout_seconds: float = 10.0,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._devnet = devnet
        self.providers = providers
        self.clock: ManualClock = clock
        self.told: list[str] = []
        """The transactions of which a success was told."""
        names = list(_names(providers))
        environ = {
            "FACILITATOR_PLUGINS": ",".join([*names, storage]),
            "FACILITATOR_SQLITE__PATH": str(folder / "facilitator.db"),
            # One payer makes all payments, some of them as often as it takes.
            "FACILITATOR_RESERVATION__MAX_CONCURRENT": "1000000",
            "FACILITATOR_SERVER__PORT": "0",
            "FACILITATOR_SERVER__THREADS": "16",
            "FACILITATOR_SETTLEMENT__LEASE_SECONDS": "1",
            "FACILITATOR_SETTLEMENT__MAX_TIMEOUT_SECONDS": str(MAX_TIMEOUT_SECONDS),
            "FACILITATOR_SETTLEMENT__WAIT_SECONDS": str(wait_seconds),
        }
        if storage_url:
            environ[f"FACILITATOR_{storage.upper()}__URL"] = storage_url
        if len(providers) > 1:
            environ["FACILITATOR_CHAIN__FALLBACK"] = ",".join(names[1:])
        for name, provider in zip(names, providers, strict=True):
            table = f"FACILITATOR_{name.upper()}"
            if name == OGMIOS:
                environ[f"{table}__URL"] = provider.base_url
                environ[f"{table}__PATH"] = str(folder / "points.json")
                environ[f"{table}__BLOCKS"] = "100"
                # Some drills let more time pass than blocks come.
                environ[f"{table}__SILENCE_SECONDS"] = "86400"
                continue
            environ[f"{table}__BASE_URL"] = provider.base_url
            if name != KOIOS:
                environ[f"{table}__PROJECT_ID"] = PROJECT_ID
        settings, plugins = configure(environ=environ, cwd=folder)
        # Shorter than an operator may set, for the sake of who waits for the drills.
        polled = {"poll_seconds": poll_seconds, "timeout_seconds": timeout_seconds}
        changes: Mapping[type, Mapping[str, float]] = {
            BlockfrostSettings: polled,
            BlockfrostBackupSettings: polled,
            KoiosSettings: polled,
            OgmiosSettings: {"timeout_seconds": timeout_seconds, "submit_seconds": timeout_seconds},
        }
        sections = tuple(
            replace(section, **changed) if (changed := changes.get(type(section))) else section
            for section in settings.sections
        )
        settings = replace(settings, sections=sections)
        self.facilitator = build_facilitator(settings, plugins, clock)
        self.facilitator.start()
        drain = self.facilitator.service.drain
        self.server = Server(self.facilitator.app, settings.server, network=NETWORK, on_drain=drain)
        self.server.start()

    @property
    def devnet(self) -> Devnet:
        return self._devnet

    @property
    def provider(self) -> Provider:
        """The one asked first."""
        return self.providers[0]

    # --- Payments ---------------------------------------------------------------------------------

    def payment(self, *, seconds: int = 50_000, confirmations: int = 1) -> Body:
        """A payment out of an output that a transaction of its own made."""
        ref = self.devnet.fund(ALICE.address, 100_000_000)
        return self._pay(ref, 2_000_000, seconds, confirmations)

    def rival(self, body: Body, *, seconds: int = 50_000) -> Body:
        """Another payment out of the same output."""
        (ref,) = decode_transaction(raw(body)).body.inputs
        return self._pay(ref, 3_000_000, seconds, 1)

    def _pay(self, ref: OutputRef, amount: int, seconds: int, confirmations: int) -> Body:
        with self.devnet.chain() as chain:
            output = chain.index.output(ref)
        assert output is not None
        utxos = {ref: output}
        terms = requirements(amount=amount, confirmations=confirmations)
        terms["maxTimeoutSeconds"] = MAX_TIMEOUT_SECONDS
        ttl = self.slot + seconds
        to = MERCHANT.address
        transaction = pay(ALICE, utxos, to, amount, parameters=PARAMETERS, ttl=ttl)
        return request_body(transaction, terms)

    # --- What callers are told --------------------------------------------------------------------

    def settle(self, body: object, **headers: str) -> Body:
        """What one caller is told who hardly waits."""
        answer = super().settle(body, **headers)
        if answer["success"]:
            self._hold_to_the_chain(answer)
        return answer

    def _hold_to_the_chain(self, answer: Body) -> None:
        transaction, told = answer["transaction"], answer["extra"]["confirmations"]
        assert transaction not in self.told, "a success was told twice"
        self.told.append(transaction)
        claim = self.facilitator.storage.claim(transaction)
        assert claim is not None
        where = self.devnet.transaction(transaction)
        assert isinstance(where, InBlock), f"told of success, but it is {where}"
        assert claim.confirmations <= told <= self.devnet.tip().height - where.height

    def settle_while_open(self, body: Body, until: Callable[[Body], object]) -> Body:
        """Settle until the answer will do, as time passes; until then it is to be called again."""
        answers: list[Body] = []

        def will_do() -> bool:
            answers.append(self.settle(body))
            done = bool(until(answers[-1]))
            assert done or answers[-1]["errorReason"] == PENDING, answers[-1]
            self.clock.advance(1)
            return done

        eventually(will_do)
        return answers[-1]

    def settled_once(self, body: Body) -> Body:
        """The success, which is told once, of what is in the chain once."""
        answer = self.settle_while_open(body, lambda answer: answer["success"])
        self.stays_settled(body)
        return answer

    def stays_settled(self, body: Body) -> None:
        """Assert that it was told once, that nobody is told again and that it is there once."""
        transaction = transaction_id(body)
        assert self.told.count(transaction) == 1
        self.settle_while_open(body, lambda answer: answer["errorReason"] == DUPLICATE)
        assert self.blocks_with(transaction) == 1
        status = self.status(body)
        assert (status["status"], status["settled"]) == ("confirmed", True)

    def status(self, body: Body) -> Body:
        code, status = self.call("GET", f"/status/{transaction_id(body)}")
        assert code == 200, status
        return dict(status)

    # --- What is in the chain ---------------------------------------------------------------------

    def blocks_with(self, transaction: str) -> int:
        """In how many blocks of the chain it is."""
        with self.devnet.chain() as chain:
            return sum(made.block.transactions.count(transaction) for made in chain.blocks)

    def is_waiting(self, body: Body) -> bool:
        """Whether a node has it and no block does."""
        return isinstance(self.devnet.transaction(transaction_id(body)), InMempool)

    def submitted(self, body: Body) -> str:
        """Have a node take it, and not through the facilitator."""
        return self.devnet.submit(raw(body))

    def next_blocks(self, count: int) -> None:
        for _ in range(count):
            self.next_block()

    def replace_blocks(self, count: int, by: Body | None = None) -> None:
        """Drop the newest blocks with what they hold for as many others, the first with ``by``.

        Nobody sees the chain in between.
        """
        with self.devnet.chain():
            self.devnet.rollback(count, drop=True)
            if by is not None:
                self.submitted(by)
            self.next_blocks(count)

    # --- What the facilitator knows ---------------------------------------------------------------

    def stored(self, body: Body) -> Claim:
        """The payment's claim as it is written, and not only as it is known to those who wait."""
        claim = self.facilitator.storage.claim(transaction_id(body))
        assert claim is not None
        return claim

    def knows_as(self, body: Body, state: ClaimState) -> bool:
        """Whether whoever observes the claim knows that this state of it is written."""
        observed = self.facilitator.service._trackers[NETWORK]._pending.find(transaction_id(body))
        return observed is not None and observed.claim.state is state

    @property
    def trusts_what_it_knows(self) -> bool:
        """Whether what is known of outputs counts, since the chain is followed."""
        return self._follower.epoch is not None

    def follows_the_tip(self) -> None:
        """Wait until it has seen the newest block."""
        eventually(
            lambda: self._follower.follow() == self.devnet.tip() and self.trusts_what_it_knows
        )

    @property
    def _follower(self) -> Any:
        return self.facilitator.service._trackers[NETWORK]._follower


def _names(providers: Sequence[Provider]) -> Iterator[str]:
    """Yield the plugin of each; a second one of a kind is its backup."""
    seen: set[str] = set()
    for provider in providers:
        yield f"{provider.plugin}_backup" if provider.plugin in seen else provider.plugin
        seen.add(provider.plugin)


def in_block(answer: Body) -> bool:
    """Whether the answer tells of a block."""
    return "confirmations" in answer["extra"]


def confirmed_by(blocks: int) -> Callable[[Body], bool]:
    """Whether an answer tells of so many newer blocks."""
    return lambda answer: answer["extra"].get("confirmations") == blocks


def raw(body: Body) -> bytes:
    """The payment's transaction."""
    return base64.b64decode(body["paymentPayload"]["payload"]["transaction"])
