"""The facilitator under attack, in processes of its own, and a look at what it holds."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from queue import Queue
from typing import NamedTuple

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.testing.http import call
from facilitator.testing.payments import MERCHANT, request_body, requirements
from facilitator.testing.running import NETWORK
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import Wallet, pay

KEY = "hostile-canary-key-4f9a1c"
SEED_PHRASE = " ".join(["test"] * 23 + ["sauce"])
PROJECT_ID = "preprodHostileCanaryProject01234"
SECRETS = (KEY, SEED_PHRASE, PROJECT_ID)
LISTEN, TIME_WAIT = "0A", "06"
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
FUNDS = 100_000_000_000
START_SECONDS = 120.0


class Figures(NamedTuple):
    """What the server's processes hold."""

    memory_mb: float
    """Resident, of all of them."""
    threads: int
    files: int
    """Open ones that are no sockets: those to a provider come and go."""
    connections: int
    """Of clients."""


class Process:
    """A command of ``facilitator``. Of its log only the counts and what should not be are kept."""

    def __init__(self, command: list[str], folder: Path, environ: Mapping[str, str]) -> None:
        own = {
            key: value for key, value in os.environ.items() if not key.startswith("FACILITATOR_")
        }
        self.levels: Counter[int] = Counter()
        self.amiss: list[str] = []
        self._heard: Queue[str] = Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "facilitator", *command],
            cwd=folder, env={**own, **environ}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str) -> str:
        """What a line of its log says, at first."""
        while True:
            line = self._heard.get(timeout=START_SECONDS)
            if found := re.search(pattern, line):
                return found[1]

    def close(self) -> int:
        """Its exit code."""
        self.process.terminate()
        code = self.process.wait(60)
        self._reader.join(60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        secrets = [secret.encode() for secret in SECRETS]
        for number, line in enumerate(self.process.stdout):
            if number < 200:
                self._heard.put(line.decode())
            level = line[9:11]
            self.levels[int(level) if level.isdigit() else 0] += 1
            odd = not line.startswith(b'{"level":') or level not in (b"20", b"30", b"40")
            if (odd or b"Traceback" in line or any(each in line for each in secrets)) and len(
                self.amiss
            ) < 20:
                self.amiss.append(line.decode("utf-8", "replace")[:2_000])


class Target:
    """``facilitator serve``, and the devnet's API that funds who pays."""

    def __init__(self, server: Process, port: int, api: int) -> None:
        self.server = server
        self.port = port
        self._api = api
        self._payers = 0

    def payment(self) -> bytes:
        """A new payment that is valid for 9 minutes, as a body of ``/verify`` and ``/settle``."""
        self._payers += 1
        wallet = Wallet(f"payer {self._payers}")
        status, funded = call(
            self._api,
            "POST",
            "/devnet/faucet",
            {"address": wallet.bech32, "lovelace": FUNDS // 1000},
        )
        assert status == 200, funded
        ref = OutputRef(bytes.fromhex(funded["tx_hash"]), funded["output_index"])
        terms = requirements(confirmations=0)
        transaction = pay(
            wallet,
            {ref: Output(wallet.address, Value(FUNDS // 1000, {}), 0)},
            MERCHANT.address,
            int(terms["amount"]),
            parameters=PARAMETERS,
            ttl=KNOWN_ERAS[NETWORK].slot_at(int(time.time() * 1000)) + 540,
        )
        return json.dumps(request_body(transaction, terms)).encode()

    def figures(self) -> Figures:
        """What it holds now."""
        pids = [self.server.process.pid]
        for pid in pids:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            pids += [int(each) for each in children]
        processes = [Path(f"/proc/{pid}") for pid in pids]
        return Figures(
            sum(int((each / "statm").read_text().split()[1]) for each in processes)
            * PAGE_BYTES
            / 2**20,
            sum(len(list((each / "task").iterdir())) for each in processes),
            sum(map(_files, processes)),
            _connections(self.port),
        )


def _files(process: Path) -> int:
    found = 0
    for each in (process / "fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            found += not os.readlink(each).startswith("socket:")
    return found


def _connections(port: int) -> int:
    """Those on the server's side that a process still has (``TIME_WAIT`` is the system's)."""
    found = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *_ = line.split()
        found += int(local.partition(":")[2], 16) == port and state not in (LISTEN, TIME_WAIT)
    return found


@contextmanager
def attacked(folder: Path, *, workers: int = 1, threads: int | None = None) -> Iterator[Target]:
    """A facilitator with an API key, behind a proxy that it trusts, on SQLite and a devnet."""
    environ = {
        "FACILITATOR_SERVER__PORT": "0",
        "FACILITATOR_SERVER__TRUSTED_PROXIES": "127.0.0.0/8",
        "FACILITATOR_AUTH__API_KEYS__ATTACKED": KEY,
        "FACILITATOR_FACILITATOR__SEED_PHRASE": SEED_PHRASE,
        "FACILITATOR_INSPECT__ENABLED": "true",
        **({} if threads is None else {"FACILITATOR_SERVER__THREADS": str(threads)}),
    }
    with ExitStack() as stack:
        if workers == 1:
            environ |= {"FACILITATOR_DEVNET__LISTEN": "127.0.0.1:0"}
        else:
            devnet = Process(["devnet", "--listen", "127.0.0.1:0"], folder, {})
            stack.callback(devnet.close)
            api = int(devnet.wait_for(r"http://127\.0\.0\.1:(\d+)"))
            environ |= {
                "FACILITATOR_PLUGINS": "blockfrost,sqlite",
                "FACILITATOR_BLOCKFROST__BASE_URL": f"http://127.0.0.1:{api}/api/v0",
                "FACILITATOR_BLOCKFROST__PROJECT_ID": PROJECT_ID,
                "FACILITATOR_BLOCKFROST__POLL_SECONDS": "2",
                "FACILITATOR_SERVER__WORKERS": str(workers),
            }
        server = Process(["serve"], folder, environ)
        stack.callback(server.close)
        if workers == 1:
            api = int(server.wait_for(r"http://127\.0\.0\.1:(\d+)/api/v0"))
        port = int(server.wait_for(r"listening on http://127\.0\.0\.1:(\d+)"))
        yield Target(server, port, api)
