"""Keys of the WSGI environment by which the server and the app share state."""

DRAINING = "facilitator.draining"
"""True once the server takes no new connections."""
CLIENT_DISCONNECTED = "waitress.client_disconnected"
"""A function of waitress that returns True once the client has closed its connection."""
