"""CBOR to frozen ledger values, from the bytes as received."""
