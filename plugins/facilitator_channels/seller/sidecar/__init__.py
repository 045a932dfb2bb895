"""The seller as a process of its own, for web servers in other languages.

A server asks it over a Unix socket, before and after its work. So the rules by which a channel is
charged are there once, whatever language sells. Run it as
``python -m facilitator_channels.seller.sidecar``.
"""
