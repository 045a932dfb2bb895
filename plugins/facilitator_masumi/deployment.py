"""The escrow's address ("Deployment and escrow address").

It follows from the compiled validator ``vested_pay.vested_pay.spend`` (Plutus V3) of the canonical
blueprint. The SHA-256 over the blueprint's canonical JSON is
``6249de17bb87c5246106af6b0f33de22b44ca24b9c1445fa36d10eb8b583dec7``. With the canonical
administrators and cooldown applied, the script's hash is :data:`ESCROW_SCRIPT`.
"""

from facilitator.cardano.addresses.address import format_address
from facilitator.plugin import Refused
from facilitator.x402.networks import MAINNET, PREPROD, CardanoNetwork
from facilitator_masumi.reasons import MasumiReason

ESCROW_SCRIPT = bytes.fromhex("a15ce9d82d2f67645fc624e2edac03c6f1c106d0ad1af5815a3b14ad")
"""Blake2b-224 over the language's byte and the script with the canonical parameters."""

_ENTERPRISE_SCRIPT = 0x70
_CANONICAL = (MAINNET.id, PREPROD.id)
"""Networks that have a canonical deployment."""


def check_deployment(network: CardanoNetwork, pay_to: str, *, has_parameters: bool) -> None:
    """Check that ``payTo`` is the network's canonical escrow. Raises :class:`Refused`.

    Another escrow has other administrators, which an operator would have to trust.
    ``has_parameters`` says that the requirements name parameters of their own.
    """
    if has_parameters:
        raise _refused("a deployment of its own (extra.deployment) is not allowed here")
    if network.id not in _CANONICAL:
        raise _refused(f"{network.id} has no canonical deployment")
    escrow = escrow_address(network)
    if pay_to != escrow:
        raise _refused(f"payTo must be the canonical escrow's address, {escrow}")


def escrow_address(network: CardanoNetwork) -> str:
    """Return the canonical escrow's address, which has no stake part."""
    return format_address(bytes([_ENTERPRISE_SCRIPT | network.network_id]) + ESCROW_SCRIPT)


def _refused(message: str) -> Refused:
    return Refused(MasumiReason.DEPLOYMENT, message)
