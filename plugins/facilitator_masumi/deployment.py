"""The escrows that are allowed ("Deployment and escrow address").

An escrow is the compiled validator ``vested_pay.vested_pay.spend`` (Plutus V3) with three
parameters applied. Other parameters make another script, at another address. They name other
administrators, which an operator has to trust.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from facilitator.cardano.addresses.address import format_address
from facilitator.plugin import Refused
from facilitator.x402.networks import MAINNET, PREPROD, CardanoNetwork
from facilitator_masumi.reasons import MasumiReason

ESCROW_SCRIPT = "a15ce9d82d2f67645fc624e2edac03c6f1c106d0ad1af5815a3b14ad"
"""The hash of the script with the canonical parameters (Blake2b-224)."""

_ENTERPRISE_SCRIPT = 0x70


@dataclass(frozen=True, slots=True)
class Deployment:
    """The contract with the parameters of one escrow."""

    required_admins: int
    """The votes that settle a dispute."""
    admin_vkeys: tuple[str, ...]
    """Hashes of the administrators' keys in order, lowercase hex; each entry is a vote."""
    cooldown_ms: int
    """Milliseconds that the contract waits after a step."""
    script_hash: str | None = field(default=None, compare=False)
    """The hash of the script, lowercase hex.

    ``None`` has it derived from the file ``masumi.blueprint``.
    """

    def describe_votes(self) -> str:
        """Return the votes of each administrator's key, as its approval must show them."""
        votes = {key: self.admin_vkeys.count(key) for key in dict.fromkeys(self.admin_vkeys)}
        shares = ", ".join(f"{key}: {number}" for key, number in votes.items())
        return f"{self.required_admins} of {len(self.admin_vkeys)} votes ({shares})"


CANONICAL = Deployment(
    required_admins=2,
    admin_vkeys=(
        "fc16a1fcf309aed03ec18bb2176f5ea29acea70bb79145ebaffa8e75",
        "7f78161369549d8e2b138fee724c9fa606d6107a66720bdb4c48ada6",
        "89eef9ea84e0ee7fe4921fa93eb2873ff6e34473f751d5d52cb75aa6",
    ),
    cooldown_ms=420_000,
    script_hash=ESCROW_SCRIPT,
)
"""The deployment of requirements that name none."""

HAVE_CANONICAL = (MAINNET.id, PREPROD.id)
"""Networks with the canonical deployment."""


class Deployments:
    """The deployments that are allowed, by network."""

    def __init__(self, allowed: Mapping[str, Sequence[Deployment]] | None = None) -> None:
        """Take those allowed beside the canonical one, each with its script's hash."""
        self._scripts = {network: {CANONICAL: ESCROW_SCRIPT} for network in HAVE_CANONICAL}
        for network, deployments in (allowed or {}).items():
            scripts = self._scripts.setdefault(network, {})
            scripts |= {each: each.script_hash for each in deployments if each.script_hash}

    def check(self, network: CardanoNetwork, pay_to: str, named: Deployment | None) -> None:
        """Check that ``payTo`` is the escrow of an allowed deployment. Raises :class:`Refused`.

        ``named`` is the one that the requirements name; without one it is the canonical one.
        """
        escrow = self._escrow(network, named)
        if pay_to != escrow:
            which = "canonical escrow's" if named is None else "deployment's"
            raise _refused(f"payTo must be the {which} address, {escrow}")

    def _escrow(self, network: CardanoNetwork, named: Deployment | None) -> str:
        if named is None and network.id not in HAVE_CANONICAL:
            raise _refused(
                f"{network.id} has no canonical deployment, so extra.deployment must name one"
            )
        script_hash = self._scripts.get(network.id, {}).get(named or CANONICAL)
        if script_hash is None:
            raise _refused(
                f"extra.deployment names administrators, votes and a cooldown that are not allowed "
                f"here on {network.id}"
            )
        return escrow_address(network, script_hash)


def escrow_address(network: CardanoNetwork, script_hash: str) -> str:
    """Return the address of an escrow, which has no stake part."""
    header = bytes([_ENTERPRISE_SCRIPT | network.network_id])
    return format_address(header + bytes.fromhex(script_hash))


def _refused(message: str) -> Refused:
    return Refused(MasumiReason.DEPLOYMENT, message)
