"""The demo's facilitator: ``facilitator serve`` in a process and a folder of its own."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from queue import Empty, Queue
from tempfile import TemporaryDirectory
from types import MappingProxyType

from facilitator.plugin import FacilitatorError

START_SECONDS = 30

SETTINGS = {
    "FACILITATOR_PLUGINS": "devnet,memory",
    "FACILITATOR_SERVER__PORT": "0",
    "FACILITATOR_SERVER__THREADS": "16",
    "FACILITATOR_DEVNET__BLOCK_SECONDS": "1",
}


COMMAND = (sys.executable, "-m", "facilitator")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a command that has these settings alone."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("FACILITATOR_")}
    return {**inherited, **settings}


class DemoFacilitator:
    """A facilitator that runs until closed, with the demo's settings alone."""

    def __init__(
        self, *, verbose: bool, settings: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Start the process; with ``verbose`` its log goes to standard error.

        ``settings`` come before the demo's others.
        """
        self._verbose = verbose
        self._folder = TemporaryDirectory(prefix="x402-demo-")
        self._process = subprocess.Popen(  # noqa: S603 -- this program itself
            [*COMMAND, "serve"],
            cwd=self._folder.name,
            env=environment({**SETTINGS, **settings}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._log: list[str] = []
        self._url: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def url(self) -> str:
        """Wait until it listens; return its URL. Raises :class:`FacilitatorError` if it cannot."""
        try:
            url = self._url.get(timeout=START_SECONDS)
        except Empty:
            url = None
        if url is None:
            last = self._log[-1].strip() if self._log else "no word from it"
            raise FacilitatorError(f"the facilitator did not start: {last}")
        return url

    @property
    def folder(self) -> str:
        """Its folder, where no settings are."""
        return self._folder.name

    def blockfrost_url(self) -> str:
        """Return the root of its devnet's Blockfrost API, once it listens: ``devnet.listen``."""
        said = " is a Blockfrost API at "
        (url,) = (
            json.loads(line)["msg"].partition(said)[2].split()[0]
            for line in self._log
            if said in line
        )
        return str(url)

    def close(self) -> None:
        """Stop it and remove its folder."""
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._folder.cleanup()

    def _read(self) -> None:
        for line in self._process.stderr or ():
            self._log.append(line)
            if self._verbose:
                sys.stderr.write(line)
            if "listening on" in line:
                self._url.put(json.loads(line)["msg"].removeprefix("listening on "))
        self._url.put(None)
