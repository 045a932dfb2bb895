"""Plutus scripts in processes of their own, which take no time from other requests."""
