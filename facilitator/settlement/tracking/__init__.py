"""Pending settlements of one network, tracked from submission to a final state."""
