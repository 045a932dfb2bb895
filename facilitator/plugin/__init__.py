"""Hooks, the plugins that implement them, and what both sides share."""
