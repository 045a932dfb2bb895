"""Phase 2: Plutus scripts, what they are told, and what they say."""
