"""``facilitator demo --channel``: many requests, one opening, one claim and one refund."""
