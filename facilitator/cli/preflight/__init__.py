"""Checks that do not need to serve, for an operator who looks for a fault."""
