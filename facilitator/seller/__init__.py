"""The selling side: a resource server that pays the fee of its customers' payments.

It is a library for a resource server's own process. No part of the facilitator imports it.
"""
