"""A decoded Conway transaction as plain values.

Made by :mod:`facilitator.cardano.codec.transaction_decoder` from the transaction's own bytes.
Nothing here is ever re-encoded: ids, hashes and sizes come from slices of the bytes as received.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias

AssetId: TypeAlias = bytes
"""The 28 bytes of the policy id followed by the 0 to 32 bytes of the asset name."""

Assets: TypeAlias = Mapping[AssetId, int]


class OutputRef(NamedTuple):
    """Which output of which transaction: the ledger's ``TxIn``."""

    transaction_id: bytes
    index: int  # type: ignore[assignment]  # the field's standard name, which tuple has a method of

    def __str__(self) -> str:
        """``<transaction id in hex>#<index>``, the spelling of the protocol's nonce."""
        return f"{self.transaction_id.hex()}#{self.index}"


class Value(NamedTuple):
    """An amount of lovelace and of native assets."""

    lovelace: int
    assets: Assets


class Language(IntEnum):
    """What a script is written in, numbered as in a reference script (CDDL ``script``)."""

    NATIVE = 0
    PLUTUS_V1 = 1
    PLUTUS_V2 = 2
    PLUTUS_V3 = 3


class Script(NamedTuple):
    """A script with the bytes that are hashed: its CBOR for a native one, its code for Plutus."""

    language: Language
    body: bytes
    hash: bytes
    """Blake2b-224 over the language tag and :attr:`body`."""


@dataclass(frozen=True, slots=True)
class Output:
    """A transaction output: the ledger's ``TxOut``."""

    address: bytes
    value: Value
    size: int
    """Bytes of its serialisation as received, which the minimum lovelace is computed from."""
    datum_hash: bytes | None = None
    datum: bytes | None = None
    """The CBOR of an inline datum."""
    script: Script | None = None
    """The reference script it carries."""
    script_size: int = 0
    """Bytes of that script, which the reference-script fee is computed from."""
    value_size: int = 0
    """Bytes of its value's serialisation as received, limited by ``maxValueSize``."""


class VKeyWitness(NamedTuple):
    """An Ed25519 public key (32 bytes) and its signature (64 bytes) over the transaction id."""

    vkey: bytes
    signature: bytes


class BootstrapWitness(NamedTuple):
    """A witness for a Byron address: what is needed to recompute the address' root."""

    vkey: bytes
    signature: bytes
    chain_code: bytes
    attributes: bytes


class Redeemer(NamedTuple):
    """A redeemer: its purpose (CDDL ``redeemer_tag``), which item it is for, data and budget."""

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
    """The staking, DRep or committee cold credential it is about."""
    deposit: int | None = None
    """Lovelace that the certificate itself names as its deposit or refund."""
    pool: bytes | None = None
    """The pool's operator key hash."""
    drep: Credential | None = None
    """The DRep delegated to; ``None`` as well for *always abstain* and *no confidence*."""
    pool_owners: tuple[bytes, ...] = ()
    pool_reward_account: bytes | None = None
    pool_cost: int | None = None
    pool_metadata_hash: bytes | None = None
    epoch: int | None = None
    """The epoch a pool retires in."""
    hot: Credential | None = None
    """The hot credential that a committee member's cold one authorizes."""
    details: tuple[object, ...] = ()
    """Everything else in it, so that certificates are equal when the ledger says so."""


class ActionId(NamedTuple):
    """Which proposal of which transaction: the ledger's ``GovActionId``."""

    transaction_id: bytes
    index: int  # type: ignore[assignment]  # as in OutputRef

    def __str__(self) -> str:
        """``<transaction id in hex>#<index>``."""
        return f"{self.transaction_id.hex()}#{self.index}"


class ActionKind(IntEnum):
    """What a governance action would do, numbered as in the CDDL (``gov_action``)."""

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
    """The action of the same purpose that it follows; ``None`` to be the first."""
    parameters: tuple[tuple[int, object], ...] = ()
    """Protocol parameters to change: CDDL keys, ascending, with the new values."""
    version: tuple[int, int] | None = None
    """The protocol version (major, minor) to change to."""
    withdrawals: tuple[tuple[bytes, int], ...] = ()
    """Reward addresses with what they would get, in lovelace."""
    guardrails: bytes | None = None
    """The hash of the guardrails script that it names."""
    removed: tuple[Credential, ...] = ()
    """Cold credentials that would leave the committee."""
    added: tuple[tuple[Credential, int], ...] = ()
    """Cold credentials that would join the committee, with the last epoch of their term."""
    details: tuple[object, ...] = ()
    """Everything else in it, so that actions are equal when the ledger says so."""


class Proposal(NamedTuple):
    """A proposal procedure."""

    deposit: int
    """In lovelace."""
    return_address: bytes
    """The reward address that the deposit goes back to."""
    action: Action
    anchor: tuple[str, bytes]


class Voter(NamedTuple):
    """Who votes: the kind of voter (CDDL ``voter``) and the hash of the credential."""

    kind: int
    hash: bytes


class Vote(NamedTuple):
    """A voting procedure without its anchor."""

    voter: Voter
    action: ActionId
    choice: int
    """0 no, 1 yes, 2 abstain."""


@dataclass(frozen=True, slots=True)
class Body:
    """A transaction body; absent fields are empty or ``None``. Amounts are in lovelace."""

    inputs: tuple[OutputRef, ...]
    """In the order received, duplicates and all."""
    outputs: tuple[Output, ...]
    fee: int
    invalid_hereafter: int | None = None
    """The first slot in which it is no longer valid (the *TTL*)."""
    certificates: tuple[Certificate, ...] = ()
    withdrawals: Mapping[bytes, int] | None = None
    """Reward address bytes to lovelace."""
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
    """What the body claims the treasury holds."""
    donation: int = 0

    @property
    def voters(self) -> tuple[Voter, ...]:
        """Who votes, each once."""
        return tuple(dict.fromkeys([vote.voter for vote in self.votes])) if self.votes else ()


@dataclass(frozen=True, slots=True)
class Witnesses:
    """A witness set."""

    vkeys: tuple[VKeyWitness, ...] = ()
    bootstraps: tuple[BootstrapWitness, ...] = ()
    scripts: Mapping[bytes, Script] | None = None
    """Scripts by their hash."""
    datums: tuple[bytes, ...] = ()
    """The CBOR of each datum."""
    datums_span: bytes | None = None
    """The CBOR of the whole datum list as received, part of the script integrity hash."""
    redeemers: tuple[Redeemer, ...] = ()
    redeemers_span: bytes | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction, decoded once from the bytes that are also what gets submitted."""

    raw: bytes
    """Exactly as received."""
    id: bytes
    """Blake2b-256 over the body's bytes as received."""
    size: int
    """Bytes that the fee and the size limit count.

    Those of body, witnesses and auxiliary data as received, and one for an array of the three
    (``toCBORForSizeComputation``): where the transaction's own head is as short as it can be, all
    bytes but that of the validity flag.
    """
    body: Body
    witnesses: Witnesses
    is_valid: bool
    auxiliary_data: bytes | None
    """The CBOR of the auxiliary data as received."""
    auxiliary_plutus: tuple[tuple[Language, bytes], ...] = ()
    """Plutus scripts in the auxiliary data, which must be well-formed: language and code."""
