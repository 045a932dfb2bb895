"""``facilitator demo --channel``: the story is the plugin channels', in a process of its own.

Plugins do not import each other. So it sees the devnet as a payer sees a chain: by its Blockfrost
API.
"""

import json
import subprocess
from contextlib import closing

from facilitator_devnet.demo.facilitator import COMMAND, DemoFacilitator, environment
from facilitator_devnet.demo.run import NETWORK

_SETTINGS = {
    "FACILITATOR_PLUGINS": "devnet,memory,channels",
    "FACILITATOR_DEVNET__LISTEN": "127.0.0.1:0",
    "FACILITATOR_DEVNET__BLOCK_SECONDS": "0.5",
}


def run_channel_demo(requests: int, *, as_json: bool, verbose: bool) -> int:
    """Show so many requests by one channel; return the exit code.

    Raises :class:`~facilitator.errors.FacilitatorError` if the facilitator does not start.
    """
    with closing(DemoFacilitator(verbose=verbose, settings=_SETTINGS)) as facilitator:
        words = ["channels", "demo", facilitator.url(), "--requests", str(requests)]
        words += ["--json"] if as_json else []
        payers = {
            "FACILITATOR_PLUGINS": "blockfrost,devnet,memory,channels",
            "FACILITATOR_CHAIN__PROVIDERS": json.dumps({NETWORK: ["blockfrost"]}),
            "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodDemo",
            "FACILITATOR_BLOCKFROST__BASE_URL": facilitator.blockfrost_url(),
        }
        done = subprocess.run(  # noqa: S603 -- this program itself
            [*COMMAND, *words], cwd=facilitator.folder, env=environment(payers), check=False
        )
        return done.returncode
