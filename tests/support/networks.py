"""Networks that a test registers, and that go with it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from facilitator.x402.networks import NETWORKS
from facilitator_devnet.genesis import wallets
from facilitator_devnet.samples import genesis_output, payload, requirements, sign_payment


@contextmanager
def forgotten_afterwards() -> Iterator[None]:
    """Forget the networks that are registered meanwhile, as the end of a process does."""
    before = dict(vars(NETWORKS))
    try:
        yield
    finally:
        vars(NETWORKS).update(before)


def sample_payment(network: str) -> dict[str, Any]:
    """A payment of a genesis wallet on the network, as a request body."""
    terms: Mapping[str, Any] = requirements(
        network, wallets(network)["merchant"].bech32, 2_000_000, confirmations=0
    )
    ref = genesis_output(network, "alice", 0, None)
    transaction = sign_payment(terms, "alice", ref, 300)
    return {
        "x402Version": 2,
        "paymentPayload": payload(terms, transaction, ref),
        "paymentRequirements": dict(terms),
    }
