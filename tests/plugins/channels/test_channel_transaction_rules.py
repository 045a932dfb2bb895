"""Whatever a purse holds, what is built is good by the ledger's rules, or is refused."""

from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.rules import Environment, ledger_failures, static_failures
from facilitator.cardano.rules.fees import compute_base_fee
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator_channels.datum import Constants
from facilitator_channels.iou import derive_tag
from facilitator_channels.transactions.plan import CannotBuild, Ledger, Purse
from facilitator_channels.transactions.steps import open_channel
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN
from facilitator_devnet.wallet import key_hash
from support.channel_play import CONSUMER, PERIOD_SECONDS, PROVIDER, VALIDATOR

SLOT = 100_000_000
LEDGER = Ledger(PARAMETERS, KNOWN_ERAS["cardano:preprod"], SLOT, 0)
ENVIRONMENT = Environment(SLOT, 0, PARAMETERS)

values = st.builds(
    lambda lovelace, tokens: Value(lovelace, {TEST_TOKEN: tokens} if tokens else {}),
    st.integers(1_000_000, 30_000_000),
    st.sampled_from([0, 0, 1, 10_000, 2**40]),
)
purses = st.lists(values, min_size=1, max_size=30).map(
    lambda held: {
        OutputRef(bytes([number + 1]) * 32, number): Output(CONSUMER.address, value, 120)
        for number, value in enumerate(held)
    }
)


@given(
    purses,
    st.sampled_from([None, TEST_TOKEN]),
    st.integers(1, 200_000_000),
    st.none() | st.integers(SLOT + 1, SLOT + 10_000),
)
def test_an_opening_is_good_or_is_refused(
    utxo: dict[OutputRef, Output], currency: bytes | None, amount: int, until: int | None
) -> None:
    first = min(utxo)
    consumer, provider = (key_hash(each.payment_key) for each in (CONSUMER, PROVIDER))
    period = PERIOD_SECONDS * 1000
    constants = Constants(derive_tag(first), currency, bytes(32), consumer, provider, period)
    purse = Purse(CONSUMER.address, utxo)
    try:
        unsigned = open_channel(
            constants, amount, first, VALIDATOR, purse, LEDGER, valid_until=until
        )
    except CannotBuild:
        held = [output.value for output in utxo.values()]
        tokens = sum(value.assets.get(TEST_TOKEN, 0) for value in held)
        lovelace = sum(value.lovelace for value in held)
        # The reserve of a channel is less than 3 ada, and so is the least change with its fee.
        needed = 6_000_000 + (amount if currency is None else 0)
        short = tokens < amount if currency is not None else amount < 3_000_000
        assert short or lovelace < needed
        return
    tx = decode_transaction(unsigned.with_signatures([CONSUMER.sign(unsigned.id)]))
    assert static_failures(tx, ENVIRONMENT) == []
    assert ledger_failures(tx, ENVIRONMENT, utxo, None) == []
    assert tx.body.fee == compute_base_fee(tx, PARAMETERS)
