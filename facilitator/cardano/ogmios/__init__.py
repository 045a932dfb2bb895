"""Ogmios' JSON as values, for the plugins of Ogmios itself and of servers that pass it on.

https://ogmios.dev, versions 6 and 7. Pure: no I/O.
"""
