"""Small transactions as values, for the rules: each is good until a test changes one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from nacl.signing import SigningKey

from facilitator.cardano.rules import (
    NOT_JUDGED,
    Environment,
    ledger_failures,
    static_failures,
)
from facilitator.cardano.state import LedgerState
from facilitator.cardano.transaction import (
    Assets,
    Body,
    Credential,
    Language,
    Output,
    OutputRef,
    Script,
    Transaction,
    Value,
    VKeyWitness,
    Witnesses,
)
from facilitator_devnet import genesis

PARAMETERS = replace(genesis.PARAMETERS, cost_models={0: (1, 2), 1: (3, 4), 2: (5, 6)}, epoch=100)
SLOT = 1000
ENVIRONMENT = Environment(slot=SLOT, network_id=0, parameters=PARAMETERS)

KEY = SigningKey(bytes(32))
KEY_HASH = blake2b(bytes(KEY.verify_key), digest_size=28).digest()
OTHER_KEY = SigningKey(b"\x01" * 32)
OTHER_KEY_HASH = blake2b(bytes(OTHER_KEY.verify_key), digest_size=28).digest()
ADDRESS = b"\x60" + KEY_HASH
POLICY = b"\x0a" * 28
ID = blake2b(b"a body", digest_size=32).digest()

INPUT, SECOND_INPUT, THIRD_INPUT = (OutputRef(bytes([n]) * 32, 0) for n in (1, 2, 3))
HELD, FEE = 10_000_000, 200_000
PAID = HELD - FEE


def output(
    lovelace: int = HELD,
    assets: Assets | None = None,
    address: bytes = ADDRESS,
    size: int = 65,
    **rest: Any,
) -> Output:
    return Output(address, Value(lovelace, assets or {}), size, **rest)


UTXO = {INPUT: output()}


def signed(*keys: SigningKey) -> tuple[VKeyWitness, ...]:
    return tuple(VKeyWitness(bytes(key.verify_key), key.sign(ID).signature) for key in keys)


def transaction(
    *,
    signers: Sequence[SigningKey] = (KEY,),
    witnesses: Mapping[str, Any] | None = None,
    size: int = 300,
    is_valid: bool = True,
    auxiliary_data: bytes | None = None,
    longest_metadata_string: int = 0,
    **body: Any,
) -> Transaction:
    """One input of 10 ada, one output of 9.8, signed by the input's owner; changed as asked."""
    fields: dict[str, Any] = {"inputs": (INPUT,), "outputs": (output(PAID),), "fee": FEE}
    return Transaction(
        raw=b"",
        id=ID,
        size=size,
        body=Body(**{**fields, **body}),
        witnesses=Witnesses(**{"vkeys": signed(*signers), **(witnesses or {})}),
        is_valid=is_valid,
        auxiliary_data=auxiliary_data,
        longest_metadata_string=longest_metadata_string,
    )


def native(body: bytes) -> Script:
    return _script(Language.NATIVE, body)


def plutus(language: Language, body: bytes = b"\x45\x01\x00\x00\x24\x99") -> Script:
    return _script(language, body)


def _script(language: Language, body: bytes) -> Script:
    return Script(language, body, blake2b(bytes([language]) + body, digest_size=28).digest())


def script_address(script: Script) -> bytes:
    return b"\x70" + script.hash


def reward_address(credential: Credential) -> bytes:
    return (b"\xf0" if credential.is_script else b"\xe0") + credential.hash


def broken(
    tx: Transaction,
    utxo: Mapping[OutputRef, Output] = UTXO,
    state: LedgerState | None = None,
    env: Environment = ENVIRONMENT,
) -> dict[str, str]:
    """The rules that the transaction breaks, with their messages."""
    failures = static_failures(tx, env) + ledger_failures(tx, env, utxo, state)
    rules: dict[str, str] = {}
    for failure in failures:
        assert failure.rule == NOT_JUDGED or failure.rule not in rules, f"twice: {failures}"
        rules[failure.rule] = f"{rules.get(failure.rule, '')} {failure.message}".strip()
    return rules
