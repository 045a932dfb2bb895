"""Worker processes on shared listening sockets: started, replaced when they die, stopped together.

The supervisor forks before there is any thread, storage or connection, and serves nothing itself.
A worker returns from the call that forked it, so it runs and ends like a process without workers.
Each worker has a control channel to the supervisor. On it the worker reports that it is ready, or
why it cannot be; its end shows that the supervisor has died.
"""

from facilitator.server.workers.control_channel import ControlChannel
from facilitator.server.workers.prefork import run_workers
from facilitator.server.workers.requirements import check_chain, check_storage
from facilitator.server.workers.supervisor import WorkerError

__all__ = ["ControlChannel", "WorkerError", "check_chain", "check_storage", "run_workers"]
