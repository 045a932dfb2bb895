"""Builds a seller's claims from what the chain shows, and signs them with the seller's keys."""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from facilitator.cardano.amounts import LOVELACE
from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.plugin import (
    ChainProvider,
    ChainUnavailable,
    Clock,
    ListsOutputs,
    OutputStatus,
    Signature,
    SubmissionRejected,
    SystemClock,
    Unspent,
    Wallet,
)
from facilitator_channels.channel import Validator, read_channel
from facilitator_channels.datum import SUBBIT, Closed, Opened
from facilitator_channels.seller.claims import Batch
from facilitator_channels.seller.claims import Redemption as Due
from facilitator_channels.seller.redeeming import SignedClaim
from facilitator_channels.seller.refunds import ProviderKey
from facilitator_channels.seller.views import read_ref
from facilitator_channels.transactions.plan import (
    CannotBuild,
    Ledger,
    NotCovered,
    Purse,
    ScriptReference,
    ScriptSource,
    ScriptWitness,
    is_plain,
    read_ledger,
)
from facilitator_channels.transactions.redemption import Redemption, redeem
from facilitator_channels.transactions.wire import NewOutput, Unsigned
from facilitator_channels.validator import SCRIPT_HASH, load_code
from facilitator_channels.validators import KNOWN

VALID_SECONDS = 300
"""Seconds in which a claim can land. After that another one is made."""
COLLATERAL_LOVELACE = 5_000_000
"""The least of an output that is kept for collateral: it covers the fee of any claim."""

_log = logging.getLogger(__name__)


class CannotPayFee(Exception):
    """The wallet has too little for the fee or the collateral. The text says what it needs."""


class FundedChain(ChainProvider, ListsOutputs, Protocol):
    """A chain provider that can say what an address holds."""


class ClaimBuilder:
    """Builds claims over one network's chain. The redeemed amounts go to the wallet.

    An output of ada alone is kept for collateral if others pay the fee: what a claim over a token
    leaves goes to one output with the tokens, which is none.
    """

    def __init__(
        self,
        chain: FundedChain,
        wallet: Wallet,
        key: ProviderKey,
        references: Mapping[str, OutputRef] | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        """Build nothing yet.

        Args:
            chain: Shows the channels and the wallet's outputs.
            wallet: Pays fees and collateral as far as the channels do not.
            key: The key of ``receiverAuthorizer``. It may be the wallet's.
            references: The output with the validator's script, by script hash in hex. Our own
                validator needs none.
            clock: Says how long a claim is valid.
        """
        self._chain = chain
        self._wallet = wallet
        self._key = key
        self._references = references or {}
        self._clock = clock or SystemClock()

    def build(self, batch: Batch, taken: Collection[OutputRef] = ()) -> SignedClaim:
        """Return the claim, which spends no output of the wallet that is ``taken``.

        Raises :class:`CannotPayFee`; :class:`~facilitator_channels.transactions.plan.CannotBuild`
        if a channel is not where it was seen, or for too many channels at once; and
        :class:`~facilitator.plugin.ChainUnavailable`.
        """
        ledger = read_ledger(self._chain, self._clock)
        eras = ledger.eras
        until = eras.slot_at(eras.start_ms(ledger.slot) + VALID_SECONDS * 1000)
        reference = self._references.get(batch.terms.script_hash)
        refs = [_ref(each) for each in batch.redemptions]
        known = self._chain.outputs([*refs, reference] if reference else refs)
        redemptions = [_redemption(batch, each, known) for each in batch.redemptions]
        script = self._script(batch, reference, known)
        unsigned = self._complete(batch, redemptions, script, ledger, until, taken)
        raw = self._sign(unsigned)
        name = unsigned.id.hex()
        ordered = sorted(batch.redemptions, key=_ref)
        positions = {
            each.channel_id: f"{name}#{index}"
            for index, each in enumerate(ordered)
            if not each.is_settlement
        }
        spends = frozenset(decode_transaction(raw).body.inputs) - set(refs)
        return SignedClaim(name, raw, positions, spends, eras.start_ms(until))

    def submit(self, claim: SignedClaim) -> bool:
        """Submit the claim to the chain, without the facilitator; return True if it is taken."""
        name = claim.transaction_id
        try:
            self._chain.submit(claim.transaction)
        except (ChainUnavailable, SubmissionRejected) as error:
            _log.info("claim %s is not taken by the chain provider: %s", name, error)
            return False
        _log.warning("claim %s is submitted without the facilitator", name)
        return True

    def _script(
        self, batch: Batch, ref: OutputRef | None, known: Mapping[OutputRef, OutputStatus]
    ) -> ScriptSource:
        if ref is not None:
            return ScriptReference(ref, _unspent(ref, known))
        if batch.terms.script_hash == SCRIPT_HASH.hex():
            return ScriptWitness(load_code())
        raise CannotBuild(f"no output is named that has the script {batch.terms.script_hash}")

    def _complete(
        self,
        batch: Batch,
        redemptions: Sequence[Redemption],
        script: ScriptSource,
        ledger: Ledger,
        until: int,
        taken: Collection[OutputRef],
    ) -> Unsigned:
        utxo, kept = self._funds(taken)
        address = self._wallet.address
        others = {ref: output for ref, output in utxo.items() if ref != kept}
        purse = Purse(address, others, {kept: utxo[kept]})
        try:
            return redeem(redemptions, script, purse, ledger, valid_until=until)
        except NotCovered:
            purse = Purse(address, utxo)
        made = NewOutput(address, Value(COLLATERAL_LOVELACE, {}))
        beside = () if batch.terms.token == LOVELACE else (made,)
        try:
            return redeem(redemptions, script, purse, ledger, valid_until=until, beside=beside)
        except NotCovered as error:
            raise CannotPayFee(f"the seller's wallet cannot pay the fee: {error}") from None

    def _funds(self, taken: Collection[OutputRef]) -> tuple[Mapping[OutputRef, Output], OutputRef]:
        """Return the wallet's outputs, and the one among them that is kept for collateral."""
        utxo = {
            ref: output
            for ref, output in self._chain.outputs_at(self._wallet.address).items()
            if ref not in taken and is_plain(output)
        }
        plain = {ref: each.value.lovelace for ref, each in utxo.items() if not each.value.assets}
        if not plain:
            raise CannotPayFee(
                "the seller's wallet has no output of ada alone with"
                f" {COLLATERAL_LOVELACE} lovelace, for collateral: send it one"
            )
        enough = [ref for ref, held in plain.items() if held >= COLLATERAL_LOVELACE]
        if not enough:  # the richest may do for this claim
            return utxo, max(plain, key=lambda ref: (plain[ref], ref))
        return utxo, min(enough, key=lambda ref: (plain[ref], ref))

    def _sign(self, unsigned: Unsigned) -> bytes:
        signatures = []
        if self._wallet.address[1:29] in unsigned.signers:
            signatures.append(self._wallet.sign(unsigned.id))
        if self._key.key_hash != self._wallet.address[1:29]:
            signatures.append(Signature(self._key.public, self._key.sign(unsigned.id)))
        return unsigned.with_signatures(signatures)


def _redemption(batch: Batch, due: Due, known: Mapping[OutputRef, OutputStatus]) -> Redemption:
    """Return the channel as the chain shows it, if that is as it was seen."""
    ref, script_hash = _ref(due), bytes.fromhex(batch.terms.script_hash)
    validator = Validator(script_hash, KNOWN.get(script_hash, SUBBIT))
    try:
        channel = read_channel(ref, _unspent(ref, known), validator)
    except DecodeError as error:
        raise CannotBuild(f"the output {ref} is no channel: {error}") from None
    wanted = Closed if due.is_settlement else Opened
    if channel.constants.tag.hex() != due.channel_id or not isinstance(channel.datum.stage, wanted):
        raise CannotBuild(f"the channel {due.channel_id} is not as it was seen at {ref}")
    return Redemption(channel, due.iou.amount, due.iou.signature, due.total_claimed)


def _unspent(ref: OutputRef, known: Mapping[OutputRef, OutputStatus]) -> Output:
    status = known[ref]
    if not isinstance(status, Unspent):
        raise CannotBuild(f"the output {ref} is spent, or not known")
    return status.output


def _ref(due: Due) -> OutputRef:
    ref = read_ref(due.channel_ref)
    if ref is None:
        raise CannotBuild(f"the channel {due.channel_id} has no position")
    return ref
