"""The lock itself: what the output to the escrow must hold ("Lock invariants").

The contract runs only when the escrow is spent. The ledger lets funds be locked under a datum that
the contract cannot read or would never release. Such funds would be lost.
"""

from collections.abc import Collection

from facilitator.cardano.addresses.address import read_address
from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.transaction import Credential, Output
from facilitator.plugin import Refused, Terms
from facilitator_masumi.datum import Lock, Party, read_lock
from facilitator_masumi.reasons import MasumiReason
from facilitator_masumi.schema import MasumiExtra

LEAST_COLLATERAL = 1_435_230
"""Lovelace; no collateral at all is allowed as well."""
SHORTEST_SIGNATURE = 16
"""Bytes of ``reference_signature``."""

_GROWTH = 33 + 15 + 50 + 160 + 100
"""Bytes that Masumi's tools add to the datum to estimate the output after ``SubmitResult``.

The result's hash, the cooldowns, headroom for both, the ledger's constant for an output, and the
rest of the output.
"""
_GROWTH_BY_TOKEN = 50


def escrow_lock(outputs: Collection[Output], escrow: bytes) -> tuple[Output, Lock]:
    """Return the one output to the escrow and the datum it carries. Raises :class:`Refused`."""
    locks = [output for output in outputs if output.address == escrow]
    if len(locks) != 1:
        raise Refused(
            MasumiReason.ESCROW_OUTPUT_COUNT,
            f"exactly one output must pay the escrow, not {len(locks)}",
        )
    (output,) = locks
    if output.datum is None:
        raise Refused(
            MasumiReason.DATUM_MISSING, "the output to the escrow carries no inline datum"
        )
    if output.script is not None:
        raise Refused(
            MasumiReason.REFERENCE_SCRIPT,
            "the output to the escrow must not carry a reference script",
        )
    try:
        return output, read_lock(output.datum)
    except DecodeError as error:
        raise _invalid(f"it is not masumi.vested_pay.v2 with funds locked: {error}") from None


def check_lock(lock: Lock) -> None:
    """Check that the contract could release what the datum locks. Raises :class:`Refused`."""
    if lock.result_hash:
        raise _invalid("result_hash must be empty")
    if lock.seller_cooldown or lock.buyer_cooldown:
        raise _invalid("both cooldown times must be 0")
    if len(lock.reference_signature) < SHORTEST_SIGNATURE:
        raise _invalid(f"reference_signature must have at least {SHORTEST_SIGNATURE} bytes")
    parties = {
        "buyer": lock.buyer,
        "buyer_return_address": lock.buyer_return,
        "seller": lock.seller,
        "seller_return_address": lock.seller_return,
    }
    for name, party in parties.items():
        if party is None:
            continue
        if party.payment.is_script or (party.stake is not None and party.stake.is_script):
            raise _invalid(f"{name} must be an address of keys: no script, such as the escrow's")
    if (lock.buyer_return or lock.buyer) == (lock.seller_return or lock.seller):
        raise _invalid("buyer and seller must be paid out to different addresses")


def check_matches(lock: Lock, extra: MasumiExtra) -> None:
    """Check that the datum repeats what the seller signed. Raises :class:`Refused`."""
    terms = extra.terms
    seller_return = None if terms.seller_return is None else party_of(terms.seller_return)
    fields = {
        "seller": (lock.seller, party_of(terms.seller)),
        "seller_return_address": (lock.seller_return, seller_return),
        "reference_key": (lock.reference_key.hex(), extra.reference_key),
        "reference_signature": (lock.reference_signature.hex(), extra.reference_signature),
        "seller_nonce": (lock.seller_nonce.hex(), terms.seller_nonce),
        "buyer_nonce": (lock.buyer_nonce.hex(), terms.buyer_nonce),
        "agent_identifier": (lock.agent_identifier.hex(), terms.agent_identifier),
        "input_hash": (lock.input_hash.hex(), terms.input_hash),
        "pay_by_time": (lock.deadlines.pay_by, terms.deadlines.pay_by),
        "submit_result_time": (lock.deadlines.submit_result, terms.deadlines.submit_result),
        "unlock_time": (lock.deadlines.unlock, terms.deadlines.unlock),
        "external_dispute_unlock_time": (
            lock.deadlines.external_dispute_unlock,
            terms.deadlines.external_dispute_unlock,
        ),
    }
    for name, (locked, signed) in fields.items():
        if locked != signed:
            raise _mismatch(f"{name} is not what the seller signed")


def check_signed_by_buyer(lock: Lock, signers: Collection[bytes]) -> None:
    """Check that the buyer's key hash is among the signers'. Raises :class:`Refused`."""
    if lock.buyer.payment.hash not in signers:
        raise _mismatch("the buyer has not signed the transaction")


def check_pays_nonce(lock: Lock, nonce: Output) -> None:
    """Check that the buyer controls the output that the nonce names. Raises :class:`Refused`."""
    if _payment(nonce.address) != lock.buyer.payment:
        raise _mismatch("buyer is not who controls the input that payload.nonce names")


def check_value(output: Output, lock: Lock, terms: Terms) -> None:
    """Check that the output holds just the amount and the collateral. Raises :class:`Refused`."""
    collateral = lock.collateral
    if collateral < 0 or 0 < collateral < LEAST_COLLATERAL:
        raise _collateral(f"it must be 0 or at least {LEAST_COLLATERAL} lovelace, not {collateral}")
    asked = terms.amount if terms.asset is None else 0
    if output.value.lovelace != asked + collateral:
        raise _collateral(
            f"the output holds {output.value.lovelace} lovelace, not the {asked} asked for and "
            f"the {collateral} of collateral"
        )
    expected = {} if terms.asset is None else {terms.asset: terms.amount}
    if dict(output.value.assets) != expected:
        raise Refused(
            MasumiReason.ASSET,
            "the output must hold exactly the amount asked for, and no other asset",
        )


def check_spendable(output: Output, coins_per_utxo_byte: int) -> None:
    """Check that the output holds enough for the larger one after it. Raises :class:`Refused`.

    The seller's result makes the datum grow. The estimate is that of Masumi's own tools, so that
    they accept the lock as well. It is a little above the ledger's minimum.
    """
    size = len(output.datum or b"") + _GROWTH + _GROWTH_BY_TOKEN * len(output.value.assets)
    needed = coins_per_utxo_byte * size
    if output.value.lovelace < needed:
        raise Refused(
            MasumiReason.MIN_UTXO,
            f"the output to the escrow holds {output.value.lovelace} lovelace, and needs {needed} "
            "to stay above the least once the seller has handed in a result",
        )


def party_of(address: bytes) -> Party:
    """Return the address as a datum has it.

    Raises :class:`ValueError` when it has no payment credential.
    """
    parts = read_address(address)
    if parts.payment is None:
        raise ValueError("an address without a payment credential is no party")
    return Party(parts.payment, parts.stake)


def _payment(address: bytes) -> Credential | None:
    return read_address(address).payment


def _invalid(message: str) -> Refused:
    return Refused(MasumiReason.DATUM_INVALID, f"the datum of the escrow: {message}")


def _mismatch(message: str) -> Refused:
    return Refused(MasumiReason.DATUM_MISMATCH, f"the datum of the escrow: {message}")


def _collateral(message: str) -> Refused:
    return Refused(MasumiReason.COLLATERAL, f"collateral_return_lovelace: {message}")
