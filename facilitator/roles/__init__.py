"""The roles that plugins implement: one small documented protocol each."""
