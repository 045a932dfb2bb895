"""A consumer and a provider who build transactions of channels and settle them on a devnet."""

from dataclasses import dataclass

from nacl.signing import SigningKey

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.rules.fees import (
    compute_base_fee,
    compute_reference_script_fee,
    count_reference_script_bytes,
)
from facilitator.cardano.transaction import AssetId, OutputRef
from facilitator.plugin import Unspent
from facilitator.testing.clock import ManualClock
from facilitator_channels.channel import Channel, Validator, read_channel
from facilitator_channels.datum import SUBBIT, Constants
from facilitator_channels.iou import derive_tag, iou_message
from facilitator_channels.transactions.plan import (
    Ledger,
    Purse,
    ScriptReference,
    ScriptSource,
    ScriptWitness,
)
from facilitator_channels.transactions.steps import Redemption, open_channel
from facilitator_channels.transactions.wire import Unsigned
from facilitator_channels.validator import SCRIPT_HASH, load_code
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import wallets
from facilitator_devnet.wallet import Wallet, key_hash
from support.script_spends import V3, Script, lock, output

VALIDATOR = Validator(SCRIPT_HASH, SUBBIT)
_ALL = wallets("cardano:preprod")
CONSUMER, PROVIDER = _ALL["bob"], _ALL["merchant"]
PERIOD_SECONDS = 900
_REFERENCE_LOVELACE = 30_000_000


def iou_key(tag: bytes) -> SigningKey:
    """A key of its own for each channel."""
    return SigningKey(tag)


def owed(channel: Channel, amount: int) -> Redemption:
    tag = channel.constants.tag
    return Redemption(channel, amount, iou_key(tag).sign(iou_message(tag, amount)).signature)


@dataclass(frozen=True)
class Play:
    """The devnet and the clock that it follows."""

    devnet: Devnet
    clock: ManualClock

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.devnet.parameters(), self.devnet.eras(), self.devnet.now(), 0)

    @property
    def soon(self) -> int:
        """A slot by which transactions are in a block."""
        return self.devnet.now() + 300

    def purse(self, wallet: Wallet) -> Purse:
        utxo = self.devnet.outputs_at(wallet.address)
        return Purse(wallet.address, {r: o for r, o in utxo.items() if o.script is None})

    def witness(self) -> ScriptSource:
        return ScriptWitness(load_code())

    def reference(self) -> ScriptSource:
        """The validator in an output on the chain, made now."""
        script = Script(V3, load_code())
        (ref,) = lock(self.devnet, output(b"\x70" + bytes(28), _REFERENCE_LOVELACE, script=script))
        return ScriptReference(ref, self.output(ref).output)

    def output(self, ref: OutputRef) -> Unspent:
        found = self.devnet.outputs([ref])[ref]
        assert isinstance(found, Unspent)
        return found

    def channel(self, transaction_id: bytes, index: int = 0) -> Channel:
        ref = OutputRef(transaction_id, index)
        return read_channel(ref, self.output(ref).output, VALIDATOR)

    def settle(self, unsigned: Unsigned, *signers: Wallet) -> bytes:
        """Sign and submit it, and make a block; its fee is the least that the ledger takes."""
        raw = unsigned.with_signatures([each.sign(unsigned.id) for each in signers])
        assert unsigned.signers == {key_hash(each.payment_key) for each in signers}
        assert decode_transaction(raw).body.fee == self.least_fee(raw)
        name = self.devnet.submit(raw)
        assert name in self.devnet.produce_block().transactions
        assert name == unsigned.id.hex()
        return unsigned.id

    def least_fee(self, raw: bytes) -> int:
        tx = decode_transaction(raw)
        parameters = self.devnet.parameters()
        refs = {*tx.body.inputs, *tx.body.reference_inputs}
        outputs = [self.output(ref).output for ref in refs]
        price = parameters.min_fee_ref_script_cost_per_byte
        size = count_reference_script_bytes(outputs)
        return compute_base_fee(tx, parameters) + compute_reference_script_fee(size, price)

    def open(self, amount: int, currency: AssetId | None = None) -> Channel:
        """A channel that the consumer opens, in a block."""
        purse = self.purse(CONSUMER)
        first = min(purse.utxo)
        tag = derive_tag(first)
        key = bytes(iou_key(tag).verify_key)
        consumer, provider = (key_hash(each.payment_key) for each in (CONSUMER, PROVIDER))
        constants = Constants(tag, currency, key, consumer, provider, PERIOD_SECONDS * 1000)
        unsigned = open_channel(constants, amount, first, VALIDATOR, purse, self.ledger)
        return self.channel(self.settle(unsigned, CONSUMER))

    def held(self, wallet: Wallet, currency: AssetId | None) -> int:
        """What the wallet has of the currency."""
        values = [each.value for each in self.devnet.outputs_at(wallet.address).values()]
        if currency is None:
            return sum(value.lovelace for value in values)
        return sum(value.assets.get(currency, 0) for value in values)

    def fee_of(self, unsigned: Unsigned) -> int:
        return decode_transaction(unsigned.with_signatures([])).body.fee
