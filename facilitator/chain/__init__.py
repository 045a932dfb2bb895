"""A network as the facilitator sees it: its blocks followed, its outputs cached."""
