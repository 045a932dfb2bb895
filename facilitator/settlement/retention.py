"""How long records of a settlement are kept."""

GRACE_SECONDS = 120
"""How long after its validity has ended a transaction may still turn up in a provider's index."""
KEEP_SECONDS = 86_400
"""How long a claim is kept beyond the end of its transaction's validity."""
