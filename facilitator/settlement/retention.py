"""The times for which records of a settlement are kept."""

GRACE_SECONDS = 120
"""Seconds after its validity in which a provider's index may still show a transaction."""
KEEP_SECONDS = 86_400
"""Seconds for which a claim is kept beyond the end of its transaction's validity."""
