"""The ``exact`` scheme on Cardano: terms, payments and their verification."""
