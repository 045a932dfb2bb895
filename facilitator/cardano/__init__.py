"""Cardano values and rules: decoded transactions, addresses, slots, parameters. No I/O."""
