"""Plutus scripts as bytes: the flat encoding, constants, application to arguments."""
