"""Worker processes on shared listening sockets: started, replaced when they die, stopped together.

The supervisor forks before there is any thread, storage or connection, and serves nothing itself.
A worker returns from the call that forked it, so that it runs and ends as a process without
workers does. Each has a line to its supervisor, over which it says that it is ready or why it
cannot be, and whose end tells it that the supervisor has died.
"""

from facilitator.server.workers.prefork import run_workers
from facilitator.server.workers.requirements import check_chain, check_storage
from facilitator.server.workers.supervisor import WorkerError

__all__ = ["WorkerError", "check_chain", "check_storage", "run_workers"]
