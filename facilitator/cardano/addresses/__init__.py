"""Addresses and their text forms: Shelley and Byron addresses, Bech32 and Base58."""
