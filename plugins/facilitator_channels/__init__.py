"""Payment channels: the scheme ``batch-settlement`` of a draft that :mod:`.draft` names.

A client locks money once in a channel output, and pays each request by a signed promise (IOU) for
all that it owes so far. One transaction redeems many channels later.
"""
