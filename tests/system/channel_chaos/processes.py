"""Shops and redeemers of one seller, as processes that may be killed at any moment.

Run as ``python -m channel_chaos.processes CONFIG``. It imports all, forks a process for each line
that it reads, and each process says on standard output who it is and what it does.
"""

import importlib
import json
import os
import random
import signal
import sys
import time
import uuid
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from channel_chaos.bugs import BUGS
from channel_chaos.clock import FastClock
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import ChainUnavailable
from facilitator.testing.running import NETWORK
from facilitator_blockfrost.client import Client
from facilitator_blockfrost.provider import Blockfrost
from facilitator_channels.seller import building, lead, redeemer
from facilitator_channels.seller.answers import Answer, correct
from facilitator_channels.seller.building import CannotPayFee, ClaimBuilder
from facilitator_channels.seller.claims import ClaimPolicy
from facilitator_channels.seller.facilitator import FacilitatorUnavailable, HttpFacilitator
from facilitator_channels.seller.redeemer import Redeemer
from facilitator_channels.seller.renewing import Renewals
from facilitator_channels.seller.request import Refusal
from facilitator_channels.seller.seller import Seller
from facilitator_channels.seller.store import Records, StoreUnavailable
from facilitator_channels.seller.stores.opening import open_store
from facilitator_channels.seller.watcher import Watcher
from support.channel_play import PROVIDER
from support.channel_seller import KEY

TURN_SECONDS = 0.5
HURRY = 4
"""Leases and pauses are so many times shorter than an operator's."""
MOST_CHANNELS = 25
CLAIM_FROM = 20_000
"""Lovelace from which on a channel is in a claim."""


class Config(NamedTuple):
    """Where things are."""

    facilitator: str
    blockfrost: str
    store: str
    reference: str
    start: float
    speed: float
    requirements: dict[str, Any]


def say(**line: Any) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")


def sell(config: Config) -> None:
    """Sell pages until killed; each page is named, so that it is known which work was delivered."""
    facilitator = HttpFacilitator(config.facilitator, timeout_seconds=60)
    clock = FastClock(config.start, config.speed)
    seller = Seller(open_store(config.store), facilitator, key=KEY, clock=clock)

    def answer(payment: Any, saved: int) -> dict[str, Any]:
        try:
            found = seller.before(payment, config.requirements)
            if isinstance(found, Answer):
                return {"page": found.response.decode(), "settlement": found.settlement}
            if not isinstance(found, Refusal):
                page = uuid.uuid4().hex
                price = int(config.requirements["amount"])
                paid = seller.after(found, page.encode(), price - saved)
                if not isinstance(paid, Refusal):
                    return {"page": page, "settlement": paid.settlement}
                found = paid
        except StoreUnavailable as error:
            return {"error": str(error), "extra": {}}
        return {"error": found.reason, "extra": correct(config.requirements, found)["extra"]}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(answer(asked["payment"], asked["saved"])).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    say(kind="shop", process=os.getpid(), port=server.server_port)
    server.serve_forever()


def redeem(config: Config) -> None:
    """Watch and redeem until killed."""
    clock = FastClock(config.start, config.speed)
    client = Client(config.blockfrost, "preprodChaos", clock=clock, timeout=10, budget=None)
    chain = Blockfrost(NETWORK, client, clock, poll_seconds=0.1)
    store = open_store(config.store)
    name, _, index = config.reference.partition("#")
    script_hash = config.requirements["extra"]["scriptHash"]
    references = {script_hash: OutputRef(bytes.fromhex(name), int(index))}
    watcher = Watcher(
        Records(store), chain, lambda _: None, clock=clock, interval_seconds=TURN_SECONDS
    )
    redeemer = Redeemer(
        store,
        NETWORK,
        HttpFacilitator(config.facilitator, timeout_seconds=60),
        ClaimBuilder(chain, PROVIDER, KEY, references, clock=clock),
        {"lovelace": ClaimPolicy(base=0, each=CLAIM_FROM, most_channels=MOST_CHANNELS)},
        clock=clock,
    )
    say(kind="redeemer", process=os.getpid())
    while True:
        leads = True
        with suppress(ChainUnavailable, StoreUnavailable, FacilitatorUnavailable, CannotPayFee):
            watcher.look()
            leads = redeemer.turn()
        if leads:  # also if something is away, such as money for the fee: it is tried again
            say(kind="turn")
        time.sleep(TURN_SECONDS * random.uniform(0.8, 1.2))


def hasten_renewals(speed: float) -> None:
    """Have reservations be renewed by the fast clock."""
    add = Renewals.add

    def faster(renewals: Renewals, name: str, lifetime_ms: int, renew: Any) -> None:
        add(renewals, name, round(lifetime_ms / speed), renew)

    setattr(Renewals, "add", faster)  # noqa: B010


def main() -> None:
    importlib.import_module("uplc")  # before the fork: it takes a second
    config = Config(*json.loads(sys.argv[1]))
    lead.LEASE_SECONDS /= HURRY
    redeemer.RETRY_SECONDS /= HURRY
    building.VALID_SECONDS //= HURRY
    hasten_renewals(config.speed)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        kind, bug = line.split()
        if os.fork() == 0:
            random.seed()
            BUGS[bug]()
            (sell if kind == "shop" else redeem)(config)


if __name__ == "__main__":
    main()
