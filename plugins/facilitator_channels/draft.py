"""The version of ``scheme_batch_settlement_cardano.md`` that is followed, and what may change.

It is a proposal: https://github.com/loveaihq/subbit-x402, commit 639f96c.
"""

DRAFT = "0.6 of 2026-09-25"
"""The version of the draft."""
SCHEME = "batch-settlement"
"""The name of the scheme."""
REASON_PREFIX = "invalid_batch_settlement_cardano_"
"""The beginning of each reason of the draft."""

MIN_WITHDRAW_DELAY, MAX_WITHDRAW_DELAY = 900, 2_592_000
"""Limits of ``withdrawDelay``, in seconds: 15 minutes to 30 days."""
MAX_IOU = 2**64 - 1
"""The greatest amount that an IOU can promise, in atomic units."""
WIDEST = 2**63
"""The number in the place of each quantity in the output that the reserve is measured on."""
