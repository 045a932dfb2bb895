"""Signed payments: what they pay, what they spend, and that the ledger takes them."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.client.errors import CannotPay
from facilitator.client.transaction import Amount, sign_payment
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, MERCHANT
from facilitator.testing.running import NETWORK, NOW
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN

TTL = 200_000_000
ADA = 1_000_000
OTHER = bytes(28) + b"other"


def held(*values: Value) -> dict[OutputRef, Output]:
    refs = (OutputRef(bytes([number]) * 32, number) for number in range(1, len(values) + 1))
    return {ref: Output(ALICE.address, value, 0) for ref, value in zip(refs, values, strict=True)}


def paid(utxo: Mapping[OutputRef, Output], amount: Amount) -> tuple[set[OutputRef], list[Output]]:
    """The inputs, and the outputs with the merchant's first."""
    body = decode_transaction(sign_payment(ALICE, utxo, amount, PARAMETERS, TTL)).body
    assert body.invalid_hereafter == TTL
    mine, change = body.outputs
    assert (mine.address, change.address) == (MERCHANT.address, ALICE.address)
    spent = sum(utxo[ref].value.lovelace for ref in body.inputs)
    assert spent == mine.value.lovelace + change.value.lovelace + body.fee
    return set(body.inputs), [mine, change]


def test_the_greatest_plain_output_pays_lovelace_alone() -> None:
    utxo = held(Value(5 * ADA, {}), Value(900 * ADA, {TEST_TOKEN: 7}), Value(8 * ADA, {}))
    inputs, (mine, change) = paid(utxo, Amount(MERCHANT.address, 2 * ADA))
    assert inputs == {OutputRef(b"\3" * 32, 3)}
    assert (mine.value, change.value.assets) == (Value(2 * ADA, {}), {})


def test_a_token_travels_with_the_least_lovelace_and_leaves_the_rest() -> None:
    utxo = held(Value(50 * ADA, {}), Value(5 * ADA, {TEST_TOKEN: 9, OTHER: 4}))
    inputs, (mine, change) = paid(utxo, Amount(MERCHANT.address, 5, TEST_TOKEN))
    assert inputs == {OutputRef(b"\2" * 32, 2)}
    assert mine.value.assets == {TEST_TOKEN: 5}
    assert mine.value.lovelace < 2 * ADA
    assert change.value.assets == {TEST_TOKEN: 4, OTHER: 4}


def test_more_are_spent_until_the_change_can_be() -> None:
    """3.2 ada would leave 1 ada less the fee: too little for an output, besides for the tokens."""
    utxo = held(Value(3_200_000, {}), Value(2 * ADA, {TEST_TOKEN: 1}))
    inputs, (_, change) = paid(utxo, Amount(MERCHANT.address, 2_200_000))
    assert inputs == set(utxo)
    assert change.value.assets == {TEST_TOKEN: 1}


@pytest.mark.parametrize(
    ("values", "amount"),
    [
        ([], Amount(MERCHANT.address, ADA)),
        ([Value(3 * ADA, {})], Amount(MERCHANT.address, 3 * ADA)),
        ([Value(3 * ADA, {})], Amount(MERCHANT.address, 2_500_000)),
        ([Value(3 * ADA, {TEST_TOKEN: 4})], Amount(MERCHANT.address, 5, TEST_TOKEN)),
        ([Value(1_200_000, {TEST_TOKEN: 9})], Amount(MERCHANT.address, 5, TEST_TOKEN)),
    ],
)
def test_what_does_not_suffice(
    values: list[Value], amount: Amount, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CannotPay, match=f"the {len(values)} outputs .* do not cover"):
        sign_payment(ALICE, held(*values), amount, PARAMETERS, TTL)
    assert capfd.readouterr() == ("", "")


_values = st.builds(
    Value,
    st.integers(ADA, 50 * ADA),
    st.dictionaries(st.sampled_from([TEST_TOKEN, OTHER]), st.integers(1, 2**40)),
)


@pytest.mark.once
@given(
    st.lists(_values, max_size=5),
    st.integers(1, 20 * ADA),
    st.sampled_from([None, TEST_TOKEN]),
)
@settings(max_examples=60)
def test_a_ledger_takes_it_or_nothing_is_signed(
    values: list[Value], quantity: int, asset: bytes | None
) -> None:
    devnet = Devnet(NETWORK, ManualClock(NOW))
    try:
        for value in values:
            assets = dict(value.assets)
            devnet.fund(MERCHANT.address, max(value.lovelace, 2 * ADA), assets)
        utxo = {
            ref: output
            for ref, output in devnet.outputs_at(MERCHANT.address).items()
            if output.value.lovelace <= 50 * ADA
        }
        amount = Amount(ALICE.address, max(quantity, ADA if asset is None else 1), asset)
        try:
            raw = sign_payment(MERCHANT, utxo, amount, PARAMETERS, TTL)
        except CannotPay:
            held_in_all = sum(
                output.value.lovelace if asset is None else output.value.assets.get(asset, 0)
                for output in utxo.values()
            )
            # Else only the fee, the change or the lovelace beside the asset can be what lacks.
            assert held_in_all < amount.quantity + 5 * ADA or asset is not None
        else:
            devnet.submit(raw)
    finally:
        devnet.close()
