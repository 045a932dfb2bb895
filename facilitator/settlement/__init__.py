"""Settling exactly once: claims, submission, following the chain, recovery."""
