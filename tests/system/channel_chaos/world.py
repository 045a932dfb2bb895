"""What the seller's processes depend on, and the processes themselves."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

from channel_chaos.clock import FastClock
from channel_chaos.payer import requirements
from channel_chaos.processes import Config
from facilitator.testing.running import Running
from facilitator.testing.waiting import eventually
from facilitator_channels.channel import Channel, Validator, read_channel
from facilitator_channels.datum import SUBBIT
from facilitator_channels.transactions.channel import channel_address
from facilitator_channels.transactions.plan import ScriptReference, ScriptWitness
from facilitator_channels.validator import load_code
from facilitator_devnet.blockfrost.api import BlockfrostApi
from support.channel_play import Play
from support.script_spends import SUCCEEDS, V3, Script, lock, output

SPEED = 2.0
LOVELACE = 30_000_000
"""What the output with the script holds."""
BLOCK_SECONDS = 1.0 / SPEED
TESTS = Path(__file__).parents[2]


class World:
    """A facilitator on a devnet that makes blocks, and a seller's fleet. Ends with the block."""

    def __init__(
        self, folder: Path, store: str = "", bug: str = "none", *, is_light: bool = False
    ) -> None:
        """``is_light``: the validator accepts everything, and costs no time to run."""
        self.counts: Counter[str] = Counter()
        self.turns = 0
        """Turns that redeemers have taken to their end."""
        self.cpu_seconds = 0.0
        """Processor time of the seller's processes that have ended."""
        self.is_paused = False
        """True while blocks are made by the caller alone."""
        self._bug = bug
        self._up: dict[str, dict[int, int]] = {"shop": {}, "redeemer": {}}
        """The port by process."""
        self._closing = threading.Event()
        self._stack = ExitStack()
        code = SUCCEEDS if is_light else load_code()
        self.validator = Validator(ScriptWitness(code).hash, SUBBIT)
        clock = FastClock(time.time(), SPEED)
        settings = {
            "FACILITATOR_PLUGINS": "devnet,memory,channels",
            "FACILITATOR_SETTLEMENT__WAIT_SECONDS": "3",
            "FACILITATOR_SCRIPTS__VERDICT_SECONDS": "60",
            "FACILITATOR_SCRIPTS__CLIENT_SECONDS": "100000",
            "FACILITATOR_CHANNELS__SCRIPT_HASHES": json.dumps([self.validator.script_hash.hex()]),
        }
        self.running = Running(folder, settings=settings, clock=clock)  # type: ignore[arg-type]
        self._stack.callback(self.running.close)
        self.devnet = self.running.devnet
        self.play = Play(self.devnet, clock)  # type: ignore[arg-type]  # it is asked the time
        (ref,) = lock(self.devnet, output(b"\x70" + bytes(28), LOVELACE, script=Script(V3, code)))
        self.script = ScriptReference(ref, self.play.output(ref).output)
        api = self._stack.enter_context(BlockfrostApi(self.devnet))
        config = Config(
            self.running.url,
            f"{api.url}/api",
            store or f"sqlite://{folder}/channels.db",
            str(self.script.ref),
            clock.start,
            clock.speed,
            requirements(self.validator.script_hash),
        )
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "channel_chaos.processes", json.dumps(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS / "system"), *sys.path])},
        )
        self._stack.callback(self._end)
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._listen, self._make_blocks)
        ]
        for each in self._threads:
            each.start()

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, kind: str) -> None:
        """Have one more shop or redeemer, once it is up."""
        assert self._zygote.stdin is not None
        count = len(self._up[kind])
        self._zygote.stdin.write(f"{kind} {self._bug}\n")
        self._zygote.stdin.flush()
        eventually(lambda: len(self._up[kind]) > count)

    def kill(self, kind: str, draw: float) -> None:
        """Kill one, and start another."""
        processes = list(self._up[kind])
        process = processes[int(draw * len(processes))]
        del self._up[kind][process]
        self._kill(process)
        self.counts[f"{kind}s killed"] += 1
        self.start(kind)

    def port(self) -> int:
        """The port of a shop, perhaps of one that has just been killed."""
        return random.choice(list(self._up["shop"].values()))

    def roll_back(self, blocks: int, *, drop: bool) -> None:
        self.devnet.rollback(blocks, drop=drop)
        self.counts["rollbacks"] += 1
        self.counts["rollbacks that drop"] += drop

    def channels(self) -> dict[bytes, Channel]:
        """The channels as the chain has them now, by tag."""
        found = {}
        address = channel_address(self.validator.script_hash, 0)
        with self.devnet.chain() as chain:
            outputs = dict(chain.unspent(address))
        for ref, made in outputs.items():
            channel = read_channel(ref, made, self.validator)
            found[channel.constants.tag] = channel
        return found

    def _make_blocks(self) -> None:
        while not self._closing.wait(BLOCK_SECONDS):
            if not self.is_paused:
                self.devnet.produce_block()

    def _listen(self) -> None:
        assert self._zygote.stdout is not None
        for line in self._zygote.stdout:
            said = json.loads(line)
            if said["kind"] == "turn":
                self.turns += 1
            else:
                self._up[said["kind"]][said["process"]] = said.get("port", 0)

    def _end(self) -> None:
        self._closing.set()
        self._zygote.terminate()
        self._zygote.wait()
        for process in [each for processes in self._up.values() for each in processes]:
            self._kill(process)
        for thread in self._threads:
            thread.join()
        for pipe in (self._zygote.stdin, self._zygote.stdout):
            assert pipe is not None
            pipe.close()

    def _kill(self, process: int) -> None:
        with suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            self.cpu_seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            os.kill(process, signal.SIGKILL)
