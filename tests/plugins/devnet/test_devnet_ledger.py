"""What the devnet does with real transactions."""

from collections.abc import Callable, Sequence
from hashlib import blake2b

import cbor2
import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.rules import Environment, ledger_failures, static_failures
from facilitator.cardano.state import Account, LedgerState, StateQuery
from facilitator.cardano.transaction import Credential, OutputRef, Value
from facilitator.roles.chain import InBlock, InMempool, NotFound, Spent, Unknown, Unspent
from facilitator.roles.chain_errors import ChainUnavailable, SubmissionRejected, SubmissionUnknown
from facilitator.testing.clock import ManualClock
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import GENESIS_VALUES, TEST_TOKEN, WALLETS, wallets
from facilitator_devnet.wallet import InsufficientFundsError, Wallet, build, pay, sign

Payment = Callable[..., bytes]
PEOPLE = wallets("cardano:preprod")
ALICE = PEOPLE["alice"]


def first_input(raw: bytes) -> OutputRef:
    return decode_transaction(raw).body.inputs[0]


def certify(devnet: Devnet, certificates: Sequence[object], deposit: int) -> str:
    """Alice pays the deposit (or takes it back) and a fee for certificates of hers."""
    ref, output = next(iter(devnet.outputs_at(ALICE.address).items()))
    value = Value(output.value.lovelace - 300_000 - deposit, output.value.assets)
    body = build([ref], [(ALICE.address, value)], 300_000, None, _4=certificates)
    return devnet.submit(sign(body, [ALICE.payment_key, ALICE.stake_key]))


def stake_credential(wallet: Wallet) -> Credential:
    return Credential(is_script=False, hash=wallet.reward_address[1:])


def test_genesis_funds_every_wallet_the_same_way_each_time(
    devnet: Devnet, clock: ManualClock
) -> None:
    other = Devnet("cardano:preprod", clock)
    for name in WALLETS:
        held = devnet.outputs_at(PEOPLE[name].address)
        assert [output.value for output in held.values()] == list(GENESIS_VALUES)
        assert held == other.outputs_at(PEOPLE[name].address)
    assert devnet.tip() == other.tip()
    other.close()


def test_a_payment_waits_and_then_is_in_a_block(devnet: Devnet, payment: Payment) -> None:
    raw = payment(devnet, 5_000_000)
    ref = first_input(raw)
    transaction_id = devnet.submit(raw)
    assert devnet.transaction(transaction_id) == InMempool()
    assert isinstance(devnet.outputs([ref])[ref], Unspent)
    block = devnet.produce_block()
    assert block.transactions == (transaction_id,)
    assert devnet.transaction(transaction_id) == InBlock(block.point, block.height)
    assert devnet.outputs([ref]) == {ref: Spent(transaction_id)}
    merchants = devnet.outputs_at(PEOPLE["merchant"].address)
    paid = merchants[OutputRef(bytes.fromhex(transaction_id), 0)]
    assert paid.value == Value(5_000_000, {})


def test_a_token_payment_travels_with_its_minimum_lovelace(
    devnet: Devnet, payment: Payment
) -> None:
    raw = payment(devnet, 10_000, asset=TEST_TOKEN)
    assert len(decode_transaction(raw).body.inputs) == 1
    transaction_id = devnet.submit(raw)
    devnet.produce_block()
    ref = OutputRef(bytes.fromhex(transaction_id), 0)
    found = devnet.outputs([ref])[ref]
    assert isinstance(found, Unspent)
    assert found.output.value.assets == {TEST_TOKEN: 10_000}
    assert found.output.value.lovelace == (160 + found.output.size) * 4310


def test_change_in_the_mempool_can_be_spent(devnet: Devnet) -> None:
    parameters, ttl = devnet.parameters(), devnet.tip().point.slot + 100
    bob = PEOPLE["bob"].address
    first = pay(
        ALICE, devnet.outputs_at(ALICE.address), bob, 3_000_000, parameters=parameters, ttl=ttl
    )
    devnet.submit(first)
    decoded = decode_transaction(first)
    onward = {OutputRef(decoded.id, 1): decoded.body.outputs[1]}
    second = devnet.submit(pay(ALICE, onward, bob, 4_000_000, parameters=parameters, ttl=ttl))
    assert devnet.produce_block().transactions == (decoded.id.hex(), second)


def test_a_double_spend_is_refused_in_the_mempool_and_after(
    devnet: Devnet, payment: Payment
) -> None:
    one, other = payment(devnet, 2_000_000), payment(devnet, 3_000_000)
    assert first_input(one) == first_input(other)
    transaction_id = devnet.submit(one)
    assert devnet.submit(one) == transaction_id
    for _ in range(2):
        with pytest.raises(SubmissionRejected, match=r"^BadInputsUTxO: "):
            devnet.submit(other)
        devnet.produce_block()
    with pytest.raises(SubmissionRejected, match=r"^BadInputsUTxO: "):
        devnet.submit(one)


def test_every_failure_is_told(devnet: Devnet) -> None:
    ref, output = next(iter(devnet.outputs_at(ALICE.address).items()))
    body = build([ref], [(ALICE.address, output.value)], 1, devnet.tip().point.slot)
    with pytest.raises(SubmissionRejected) as refused:
        devnet.submit(sign(body, [PEOPLE["bob"].payment_key]))
    rules = {part.split(":")[0] for part in str(refused.value).split("; ")}
    assert rules >= {
        "OutsideValidityIntervalUTxO",
        "FeeTooSmallUTxO",
        "ValueNotConservedUTxO",
        "MissingVKeyWitnessesUTXOW",
    }


def test_the_validity_interval_is_judged_by_the_clock(
    devnet: Devnet, clock: ManualClock, payment: Payment
) -> None:
    raw = payment(devnet, valid_slots=10)
    clock.advance(11)
    with pytest.raises(SubmissionRejected, match="OutsideValidityIntervalUTxO"):
        devnet.submit(raw)


def test_what_expires_in_the_mempool_gets_into_no_block(
    devnet: Devnet, clock: ManualClock, payment: Payment
) -> None:
    raw = payment(devnet, valid_slots=10)
    transaction_id = devnet.submit(raw)
    clock.advance(11)
    assert devnet.produce_block().transactions == ()
    assert devnet.transaction(transaction_id) == NotFound()
    assert first_input(raw) in devnet.outputs_at(ALICE.address)


def test_stake_registration_delegation_and_deregistration(devnet: Devnet) -> None:
    credential = stake_credential(ALICE)
    query, owner = StateQuery(accounts=frozenset({credential})), [0, credential.hash]
    certificates = [[7, owner, 2_000_000], [9, owner, [2]]]
    certify(devnet, certificates, 2_000_000)
    assert devnet.ledger_state(query).accounts == {credential: None}
    devnet.produce_block()
    expected = Account(deposit=2_000_000, reward=0, drep="predefined")
    assert devnet.ledger_state(query).accounts == {credential: expected}
    with pytest.raises(SubmissionRejected, match="StakeKeyRegistered"):
        certify(devnet, certificates, 2_000_000)
    certify(devnet, [[8, owner, 2_000_000]], -2_000_000)
    devnet.produce_block()
    assert devnet.ledger_state(query).accounts == {credential: None}


def test_a_drep_registers_is_delegated_to_and_retires(devnet: Devnet) -> None:
    credential = stake_credential(ALICE)
    query = StateQuery(accounts=frozenset({credential}), dreps=frozenset({credential}))
    owner = [0, credential.hash]
    certify(devnet, [[16, owner, 500_000_000, None]], 500_000_000)
    devnet.produce_block()
    assert devnet.ledger_state(query).dreps == {credential: 500_000_000}
    certify(devnet, [[12, owner, owner, 2_000_000]], 2_000_000)
    devnet.produce_block()
    account = devnet.ledger_state(query).accounts[credential]
    assert account == Account(deposit=2_000_000, reward=0, drep=credential.hash.hex())
    certify(devnet, [[17, owner, 500_000_000]], -500_000_000)
    devnet.produce_block()
    assert devnet.ledger_state(query).dreps == {credential: None}
    undelegated = Account(deposit=2_000_000, reward=0)
    assert devnet.ledger_state(query).accounts == {credential: undelegated}
    devnet.rollback(3, drop=True)
    assert devnet.ledger_state(query).dreps == {credential: None}
    assert devnet.ledger_state(query).accounts == {credential: None}


def test_a_withdrawal_empties_the_account_until_it_is_rolled_back(devnet: Devnet) -> None:
    credential = stake_credential(ALICE)
    full = Account(deposit=2_000_000, reward=7_000_000, drep="predefined")
    devnet.load({}, {credential: full})
    ref, output = next(iter(devnet.outputs_at(ALICE.address).items()))
    value = Value(output.value.lovelace - 300_000 + 7_000_000, {})
    withdrawal = {ALICE.reward_address: 7_000_000}
    body = build([ref], [(ALICE.address, value)], 300_000, None, _5=withdrawal)
    devnet.submit(sign(body, [ALICE.payment_key, ALICE.stake_key]))
    devnet.produce_block()
    query = StateQuery(accounts=frozenset({credential}))
    account = devnet.ledger_state(query).accounts[credential]
    assert account is not None
    assert account.reward == 0
    devnet.rollback(1, drop=True)
    assert devnet.ledger_state(query).accounts == {credential: full}


def test_the_faucet_gives_at_once_and_for_good(devnet: Devnet, clock: ManualClock) -> None:
    carol = Wallet("somebody")
    refs = [devnet.fund(carol.address, 5_000_000, {TEST_TOKEN: 3}) for _ in range(2)]
    assert list(devnet.outputs_at(carol.address)) == refs
    assert isinstance(devnet.transaction(refs[0].transaction_id.hex()), InBlock)
    devnet.produce_block()
    devnet.rollback(1)
    assert list(devnet.outputs_at(carol.address)) == refs
    other = Devnet("cardano:preprod", clock)
    assert [other.fund(carol.address, 5_000_000, {TEST_TOKEN: 3}) for _ in range(2)] == refs
    other.close()


@pytest.mark.parametrize("address", [b"", b"\x00" * 57 + b"\x01", b"\x60" * 3])
def test_the_faucet_refuses_what_is_no_address(devnet: Devnet, address: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        devnet.fund(address, 5_000_000)


def test_loaded_outputs_can_be_spent_until_a_reset(devnet: Devnet, payment: Payment) -> None:
    genesis = devnet.outputs_at(ALICE.address)
    ref = OutputRef(blake2b(b"loaded", digest_size=32).digest(), 7)
    devnet.submit(payment(devnet))
    devnet.produce_block()
    devnet.load({ref: next(iter(genesis.values()))})
    raw = pay(
        ALICE,
        {ref: genesis[first_input(payment(devnet))]},
        PEOPLE["bob"].address,
        2_000_000,
        parameters=devnet.parameters(),
        ttl=devnet.tip().point.slot + 100,
    )
    transaction_id = devnet.submit(raw)
    assert transaction_id in devnet.produce_block().transactions
    devnet.reset()
    assert devnet.tip().height == 0
    assert devnet.outputs_at(ALICE.address) == genesis
    assert devnet.outputs([ref]) == {ref: Spent()}


def test_faults_happen_as_often_as_asked(devnet: Devnet, payment: Payment) -> None:
    devnet.faults.fail("tip", times=2)
    for _ in range(2):
        with pytest.raises(ChainUnavailable, match=r"tip\(\)"):
            devnet.tip()
    raw = payment(devnet)
    ref = first_input(raw)
    devnet.faults.lag()
    assert isinstance(devnet.outputs([ref])[ref], Unknown)
    assert isinstance(devnet.outputs([ref])[ref], Unspent)


def test_a_lost_submission_is_not_taken_and_a_lost_reply_is(
    devnet: Devnet, payment: Payment
) -> None:
    raw = payment(devnet)
    transaction_id = decode_transaction(raw).id.hex()
    devnet.faults.lose_submissions()
    with pytest.raises(SubmissionUnknown):
        devnet.submit(raw)
    assert devnet.transaction(transaction_id) == NotFound()
    devnet.faults.lose_replies()
    with pytest.raises(SubmissionUnknown):
        devnet.submit(raw)
    assert devnet.transaction(transaction_id) == InMempool()


def test_the_builder_pays_the_minimum_and_refuses_what_it_cannot_pay(devnet: Devnet) -> None:
    utxos, parameters = devnet.outputs_at(ALICE.address), devnet.parameters()
    slot = devnet.tip().point.slot + 1
    for amount in (1_000_000, 999_000_000, 2_000_000_000, 4_999_000_000):
        raw = pay(ALICE, utxos, ALICE.address, amount, parameters=parameters, ttl=slot + 9)
        transaction = decode_transaction(raw)
        environment = Environment(slot, 0, parameters)
        assert static_failures(transaction, environment) == []
        assert ledger_failures(transaction, environment, utxos, LedgerState()) == []
        assert transaction.body.fee - (44 * len(raw) + 155_381) in range(0, 44 * 4 + 1, 44)
    with pytest.raises(InsufficientFundsError):
        pay(ALICE, utxos, ALICE.address, 6_000_000_000, parameters=parameters, ttl=slot + 9)


def test_a_body_can_carry_any_field() -> None:
    body = cbor2.loads(build([], [], 0, None, _14=[b"x"]))
    assert body[14] == [b"x"]
