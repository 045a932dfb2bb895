"""Phase 2: Plutus scripts, their contexts and their evaluation."""
