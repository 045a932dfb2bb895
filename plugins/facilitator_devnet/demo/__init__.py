"""``facilitator demo``: the whole x402 cycle, step by step, through public interfaces only.

It has a facilitator in a process of its own, a resource server that charges for a page, and a
client that pays for it.
"""
