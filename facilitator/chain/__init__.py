"""A network as the facilitator sees it: its blocks are followed, its outputs cached."""
