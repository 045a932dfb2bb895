"""``facilitator demo --channel``: a thousand requests, one opening, one claim and one refund."""
