"""What the machinery for plugins costs a verdict: ``/verify`` with it, and without it.

    python benchmarks/hooks_cost.py [--payments 1000]

Two facilitators with the built-in plugins stand in one process. In the second one every hook of a
payment is left out, and the parts of plugins are called without their border. Each call of the
first is followed by one of the second; the CPU of each call is measured in its thread, from the
WSGI environment to the answer. First every payment is verified for the first time, then again.
"""

import argparse
import io
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

from facilitator.observability.logs import configure_logging
from facilitator.plugin import hook_caller
from facilitator.plugin.manager import Plugins
from facilitator.testing.payments import MERCHANT, request_body, requirements
from facilitator.testing.running import Running
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import Wallet, pay

SETTINGS = {
    "FACILITATOR_PLUGINS": "devnet,sqlite",
    "FACILITATOR_RATE_LIMIT__ENABLED": "false",
    "FACILITATOR_RESERVATION__MAX_CONCURRENT": "100000",
}


@contextmanager
def without_machinery() -> Iterator[None]:
    """Put facilitators together without borders, while the block lasts."""
    with mock.patch.object(hook_caller, "guard", lambda _, part, *__: part):
        yield


def leave_hooks_out(plugins: Plugins) -> None:
    """Have no hook of a payment looked for from now on."""
    bare: Any = plugins
    bare.before_verify = lambda _: None
    bare.extend_verify = lambda _, response: response
    bare.after_verify = lambda *_: None


def bodies(name: str, running: Running, number: int) -> Sequence[bytes]:
    """Return requests to verify payments of as many payers, who have ``name`` in their names.

    What is remembered of one's bytes must not serve both facilitators.
    """
    made = []
    for payer in (Wallet(f"{name} {each}") for each in range(number)):
        ref = running.devnet.fund(payer.address, 100_000_000)
        with running.devnet.chain() as chain:
            output = chain.index.output(ref)
        assert output is not None  # it was just funded
        ttl = running.slot + 300
        signed = pay(
            payer, {ref: output}, MERCHANT.address, 2_000_000, parameters=PARAMETERS, ttl=ttl
        )
        made.append(json.dumps(request_body(signed, requirements())).encode())
    return made


def environment(body: bytes) -> dict[str, Any]:
    """Return the WSGI environment of a call of ``/verify``."""
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/verify",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }


def microseconds(app: Callable[..., Any], body: bytes) -> float:
    """Return the CPU time of a call, whose verdict must be that the payment is valid."""
    before = time.thread_time()
    answer = b"".join(app(environment(body), lambda *_: None))
    taken = (time.thread_time() - before) * 1e6
    if json.loads(answer)["isValid"] is not True:
        raise SystemExit(f"a payment is not valid: {answer.decode()}")
    return taken


def compare(
    what: str, apps: Mapping[str, Callable[..., Any]], calls: Mapping[str, Sequence[bytes]]
) -> None:
    """Print the medians of both, and the ratio."""
    taken: dict[str, list[float]] = {name: [] for name in apps}
    for each in zip(*calls.values(), strict=True):
        for (name, app), body in zip(apps.items(), each, strict=True):
            taken[name].append(microseconds(app, body))
    usual, bare = (median(times) for times in taken.values())
    print(f"{what:<12} {usual:>8.0f} {bare:>8.0f} {usual / bare:>8.3f}", flush=True)


def run(payments: int) -> None:
    """Put both together, and compare them."""
    usual = Running(Path(tempfile.mkdtemp()), settings=SETTINGS)
    with without_machinery():
        bare = Running(Path(tempfile.mkdtemp()), settings=SETTINGS)
    leave_hooks_out(bare.facilitator.plugins)
    bare.facilitator.service._verdicts._before_verify = lambda _: None
    both = {"usual": usual, "bare": bare}
    with open(os.devnull, "w", encoding="utf-8") as log:
        configure_logging(usual.facilitator.settings.log, stream=log)
        calls = {name: bodies(name, running, payments) for name, running in both.items()}
        apps = {name: running.facilitator.app for name, running in both.items()}
        print(f"{'µs of CPU':<12} {'usual':>8} {'bare':>8} {'ratio':>8}")
        compare("first sight", apps, calls)
        compare("known", apps, calls)
        compare("once more", apps, calls)
        logging.shutdown()
    for running in both.values():
        running.close()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="What the machinery for plugins costs")
    parser.add_argument("--payments", type=int, default=1000)
    run(parser.parse_args().payments)


if __name__ == "__main__":
    main()
