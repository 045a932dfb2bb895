"""A payment as a transfer method sees it: terms, and a transaction that meets them."""

from collections.abc import Mapping
from typing import Any

from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.roles.payment import Terms
from facilitator.testing.payments import ALICE, MAX_TIMEOUT_SECONDS, MERCHANT, genesis_utxos
from facilitator.testing.running import NETWORK
from facilitator.testing.transfer_method import Paid
from facilitator.x402.messages import Requirements
from facilitator.x402.networks import cardano_network
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay


def paid_on_devnet(extra: Mapping[str, Any], amount: int = 2_000_000) -> Paid:
    """Return a plain payment in lovelace by ``alice``, under terms with this ``extra``."""
    requirements = Requirements(
        "exact", NETWORK, f"{amount}", "lovelace", MERCHANT.bech32, MAX_TIMEOUT_SECONDS, extra
    )
    terms = Terms(
        network=cardano_network(NETWORK),
        asset=None,
        amount=amount,
        pay_to=MERCHANT.address,
        max_timeout_seconds=MAX_TIMEOUT_SECONDS,
        confirmations=1,
        method=extra.get("assetTransferMethod", "default"),
        requirements=requirements,
    )
    ref, output = next(iter(genesis_utxos(ALICE).items()))
    raw = pay(
        ALICE, {ref: output}, MERCHANT.address, amount, parameters=PARAMETERS, ttl=1_000_000_000
    )
    return Paid(terms, decode_any_era(raw))
