"""A payer's half of ``batch-settlement``: pure values, without network, file or clock."""
