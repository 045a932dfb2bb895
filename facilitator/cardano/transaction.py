"""A decoded transaction as plain values, of Conway or of Dijkstra.

:mod:`facilitator.cardano.codec.transaction_decoder` makes them from the transaction's own bytes.
No value is encoded again: ids, hashes and sizes come from slices of the bytes as received.
"""

from collections.abc import Mapping
from dataclasses import field
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from facilitator.immutable import immutable

AssetId: TypeAlias = bytes
"""The 28 bytes of the policy id followed by the 0 to 32 bytes of the asset name."""

Assets: TypeAlias = Mapping[AssetId, int]


class OutputRef(NamedTuple):
    """A reference to an output of a transaction: the ledger's ``TxIn``."""

    transaction_id: bytes
    index: int  # type: ignore[assignment]  # the standard name; tuple has such a method

    def __str__(self) -> str:
        """Return ``<transaction id in hex>#<index>``, the form of the protocol's nonce."""
        return f"{self.transaction_id.hex()}#{self.index}"


class Value(NamedTuple):
    """An amount of lovelace and of native assets."""

    lovelace: int
    assets: Assets


class Language(IntEnum):
    """The language of a script, numbered as in a reference script (CDDL ``script``)."""

    NATIVE = 0
    PLUTUS_V1 = 1
    PLUTUS_V2 = 2
    PLUTUS_V3 = 3
    PLUTUS_V4 = 4
    """Of Dijkstra: decoded, and not judged."""


class Script(NamedTuple):
    """A script with the bytes that its hash covers: CBOR if it is native, code if it is Plutus."""

    language: Language
    body: bytes
    hash: bytes
    """Blake2b-224 over the language tag and :attr:`body`."""


@immutable
class Output:
    """A transaction output: the ledger's ``TxOut``."""

    address: bytes
    value: Value
    size: int
    """Bytes of its serialisation as received; the minimum lovelace depends on them."""
    datum_hash: bytes | None = None
    datum: bytes | None = None
    """The CBOR of an inline datum."""
    script: Script | None = None
    """The reference script it carries."""
    script_size: int = 0
    """Bytes of that script; the reference-script fee depends on them."""
    value_size: int = 0
    """Bytes of its value's serialisation as received; ``maxValueSize`` limits them."""


class VKeyWitness(NamedTuple):
    """An Ed25519 public key (32 bytes) and its signature (64 bytes) over the transaction id."""

    vkey: bytes
    signature: bytes


class BootstrapWitness(NamedTuple):
    """A witness for a Byron address, with all that the address' root is computed from."""

    vkey: bytes
    signature: bytes
    chain_code: bytes
    attributes: bytes


class Redeemer(NamedTuple):
    """A redeemer: its purpose (CDDL ``redeemer_tag``), the index of its item, data and budget."""

    tag: int
    index: int  # type: ignore[assignment]  # as in OutputRef
    data: bytes
    memory: int
    steps: int


class Credential(NamedTuple):
    """A key hash or script hash of 28 bytes."""

    is_script: bool
    hash: bytes


class Certificate(NamedTuple):
    """A certificate: its kind (the CDDL's number) and the fields that rules read, else ``None``."""

    kind: int
    credential: Credential | None = None
    """The staking, DRep or committee cold credential of the certificate."""
    deposit: int | None = None
    """The deposit or refund, in lovelace, that the certificate itself names."""
    pool: bytes | None = None
    """The pool's operator key hash."""
    drep: Credential | None = None
    """The DRep delegated to; ``None`` also for *always abstain* and *no confidence*."""
    pool_owners: tuple[bytes, ...] = ()
    pool_reward_account: bytes | None = None
    pool_cost: int | None = None
    pool_metadata_hash: bytes | None = None
    epoch: int | None = None
    """The epoch in which a pool retires."""
    hot: Credential | None = None
    """The hot credential that a committee member's cold one authorizes."""
    details: tuple[object, ...] = ()
    """All other fields, so that certificates are equal exactly if the ledger's are."""


class ActionId(NamedTuple):
    """A reference to a proposal of a transaction: the ledger's ``GovActionId``."""

    transaction_id: bytes
    index: int  # type: ignore[assignment]  # as in OutputRef

    def __str__(self) -> str:
        """Return ``<transaction id in hex>#<index>``."""
        return f"{self.transaction_id.hex()}#{self.index}"


class ActionKind(IntEnum):
    """The kind of a governance action, numbered as in the CDDL (``gov_action``)."""

    PARAMETER_CHANGE = 0
    HARD_FORK_INITIATION = 1
    TREASURY_WITHDRAWALS = 2
    NO_CONFIDENCE = 3
    UPDATE_COMMITTEE = 4
    NEW_CONSTITUTION = 5
    INFO = 6


class Action(NamedTuple):
    """A governance action: its kind and the fields that its kind has."""

    kind: ActionKind
    previous: ActionId | None = None
    """The action of the same purpose that it follows; ``None`` for the first one."""
    parameters: tuple[tuple[int, object], ...] = ()
    """Protocol parameters to change: CDDL keys, ascending, with the new values."""
    version: tuple[int, int] | None = None
    """The protocol version (major, minor) to change to."""
    withdrawals: tuple[tuple[bytes, int], ...] = ()
    """Reward addresses with the lovelace that they would get."""
    guardrails: bytes | None = None
    """The hash of the guardrails script that it names."""
    removed: tuple[Credential, ...] = ()
    """Cold credentials that would leave the committee."""
    added: tuple[tuple[Credential, int], ...] = ()
    """Cold credentials that would join the committee, with the last epoch of their term."""
    details: tuple[object, ...] = ()
    """All other fields, so that actions are equal exactly if the ledger's are."""


class Proposal(NamedTuple):
    """A proposal procedure."""

    deposit: int
    """The deposit in lovelace."""
    return_address: bytes
    """The reward address that the deposit goes back to."""
    action: Action
    anchor: tuple[str, bytes]


class Voter(NamedTuple):
    """A voter: its kind (CDDL ``voter``) and the hash of its credential."""

    kind: int
    hash: bytes


class Vote(NamedTuple):
    """A voting procedure without its anchor."""

    voter: Voter
    action: ActionId
    choice: int
    """The vote: 0 is no, 1 is yes, 2 is abstain."""


class BalanceInterval(NamedTuple):
    """The lovelace that an account must hold, as a half-open interval; ``None`` is no bound."""

    lower: int | None
    upper: int | None

    def __str__(self) -> str:
        """Return the bounds as part of a sentence."""
        at_least = f"at least {self.lower or 0}"
        return at_least if self.upper is None else f"{at_least} and less than {self.upper}"

    def holds(self, balance: int) -> bool:
        """Return True if the balance, in lovelace, lies in the interval."""
        return (self.lower is None or self.lower <= balance) and (
            self.upper is None or balance < self.upper
        )


@immutable
class DijkstraFields:
    """The fields of a body that are new in Dijkstra. Amounts are in lovelace."""

    guards: tuple[Credential, ...] = ()
    """The guards in their order, by which redeemers number them (body key 14).

    A key guard is a required signer as well.
    """
    subs: tuple["Transaction", ...] = ()
    """The sub-transactions: signed by themselves, without fee and collateral (body key 23)."""
    required_guards: Mapping[Credential, bytes | None] = field(default_factory=dict)
    """Guards that the top level must have, with the CBOR of a script's datum (body key 24)."""
    direct_deposits: Mapping[bytes, int] = field(default_factory=dict)
    """Lovelace by reward address that goes into the account (body key 25)."""
    balances: Mapping[bytes | Credential, BalanceInterval] = field(default_factory=dict)
    """Intervals that hold before this level's withdrawals (body key 26).

    By reward address; or by credential, as the ledger's package 0.3 has them.
    """
    starting_balances: Mapping[bytes | Credential, BalanceInterval] = field(default_factory=dict)
    """Intervals that hold before the whole batch (body key 27)."""
    is_sub: bool = False
    """True for a sub-transaction."""


@immutable
class Body:
    """A transaction body; absent fields are empty or ``None``. Amounts are in lovelace."""

    inputs: tuple[OutputRef, ...]
    """The inputs in the order received, with duplicates."""
    outputs: tuple[Output, ...]
    fee: int
    invalid_hereafter: int | None = None
    """The first slot in which it is no longer valid (the *TTL*)."""
    certificates: tuple[Certificate, ...] = ()
    withdrawals: Mapping[bytes, int] | None = None
    """Lovelace by the bytes of the reward address."""
    auxiliary_data_hash: bytes | None = None
    invalid_before: int | None = None
    """The first slot in which it is valid."""
    mint: Assets | None = None
    script_data_hash: bytes | None = None
    collateral: tuple[OutputRef, ...] = ()
    required_signers: tuple[bytes, ...] = ()
    network_id: int | None = None
    collateral_return: Output | None = None
    total_collateral: int | None = None
    reference_inputs: tuple[OutputRef, ...] = ()
    votes: tuple[Vote, ...] = ()
    """The voting procedures by ascending voter and action."""
    proposals: tuple[Proposal, ...] = ()
    treasury: int | None = None
    """The treasury's balance that the body claims."""
    donation: int = 0
    dijkstra: DijkstraFields | None = None
    """The fields that are new in Dijkstra; ``None`` if Conway's decoder has read it."""

    @property
    def voters(self) -> tuple[Voter, ...]:
        """The voters, each once."""
        return tuple(dict.fromkeys([vote.voter for vote in self.votes])) if self.votes else ()


@immutable
class Witnesses:
    """A witness set."""

    vkeys: tuple[VKeyWitness, ...] = ()
    bootstraps: tuple[BootstrapWitness, ...] = ()
    scripts: Mapping[bytes, Script] | None = None
    """Scripts by their hash."""
    datums: tuple[bytes, ...] = ()
    """The CBOR of each datum."""
    datums_span: bytes | None = None
    """The CBOR of the whole datum list as received; the script integrity hash covers it."""
    redeemers: tuple[Redeemer, ...] = ()
    redeemers_span: bytes | None = None


@immutable
class Transaction:
    """A transaction, decoded once from the same bytes that are submitted."""

    raw: bytes
    """The bytes exactly as received."""
    id: bytes
    """Blake2b-256 over the body's bytes as received."""
    size: int
    """Bytes that the fee and the size limit count.

    These are body, witnesses and auxiliary data as received, and one byte for an array of the
    three (``toCBORForSizeComputation``). If the transaction's own head is as short as possible,
    they are all bytes except the validity flag.
    """
    body: Body
    witnesses: Witnesses
    is_valid: bool
    auxiliary_data: bytes | None
    """The CBOR of the auxiliary data as received."""
    auxiliary_plutus: tuple[tuple[Language, bytes], ...] = ()
    """Language and code of the Plutus scripts in the auxiliary data, which must be well-formed."""
    longest_metadata_string: int = 0
    """Bytes of the longest string in the metadata."""
