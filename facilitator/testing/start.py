"""The start's own check of a part, so that what the tests pass is not refused there."""

from facilitator.plugin.validation import TABLES, contract_violation


def check_as_at_start(hook: str, part: object) -> None:
    """Fail if the start would refuse what the hook returns: a method that is missing or misfits."""
    returned = {"under test": part} if hook in TABLES else part
    violation = contract_violation(hook, returned)
    assert violation is None, f"the start refuses it, since the hook {hook} returned {violation}"
