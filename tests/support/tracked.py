"""Claims for a tracker by itself, on valid payments of a genesis wallet."""

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.storage import Storage
from facilitator.testing.examples import example_claim
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos
from facilitator.testing.running import NETWORK, NOW
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay

VALID_SECONDS = 300
TTL = KNOWN_ERAS[NETWORK].slot_at(int(NOW * 1000)) + VALID_SECONDS


def claim_on(number: int, state: ClaimState, lease_until: float) -> Claim:
    """A claim on a valid payment over the wallet's output of that number."""
    utxo = dict(list(genesis_utxos(ALICE).items())[number : number + 1])
    return claim_over(utxo, state, lease_until)


def claim_over(
    utxo: dict[OutputRef, Output], state: ClaimState, lease_until: float, amount: int = 2_000_000
) -> Claim:
    """A claim on a payment over this output of the wallet."""
    raw = pay(ALICE, utxo, MERCHANT.address, amount, parameters=PARAMETERS, ttl=TTL)
    return example_claim(
        transaction_id=decode_transaction(raw).id.hex(),
        network=NETWORK,
        state=state,
        transaction=raw,
        confirmations=1,
        invalid_hereafter=TTL,
        lease_until=lease_until,
    )


def change_of(claim: Claim) -> dict[OutputRef, Output]:
    """What the payment gives back to the wallet."""
    transaction = decode_transaction(claim.transaction)
    return {
        OutputRef(transaction.id, index): output
        for index, output in enumerate(transaction.body.outputs)
        if output.address == ALICE.address
    }


def state_of(storage: Storage, claim: Claim) -> ClaimState | None:
    """How the transaction's claim is stored, if it is."""
    stored = storage.claim(claim.transaction_id)
    return stored.state if stored is not None else None
