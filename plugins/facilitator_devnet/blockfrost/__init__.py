"""The devnet as a Blockfrost-compatible HTTP API, for tests of whatever speaks to Blockfrost."""
