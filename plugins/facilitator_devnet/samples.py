"""Payments by genesis wallets, made without a server since their outputs are known."""

import base64
import time
from collections.abc import Mapping
from typing import Any

from facilitator.cardano.addresses.address import parse_address
from facilitator.cardano.transaction import AssetId, Output, OutputRef
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN, eras_of, genesis_outputs, wallets
from facilitator_devnet.wallet import pay

MAX_TIMEOUT_SECONDS = 600
TOKEN_ASSET = f"{TEST_TOKEN[:28].hex()}.{TEST_TOKEN[28:].hex()}"


def requirements(
    network: str,
    pay_to: str,
    amount: int,
    *,
    asset: AssetId | None = None,
    confirmations: int = 1,
    seconds: int = MAX_TIMEOUT_SECONDS,
) -> dict[str, Any]:
    """Return ``PaymentRequirements`` for the amount in lovelace, or in units of the asset.

    A payment by them may be valid for so many seconds.
    """
    return {
        "scheme": "exact",
        "network": network,
        "amount": str(amount),
        "asset": "lovelace" if asset is None else f"{asset[:28].hex()}.{asset[28:].hex()}",
        "payTo": pay_to,
        "maxTimeoutSeconds": seconds,
        "extra": {"confirmationPolicy": {"l1Confirmations": confirmations}},
    }


def genesis_output(network: str, wallet: str, number: int, asset: AssetId | None) -> OutputRef:
    """Return the wallet's output by number among those with the asset (or with only lovelace).

    Raises :class:`ValueError` when there are fewer.
    """
    address = wallets(network)[wallet].address
    refs = [
        ref
        for ref, output in genesis_outputs(network)
        if output.address == address and _holds(output, asset)
    ]
    if not 0 <= number < len(refs):
        raise ValueError(f"{wallet} has the outputs 0 to {len(refs) - 1} to pay this from")
    return refs[number]


def _holds(output: Output, asset: AssetId | None) -> bool:
    return not output.value.assets if asset is None else asset in output.value.assets


def sign_payment(terms: Mapping[str, Any], wallet: str, ref: OutputRef, seconds: int) -> bytes:
    """Return a signed payment by the terms over the genesis output, valid for ``seconds``.

    Raises :class:`~facilitator_devnet.wallet.InsufficientFundsError`.
    """
    network = terms["network"]
    outputs = dict(genesis_outputs(network))
    return pay(
        wallets(network)[wallet],
        {ref: outputs[ref]},
        parse_address(terms["payTo"]),
        int(terms["amount"]),
        parameters=PARAMETERS,
        ttl=eras_of(network).slot_at(int(time.time() * 1000)) + seconds,
        asset=None if terms["asset"] == "lovelace" else TEST_TOKEN,
    )


def payload(terms: Mapping[str, Any], transaction: bytes, ref: OutputRef) -> dict[str, Any]:
    """Return the ``PaymentPayload`` with that transaction."""
    return {
        "x402Version": 2,
        "accepted": dict(terms),
        "payload": {"transaction": base64.b64encode(transaction).decode(), "nonce": str(ref)},
    }
