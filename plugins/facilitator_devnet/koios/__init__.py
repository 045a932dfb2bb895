"""A Koios-compatible HTTP API over a devnet, as far as a chain provider uses Koios."""
