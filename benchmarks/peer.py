"""``/verify`` beside x402-fac, a facilitator in TypeScript that checks neither signature nor input.

Needs Node, a Redis or Valkey server, and a built checkout of github.com/MorganOnCode/x402-fac
(``pnpm install && pnpm build``), whose folder ``benchmarks/run.py --x402-fac`` names.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from figures import Aim, Figure, LeftOut
from load import Measured, joined, measure
from processes import Running, listening, on_cores
from servers import Servers
from verify_cost import CONNECTIONS, FIRST, KNOWN, TURN, warm_up

from facilitator.testing.redis_server import free_port
from facilitator.testing.redis_server import running as redis_running

NAME = "x402-fac"
SEED_PHRASE = "abandon " * 23 + "art"
"""The wallet that it wants; it pays nothing here."""
ITS_CLIENT = "rateLimiter: true,"
OUR_CLIENT = "rateLimiter: false, customBackend: process.env.BLOCKFROST_URL,"
NO_LIMIT = 1_000_000_000


def translated(body: bytes) -> bytes:
    """The same payment in the words of x402-fac."""
    ours = json.loads(body)
    terms = ours["paymentRequirements"]
    theirs = {
        "paymentPayload": {
            "x402Version": 2,
            "scheme": terms["scheme"],
            "network": terms["network"],
            "payload": {"transaction": ours["paymentPayload"]["payload"]["transaction"]},
        },
        "paymentRequirements": {**terms, "maxAmountRequired": terms["amount"]},
    }
    return json.dumps(theirs).encode()


def copy_program(checkout: Path, folder: Path) -> None:
    """Put the built program into the folder, asking the upstream that its settings name.

    As it is, it asks blockfrost.io whatever its settings say, ten times a second at most.
    """
    shutil.copy(checkout / "package.json", folder)
    (folder / "node_modules").symlink_to(checkout.resolve() / "node_modules")
    (folder / "dist").mkdir()
    for path in (checkout / "dist").glob("*.js"):
        text = path.read_text().replace(ITS_CLIENT, OUR_CLIENT)
        (folder / "dist" / path.name).write_text(text)
    if OUR_CLIENT not in (folder / "dist" / "index.js").read_text():
        raise SystemExit(f"{checkout} is of a version that is not known here")


def start(servers: Servers, checkout: Path, stack: ExitStack) -> Running:
    """Start it over the upstream, on the core of the servers that are measured."""
    folder, port = servers.new_folder(), free_port()
    redis = stack.enter_context(redis_running(folder / "redis"))
    settings = {
        "server": {"host": "127.0.0.1", "port": port},
        "env": "production",
        "rateLimit": {"global": NO_LIMIT, "sensitive": NO_LIMIT, "windowMs": 60_000},
        "chain": {
            "network": "Preprod",
            "blockfrost": {"projectId": "preprodbenchmark", "url": f"{servers.upstream}/api/v0"},
            "facilitator": {"seedPhrase": SEED_PHRASE},
            "redis": {"host": "127.0.0.1", "port": redis.port},
            "verification": {"maxTimeoutSeconds": 3600},
        },
    }
    (folder / "config").mkdir()
    (folder / "config" / "config.json").write_text(json.dumps(settings))
    copy_program(checkout, folder)
    command = ["node", str(folder / "dist" / "index.js")]
    environ = {"BLOCKFROST_URL": f"{servers.upstream}/api/v0"}
    with on_cores([servers.first]):
        return stack.enter_context(listening(command, environ, folder))


def figures(servers: Servers, *, quick: bool, checkout: Path | None) -> Iterator[Figure | LeftOut]:
    """CPU of ``/verify`` beside x402-fac's, which takes turns with it."""
    if checkout is None:
        yield LeftOut(NAME, "no folder was given by --x402-fac")
        return
    ours = servers.facilitator("sqlite")
    with ExitStack() as stack:
        theirs = start(servers, checkout, stack)
        bodies = servers.bodies(CONNECTIONS if quick else 2000)
        translations = [translated(body) for body in bodies]
        warm_up(servers, ours)
        measure(theirs, translations, CONNECTIONS)  # it remembers no payment, but compiles its code
        turns: dict[str, list[Measured]] = {NAME: [], FIRST: [], KNOWN: []}
        for begin in range(0, len(bodies), TURN):
            chosen = slice(begin, begin + TURN)
            turns[NAME].append(measure(theirs, translations[chosen], CONNECTIONS))
            turns[FIRST].append(measure(ours, bodies[chosen], CONNECTIONS))
            turns[KNOWN].append(measure(ours, bodies[chosen], CONNECTIONS))
    cpu = {what: joined(each).cpu_ms for what, each in turns.items()}
    for what, aim in ((FIRST, Aim(0.7)), (KNOWN, Aim(0.4))):
        yield Figure(what, cpu[what], "ms of CPU", NAME, cpu[NAME], aim)
