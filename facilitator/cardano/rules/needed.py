"""Finds the scripts that a transaction needs, and those that it provides or refers to."""

from collections.abc import Mapping
from typing import NamedTuple

from facilitator.cardano.addresses.address import reward_credential
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.transaction import Body, Credential, Language, Script

SPENDING, MINTING, CERTIFYING, REWARDING, VOTING, PROPOSING, GUARDING = range(7)
"""Purposes of a script, numbered as in the CDDL (``redeemer_tag``); the last is Dijkstra's."""
_VOTER_ORDER = {1: 0, 0: 1, 3: 2, 2: 3, 4: 4}
"""Rank of each kind of voter in the ledger's order, in which scripts precede keys."""


class Purpose(NamedTuple):
    """The purpose of a needed script: the tag and index of its redeemer, and the script's hash."""

    tag: int
    item: int
    """Index of the item among those of its kind, in the ledger's order."""
    script: bytes


class Scripts(NamedTuple):
    """The scripts of a transaction."""

    needed: tuple[Purpose, ...]
    provided: Mapping[bytes, Script]
    """Scripts by hash, from the witness set and from reference scripts."""
    referenced: frozenset[bytes]
    """Hashes of the scripts that reference scripts provide."""

    def plutus(self) -> dict[Purpose, Script]:
        """Return the Plutus scripts that are both needed and provided, by purpose."""
        return {
            purpose: self.provided[purpose.script]
            for purpose in self.needed
            if purpose.script in self.provided
            and self.provided[purpose.script].language != Language.NATIVE
        }


def find_scripts(resolved: ResolvedTransaction) -> Scripts:
    """Return the scripts as ``getConwayScriptsNeeded`` and ``getBabbageScriptsProvided`` do."""
    references = {
        output.script.hash: output.script
        for output in resolved.script_outputs()
        if output.script is not None
    }
    witnessed = resolved.tx.witnesses.scripts or {}
    needed = (*_find_spending(resolved), *_find_body_purposes(resolved.tx.body))
    return Scripts(needed, {**references, **witnessed}, frozenset(references))


def is_script_address(address: bytes) -> bool:
    """Return True if a script, not a key, locks outputs at the address (CIP-19)."""
    return address[0] & 0x90 == 0x10


def _find_spending(resolved: ResolvedTransaction) -> list[Purpose]:
    inputs = resolved.inputs
    if not any(is_script_address(output.address) for output in inputs.values()):
        return []
    return [
        Purpose(SPENDING, index, inputs[ref].address[1:29])
        for index, ref in enumerate(sorted(set(resolved.tx.body.inputs)))
        if ref in inputs and is_script_address(inputs[ref].address)
    ]


def _find_body_purposes(body: Body) -> list[Purpose]:
    purposes: list[Purpose] = []
    if body.mint:
        policies = sorted({asset[:28] for asset in body.mint})
        purposes += (Purpose(MINTING, index, policy) for index, policy in enumerate(policies))
    if body.certificates:
        purposes += (
            Purpose(CERTIFYING, index, certificate.credential.hash)
            for index, certificate in enumerate(body.certificates)
            if certificate.kind != 0
            and certificate.credential is not None
            and certificate.credential.is_script
        )
    if body.withdrawals:
        purposes += _select_scripts(
            REWARDING, sorted(map(reward_credential, body.withdrawals), key=_script_first)
        )
    if body.voters:
        voters = sorted(body.voters, key=lambda voter: (_VOTER_ORDER.get(voter[0], 5), voter[1]))
        purposes += _select_scripts(
            VOTING, [Credential(kind in (1, 3), key) for kind, key in voters]
        )
    if body.proposals:
        purposes += (
            Purpose(PROPOSING, index, proposal.action.guardrails)
            for index, proposal in enumerate(body.proposals)
            if proposal.action.guardrails is not None
        )
    if body.dijkstra is not None:
        purposes += _select_scripts(GUARDING, list(body.dijkstra.guards))
    return purposes


def _select_scripts(tag: int, credentials: list[Credential]) -> list[Purpose]:
    return [
        Purpose(tag, index, credential.hash)
        for index, credential in enumerate(credentials)
        if credential.is_script
    ]


def _script_first(credential: Credential) -> tuple[bool, bytes]:
    """Return the credential's key in the ledger's order (``Ord Credential``)."""
    return (not credential.is_script, credential.hash)
