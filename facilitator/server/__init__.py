"""Waitress as this facilitator runs it: sockets, connections, threads, worker processes."""
