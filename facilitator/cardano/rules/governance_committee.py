"""Rules over certificates about the constitutional committee (Conway GOVCERT)."""

from dataclasses import replace

from facilitator.cardano.rules.failure import Failure
from facilitator.cardano.rules.registry import Registry, describe
from facilitator.cardano.state import CommitteeMember
from facilitator.cardano.transaction import Certificate, Credential

_STRANGER = CommitteeMember(elected=False)


def apply_committee_certificate(
    certificate: Certificate, cold: Credential, registry: Registry
) -> list[Failure]:
    """Apply a hot key's authorization or a resignation, and return the failures.

    These are ``ConwayCommitteeHasPreviouslyResigned`` and ``ConwayCommitteeIsUnknown``. Raises
    :class:`~facilitator.cardano.rules.registry.UnknownFactError`.
    """
    member = registry.committee().get(cold, _STRANGER)
    failures = []
    if member.resigned:
        failures.append(
            Failure(
                "ConwayCommitteeHasPreviouslyResigned",
                f"the committee member {describe(cold)} has resigned",
            )
        )
    if not (member.elected or member.proposed):
        failures.append(
            Failure(
                "ConwayCommitteeIsUnknown",
                f"{describe(cold)} is neither in the committee nor proposed to join it",
            )
        )
    hot = certificate.hot
    registry.set_committee_member(cold, replace(member, hot=hot, resigned=hot is None))
    return failures
