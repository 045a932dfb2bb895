"""A resource server's half of ``batch-settlement``: what it must keep of each channel, and do.

It needs no facilitator in this process, and no web framework.
"""
