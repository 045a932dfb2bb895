"""CBOR of Dijkstra, the era of protocol version 12, to frozen ledger values.

It is a second decoder beside Conway's, not a filter after it: the ledger's own is stricter in some
places and looser in others. What did not change is read by Conway's functions, with a
:class:`~facilitator.cardano.cbor_dijkstra.DijkstraReader`.
"""
