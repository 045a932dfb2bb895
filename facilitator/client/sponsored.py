"""Payments by offers of the resource server to pay the fee (:mod:`facilitator.x402.fee_sponsor`).

The rules C1 to C6 of the draft ``fee_sponsor_cardano.md`` keep the payer's ada with the payer.
"""

from collections.abc import Mapping, Sequence

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules import Environment
from facilitator.cardano.rules.fees import compute_base_fee
from facilitator.cardano.rules.future_signers import count_future_bytes
from facilitator.cardano.transaction import AssetId, Output, OutputRef
from facilitator.client.transaction import assemble, build_body
from facilitator.roles.chain import Unspent
from facilitator.roles.payment import Terms
from facilitator.roles.wallet import Signature, Wallet, WalletChain
from facilitator.x402.fee_sponsor import OFFER, BadOffer, FeeSponsorOffer, read_offer

MARGIN_MS = 5_000
"""The least time in ms that an offer must still run (C2): the payment is built and sent in it."""

_UNSIGNED = Signature(bytes(32), bytes(64))


class OfferNotUsed(Exception):
    """There is no offer, or it is not to be used; :attr:`why` is empty if there is none."""

    def __init__(self, why: str = "") -> None:
        """Take the reason for people."""
        super().__init__(why)
        self.why = why


def find_offer(terms: Terms, now_ms: int) -> FeeSponsorOffer:
    """Return the offer in the terms, if it may be used at that Unix time (rules C1 and C2).

    Raises :class:`OfferNotUsed`.
    """
    extra = terms.requirements.extra
    if OFFER not in extra:
        raise OfferNotUsed
    try:
        offer = read_offer(extra, terms.network.network_id)
    except BadOffer as error:
        raise OfferNotUsed(str(error)) from None
    if offer is None or terms.asset is None:
        raise OfferNotUsed("the price is in lovelace")
    if offer.expires_at_ms < now_ms + MARGIN_MS:
        raise OfferNotUsed("it has expired, or is about to")
    return offer


def look_up_offered(offer: FeeSponsorOffer, chain: WalletChain, wallet: Wallet) -> Output:
    """Return the offered output as the chain has it, if it is what the offer says (rule C6).

    The ledger asks for the signature of its real owner. If that were this wallet, its signature
    would give the output to the seller. Raises :class:`OfferNotUsed`, and
    :class:`~facilitator.roles.chain_errors.ChainUnavailable`.
    """
    status = chain.outputs([offer.input]).get(offer.input)
    if not isinstance(status, Unspent):
        raise OfferNotUsed(f"the chain does not have {offer.input} as an unspent output")
    output = status.output
    faults = {
        "it belongs to this wallet": output.address[1:29] == wallet.address[1:29],
        "it is at another address than the offer says": output.address != offer.address,
        "it holds more than lovelace": bool(output.value.assets),
        "it holds another amount than the offer says": output.value.lovelace != offer.lovelace,
        "it carries a reference script": output.script is not None,
    }
    found = [fault for fault, is_found in faults.items() if is_found]
    if found:
        raise OfferNotUsed(f"the offered output {offer.input}: {' and '.join(found)}")
    return output


def choose_inputs(
    utxo: Mapping[OutputRef, Output], asset: AssetId, amount: int
) -> Sequence[OutputRef]:
    """Return outputs that hold the amount, those without other tokens first (rules C3 and C4).

    Raises :class:`OfferNotUsed`.
    """
    holding = [ref for ref, output in utxo.items() if output.value.assets.get(asset, 0) > 0]
    holding.sort(key=lambda r: (len(utxo[r].value.assets) > 1, -utxo[r].value.assets[asset], r))
    chosen: list[OutputRef] = []
    held = 0
    for ref in holding:
        if held >= amount:
            break
        chosen.append(ref)
        held += utxo[ref].value.assets[asset]
    if held < amount:
        raise OfferNotUsed(f"the wallet holds {held} of the asset, and {amount} are needed")
    return chosen


def sign_sponsored(
    wallet: Wallet,
    utxo: Mapping[OutputRef, Output],
    terms: Terms,
    offered: tuple[FeeSponsorOffer, Output],
    parameters: ProtocolParameters,
    invalid_hereafter: int,
) -> tuple[bytes, OutputRef]:
    """Return a transaction that the payer has signed, and the first input of the payer's.

    It has two outputs: the wallet's change, with all of its lovelace, and the payment, with the
    offered lovelace less the fee. ``utxo`` are the wallet's outputs that it may spend. Raises
    :class:`OfferNotUsed`.
    """
    offer, output = offered
    asset = terms.asset or b""
    own = choose_inputs(utxo, asset, terms.amount)
    inputs = {**{ref: utxo[ref] for ref in own}, offer.input: output}
    change = sum(utxo[ref].value.lovelace for ref in own)
    tokens: dict[AssetId, int] = {}
    for ref in own:
        for each, quantity in utxo[ref].value.assets.items():
            tokens[each] = tokens.get(each, 0) + quantity
    tokens[asset] -= terms.amount
    left = {each: quantity for each, quantity in tokens.items() if quantity}
    env = Environment(0, terms.network.network_id, parameters, frozenset({offer.key_hash}))
    fee = 0
    while fee <= offer.max_fee:
        paid = output.value.lovelace - fee
        outputs = [(wallet.address, change, left), (terms.pay_to, paid, {asset: terms.amount})]
        body = build_body(list(inputs), outputs, fee, invalid_hereafter)
        least = _least_fee(assemble(body, _UNSIGNED), parameters, env)
        if least <= fee:
            return assemble(body, wallet.sign(body.hash())), own[0]
        fee = least
    raise OfferNotUsed(f"the fee would be {fee} lovelace, and at most {offer.max_fee} are offered")


def _least_fee(transaction: bytes, parameters: ProtocolParameters, env: Environment) -> int:
    try:
        tx = decode_transaction(transaction)
    except DecodeError as error:
        raise OfferNotUsed(f"no transaction can be built: {error}") from None
    return compute_base_fee(tx, parameters, count_future_bytes(tx, env))
