"""What Plutus scripts are told of a transaction, held against the encodings of PlutusLedgerApi."""

from typing import Any

import cbor2
import pytest

from facilitator.cardano.cbor import read_all
from facilitator.cardano.codec.certificates import read_certificates
from facilitator.cardano.codec.governance import read_proposals
from facilitator.cardano.phase2.context_v1v2 import build_context_v1, build_context_v2
from facilitator.cardano.phase2.context_v3 import build_context_v3
from facilitator.cardano.phase2.data import Constr, Data, Map, decode_data
from facilitator.cardano.phase2.governance import build_certificate, build_proposal
from facilitator.cardano.rules.evaluation import CannotEvaluate
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.transaction import (
    ActionId,
    Certificate,
    Credential,
    Language,
    OutputRef,
    Proposal,
    Redeemer,
    Vote,
    Voter,
)
from support.ledger_values import (
    ADDRESS,
    FEE,
    HELD,
    ID,
    INPUT,
    KEY_HASH,
    PAID,
    POLICY,
    SECOND_INPUT,
    THIRD_INPUT,
    output,
    plutus,
    reward_address,
    script_address,
    transaction,
)
from support.phase2 import ERAS, redeemer, resolved_with, runs_of

V3_SCRIPT = plutus(Language.PLUTUS_V3)
KEY_CREDENTIAL, SCRIPT_CREDENTIAL = Credential(False, KEY_HASH), Credential(True, V3_SCRIPT.hash)
ADA_ONLY = Map(((b"", Map(((b"", HELD),))),))
TO_KEY = Constr(0, (Constr(0, (KEY_HASH,)), Constr(1)))


def fields(data: Data) -> tuple[Data, ...]:
    assert isinstance(data, Constr)
    return data.fields


def spending(utxo: dict[OutputRef, Any] | None = None, **body: Any) -> ResolvedTransaction:
    """A transaction that spends an output at a V3 script, and one of a key."""
    utxo = utxo or {INPUT: output(), SECOND_INPUT: output(address=script_address(V3_SCRIPT))}
    tx = transaction(
        witnesses={"scripts": {V3_SCRIPT.hash: V3_SCRIPT}, "redeemers": (redeemer(0, 1, 7),)},
        **{"inputs": (SECOND_INPUT, INPUT), **body},
    )
    return resolved_with(tx, utxo)


def info_v1(resolved: ResolvedTransaction) -> tuple[Data, ...]:
    return fields(fields(build_context_v1(resolved, ERAS, 0, 0))[0])


def info_v2(resolved: ResolvedTransaction) -> tuple[Data, ...]:
    return fields(fields(build_context_v2(resolved, ERAS, 0, 0))[0])


def info_v3(resolved: ResolvedTransaction) -> tuple[Data, ...]:
    (run,) = runs_of(resolved)
    return fields(fields(build_context_v3(resolved, ERAS, run))[0])


def test_v1_is_told_of_inputs_in_order_and_of_lovelace_even_where_there_is_none() -> None:
    info = info_v1(spending(mint={POLICY + b"x": 5}))
    assert len(info) == 10
    first = Constr(0, (Constr(0, (INPUT.transaction_id,)), 0))
    told = info[0]
    assert isinstance(told, tuple)
    assert told[0] == Constr(0, (first, Constr(0, (TO_KEY, ADA_ONLY, Constr(1)))))
    assert len(told) == 2
    assert info[2] == Map(((b"", Map(((b"", FEE),))),))
    assert info[3] == Map(((b"", Map(((b"", 0),))), (POLICY, Map(((b"x", 5),)))))
    assert info[9] == Constr(0, (ID,))


def test_v2_is_told_of_reference_inputs_datums_and_scripts() -> None:
    utxo = {
        INPUT: output(datum=b"\x18\x2a"),
        SECOND_INPUT: output(address=script_address(V3_SCRIPT), datum_hash=bytes(32)),
        THIRD_INPUT: output(script=V3_SCRIPT),
    }
    resolved = spending(utxo, reference_inputs=(THIRD_INPUT,))
    info = info_v2(resolved)
    assert len(info) == 12
    inputs, references = info[0], info[1]
    assert isinstance(inputs, tuple)
    assert isinstance(references, tuple)
    told = [fields(fields(found)[1]) for found in (*inputs, *references)]
    assert [found[2] for found in told] == [Constr(2, (42,)), Constr(1, (bytes(32),)), Constr(0)]
    assert [found[3] for found in told] == [Constr(1), Constr(1), Constr(0, (V3_SCRIPT.hash,))]
    spent = Constr(1, (Constr(0, (Constr(0, (SECOND_INPUT.transaction_id,)), 0)),))
    assert info[9] == Map(((spent, 7),))


def test_v3_is_told_of_bare_ids_and_of_its_own_datum() -> None:
    utxo = {
        INPUT: output(),
        SECOND_INPUT: output(address=script_address(V3_SCRIPT), datum=b"\x05"),
    }
    resolved = spending(utxo, treasury=3, donation=0)
    (run,) = runs_of(resolved)
    info, told_redeemer, purpose = fields(build_context_v3(resolved, ERAS, run))
    ref = Constr(0, (SECOND_INPUT.transaction_id, 0))
    assert told_redeemer == 7
    assert purpose == Constr(1, (ref, Constr(0, (5,))))
    assert len(fields(info)) == 16
    assert fields(info)[3] == FEE
    assert fields(info)[4] == Map()
    assert fields(info)[9] == Map(((Constr(1, (ref,)), 7),))
    assert fields(info)[11] == ID
    assert fields(info)[14:] == (Constr(0, (3,)), Constr(1))


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (None, None, ((Constr(0), True), (Constr(2), True))),
        (5, None, ((Constr(1, (1_000_005_000,)), True), (Constr(2), True))),
        (None, 9, ((Constr(0), True), (Constr(1, (1_000_009_000,)), False))),
        (5, 9, ((Constr(1, (1_000_005_000,)), True), (Constr(1, (1_000_009_000,)), False))),
    ],
)
def test_the_validity_interval_is_told_in_ms_without_its_end(
    start: int | None, end: int | None, told: Any
) -> None:
    bounds = tuple(Constr(0, (at, Constr(int(closed)))) for at, closed in told)
    resolved = spending(invalid_before=start, invalid_hereafter=end)
    assert info_v1(resolved)[6] == info_v2(resolved)[7] == Constr(0, bounds)
    assert info_v3(resolved)[7] == Constr(0, bounds)


def test_withdrawals_come_with_keys_first_before_v3_and_scripts_first_in_it() -> None:
    resolved = spending(
        withdrawals={reward_address(SCRIPT_CREDENTIAL): 2, reward_address(KEY_CREDENTIAL): 1}
    )
    key, script = Constr(0, (KEY_HASH,)), Constr(1, (V3_SCRIPT.hash,))
    old = [(Constr(0, (key,)), 1), (Constr(0, (script,)), 2)]
    assert info_v1(resolved)[5] == tuple(Constr(0, pair) for pair in old)
    assert info_v2(resolved)[6] == Map(tuple(old))
    resolved = spending(
        {INPUT: output(), SECOND_INPUT: output(address=script_address(V3_SCRIPT))},
        withdrawals={reward_address(KEY_CREDENTIAL): 1},
    )
    assert info_v3(resolved)[6] == Map(((key, 1),))


def test_signatories_and_outputs_are_told() -> None:
    resolved = spending(required_signers=(b"\x02" * 28, b"\x01" * 28))
    assert info_v1(resolved)[7] == (b"\x01" * 28, b"\x02" * 28)
    assert info_v1(resolved)[1] == (
        Constr(0, (TO_KEY, Map(((b"", Map(((b"", PAID),))),)), Constr(1))),
    )


def test_stake_credentials_are_part_of_addresses() -> None:
    base = b"\x10" + V3_SCRIPT.hash + KEY_HASH
    resolved = spending({INPUT: output(address=base), SECOND_INPUT: output()})
    told = info_v1(resolved)[0]
    assert isinstance(told, tuple)
    staking = Constr(0, (Constr(0, (Constr(0, (KEY_HASH,)),)),))
    address = Constr(0, (Constr(1, (V3_SCRIPT.hash,)), staking))
    assert fields(fields(told[0])[1])[0] == address


def test_pointer_addresses_are_not_told_of() -> None:
    pointer = b"\x40" + KEY_HASH + b"\x01\x01\x01"
    with pytest.raises(CannotEvaluate):
        info_v1(spending({INPUT: output(address=pointer), SECOND_INPUT: output(address=ADDRESS)}))


KEY = Constr(0, (KEY_HASH,))
POOL, VRF = b"\x07" * 28, b"\x08" * 32


def certificate(*fields: object) -> Certificate:
    """The certificate as the decoder gives it."""
    (found,) = read_all(cbor2.dumps([fields]), read_certificates, "certificates")
    return found


CREDENTIAL = [0, KEY_HASH]
PARAMETERS = [
    POOL, VRF, 1, 2, cbor2.CBORTag(30, [1, 2]), reward_address(KEY_CREDENTIAL), [], [], None,
]  # fmt: skip


@pytest.mark.parametrize(
    ("encoded", "shown"),
    [
        ((0, CREDENTIAL), Constr(0, (KEY, Constr(1)))),
        ((7, CREDENTIAL, 9), Constr(0, (KEY, Constr(0, (9,))))),
        ((8, CREDENTIAL, 9), Constr(1, (KEY, Constr(0, (9,))))),
        ((2, CREDENTIAL, POOL), Constr(2, (KEY, Constr(0, (POOL,))))),
        ((9, CREDENTIAL, [2]), Constr(2, (KEY, Constr(1, (Constr(1),))))),
        ((13, CREDENTIAL, POOL, [3], 9), Constr(3, (KEY, Constr(2, (POOL, Constr(2))), 9))),
        ((16, CREDENTIAL, 9, None), Constr(4, (KEY, 9))),
        ((18, CREDENTIAL, None), Constr(5, (KEY,))),
        ((17, CREDENTIAL, 9), Constr(6, (KEY, 9))),
        ((3, *PARAMETERS), Constr(7, (POOL, VRF))),
        ((4, POOL, 5), Constr(8, (POOL, 5))),
        ((14, CREDENTIAL, CREDENTIAL), Constr(9, (KEY, KEY))),
        ((15, CREDENTIAL, None), Constr(10, (KEY,))),
    ],
)
def test_v3_certificates(encoded: tuple[object, ...], shown: Constr) -> None:
    assert build_certificate(certificate(*encoded), 10) == shown


def test_protocol_9_shows_no_deposit_of_a_registration() -> None:
    assert build_certificate(certificate(7, CREDENTIAL, 9), 9) == Constr(0, (KEY, Constr(1)))


ACTION = ActionId(bytes(32), 1)
PREVIOUS = Constr(0, (Constr(0, (bytes(32), 1)),))
FORMER = [bytes(32), 1]
ANCHOR = ["https://example.org", bytes(32)]


def proposal(*action: object) -> Proposal:
    """The proposal of an action as the decoder gives it."""
    encoded = [[4, reward_address(KEY_CREDENTIAL), action, ANCHOR]]
    (found,) = read_all(cbor2.dumps(encoded), read_proposals, "proposals")
    return found


@pytest.mark.parametrize(
    ("action", "shown"),
    [
        ((6,), Constr(6)),
        ((3, FORMER), Constr(3, (PREVIOUS,))),
        ((1, None, [11, 0]), Constr(1, (Constr(1), Constr(0, (11, 0))))),
        (
            (0, FORMER, {1: 5, 18: {0: [7]}}, None),
            Constr(0, (PREVIOUS, Map(((1, 5), (18, Map(((0, (7,)),))))), Constr(1))),
        ),
        (
            (2, {reward_address(KEY_CREDENTIAL): 5}, bytes(28)),
            Constr(2, (Map(((KEY, 5),)), Constr(0, (bytes(28),)))),
        ),
        (
            (4, None, [CREDENTIAL], {(1, V3_SCRIPT.hash): 9}, cbor2.CBORTag(30, [2, 3])),
            Constr(
                4,
                (
                    Constr(1),
                    (KEY,),
                    Map(((Constr(1, (V3_SCRIPT.hash,)), 9),)),
                    Constr(0, (2, 3)),
                ),
            ),
        ),
        ((5, None, [ANCHOR, None]), Constr(5, (Constr(1), Constr(0, (Constr(1),))))),
        (
            (5, FORMER, [ANCHOR, bytes(28)]),
            Constr(5, (PREVIOUS, Constr(0, (Constr(0, (bytes(28),)),)))),
        ),
    ],
)
def test_v3_proposals(action: tuple[object, ...], shown: Constr) -> None:
    assert build_proposal(proposal(*action)) == Constr(0, (4, KEY, shown))


def test_v3_votes_come_by_voter_scripts_first() -> None:
    votes = (
        Vote(Voter(2, KEY_HASH), ACTION, 1),
        Vote(Voter(3, V3_SCRIPT.hash), ACTION, 0),
        Vote(Voter(4, POOL), ACTION, 2),
    )
    tx = transaction(
        witnesses={
            "scripts": {V3_SCRIPT.hash: V3_SCRIPT},
            "redeemers": (Redeemer(4, 0, cbor2.dumps(1), 0, 0),),
        },
        votes=votes,
    )
    info = info_v3(resolved_with(tx))
    action = Constr(0, (bytes(32), 1))
    assert info[12] == Map(
        (
            (Constr(1, (Constr(1, (V3_SCRIPT.hash,)),)), Map(((action, Constr(0)),))),
            (Constr(1, (Constr(0, (KEY_HASH,)),)), Map(((action, Constr(1)),))),
            (Constr(2, (POOL,)), Map(((action, Constr(2)),))),
        )
    )


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        ("d87980", Constr(0)),
        ("d905009f01ff", Constr(7, (1,))),
        ("d866821903e880", Constr(1000)),
        ("a2010101 02", Map(((1, 1), (1, 2)))),
        ("5f41014102ff", b"\x01\x02"),
        ("c249010000000000000000", 2**64),
        ("c349010000000000000000", -1 - 2**64),
        ("3903e7", -1000),
        ("9f0180ff", (1, ())),
    ],
)
def test_data_is_read_with_all_that_scripts_see(raw: str, data: Data) -> None:
    assert decode_data(bytes.fromhex(raw)) == data
