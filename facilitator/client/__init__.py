"""The paying side of x402: choose an offer, sign a transaction for it, show it to the server."""
