"""The paying side of x402: choose requirements, sign a transaction, present it to the server."""
