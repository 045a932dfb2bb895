"""Why a payment or a transaction is (not) valid: what it holds, and what every rule says of it."""
