"""The proof in a node's refusal of a transaction, read from what servers answer.

For chain providers, whose servers pass on the node's or Ogmios' own words in envelopes of their
own. The default is that an answer proves nothing: then a node may have the transaction all the
same. Pure: no I/O.
"""

from facilitator.cardano.refusals.proof import Proof, weakest
from facilitator.cardano.refusals.refusal import Refusal, prove_rule, read_refusal

__all__ = ["Proof", "Refusal", "prove_rule", "read_refusal", "weakest"]
