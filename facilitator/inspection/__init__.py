"""Reports on payments and transactions: their contents, and the result of every rule."""
