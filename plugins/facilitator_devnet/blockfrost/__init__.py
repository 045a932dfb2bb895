"""The devnet as a Blockfrost-compatible HTTP API, for tests of Blockfrost clients."""
