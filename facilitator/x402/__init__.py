"""The x402 v2 protocol: wire messages, networks, error reasons. No Cardano, no I/O."""
