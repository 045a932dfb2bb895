"""The composition root, and the process that runs what it composes."""
