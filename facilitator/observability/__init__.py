"""Logs, redaction and metrics of the core."""
