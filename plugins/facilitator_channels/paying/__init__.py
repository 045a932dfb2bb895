"""``facilitator pay --channel``: opens channels, pays by them, and takes back what is left."""
