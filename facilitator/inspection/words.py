"""Certificates, votes and proposals in words."""

from facilitator.cardano.addresses import bech32
from facilitator.cardano.amounts import ada
from facilitator.cardano.transaction import Certificate, Credential, Proposal, Vote

_DOES = {
    0: "register stake {who}",
    1: "deregister stake {who}",
    2: "delegate stake {who} to pool {pool}",
    3: "register pool {pool}",
    4: "retire pool {pool} in epoch {epoch}",
    7: "register stake {who}",
    8: "deregister stake {who}",
    9: "delegate the vote of stake {who} to {drep}",
    10: "delegate stake {who} to pool {pool} and its vote to {drep}",
    11: "register stake {who} and delegate it to pool {pool}",
    12: "register stake {who} and delegate its vote to {drep}",
    13: "register stake {who}, delegate it to pool {pool} and its vote to {drep}",
    14: "authorize a hot credential for committee member {who}",
    15: "resign as committee member {who}",
    16: "register DRep {who}",
    17: "deregister DRep {who}",
    18: "update DRep {who}",
}
"""Effects by kind of certificate (the CDDL's number)."""

_FIXED_DREPS = {2: "always abstain", 3: "no confidence"}
_VOTERS = {
    0: "committee key",
    1: "committee script",
    2: "DRep key",
    3: "DRep script",
    4: "pool",
}
_CHOICES = {0: "no", 1: "yes", 2: "abstain"}


def certificate_in_words(certificate: Certificate) -> str:
    """Return what the certificate does, to whom, and the deposit that it names."""
    pool = certificate.pool
    text = _DOES[certificate.kind].format(
        who=credential_in_words(certificate.credential),
        pool=bech32.encode("pool", pool) if pool is not None else "",
        epoch=certificate.epoch,
        drep=_drep(certificate),
    )
    return text if certificate.deposit is None else f"{text} ({ada(certificate.deposit)})"


def vote_in_words(vote: Vote) -> str:
    """Return the voter, the choice and the action of the vote."""
    voter = f"{_VOTERS[vote.voter.kind]} {vote.voter.hash.hex()}"
    return f"{voter} votes {_CHOICES[vote.choice]} on {vote.action}"


def proposal_in_words(proposal: Proposal) -> str:
    """Return the kind of the proposed action and its deposit."""
    kind = proposal.action.kind.name.lower().replace("_", " ")
    return f"propose {kind} ({ada(proposal.deposit)})"


def credential_in_words(credential: Credential | None) -> str:
    """Return the credential's kind and hash; nothing for none."""
    if credential is None:
        return ""
    return f"{'script' if credential.is_script else 'key'} {credential.hash.hex()}"


def _drep(certificate: Certificate) -> str:
    if certificate.drep is not None:
        return f"DRep {credential_in_words(certificate.drep)}"
    kind = certificate.details[0] if certificate.details else None
    return _FIXED_DREPS.get(kind, "") if isinstance(kind, int) else ""
