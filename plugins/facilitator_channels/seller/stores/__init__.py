"""Stores of channels' records. Import the module of the one that is used."""
