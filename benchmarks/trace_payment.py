"""The way of one ``/verify`` and one ``/settle`` through the modules, on an embedded devnet.

    python benchmarks/trace_payment.py [--hops]

Both requests are answered in this thread, which alone is traced; plugins ``devnet`` and ``memory``.
It prints, for each request and with and without ``cardano``: the modules of the project entered,
the hops (a call from a module into another one) and the distinct ones among them, the calls, and
the ``return`` statements of the functions that ran. ``--hops`` lists the hops in their order.
"""

import argparse
import ast
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from types import CodeType, FrameType

from falcon import testing

import facilitator
import facilitator_devnet
from facilitator.plugin.loading import configure
from facilitator.runtime.composition import build_facilitator
from facilitator_devnet.genesis import wallets
from facilitator_devnet.samples import genesis_output, payload, requirements, sign_payment

NETWORK = "cardano:preprod"
JSON = {"Content-Type": "application/json"}
ROOTS = {
    Path(each.__file__).parent.parent for each in (facilitator, facilitator_devnet) if each.__file__
}


@cache
def module_of(file: str) -> str | None:
    """Return the dotted name of a module of the project or of its plugins, else ``None``."""
    for root in ROOTS:
        path = Path(file)
        if path.is_relative_to(root) and path.relative_to(root).parts[0].startswith("facilitator"):
            return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    return None


@cache
def returns_by_function(file: str) -> dict[int, int]:
    """Return the ``return`` statements of each function of the file, by its first line."""
    found = {}
    for node in ast.walk(ast.parse(Path(file).read_text())):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            first = min([node.lineno, *(each.lineno for each in decorators(node))])
            found[first] = sum(isinstance(each, ast.Return) for each in ast.walk(node))
    return found


def decorators(node: ast.AST) -> list[ast.expr]:
    """Return the decorators of a function, which its code object begins with."""
    return list(getattr(node, "decorator_list", ()))


class Trace:
    """Counts what runs in this thread while it is on."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.calls: Counter[str] = Counter()
        self.hops: list[tuple[str, str]] = []
        self.functions: set[CodeType] = set()

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:  # noqa: ARG002
        """Take in a call; for :func:`sys.setprofile`."""
        module = module_of(frame.f_code.co_filename) if event == "call" else None
        if module is None:
            return
        self.calls[module] += 1
        self.functions.add(frame.f_code)
        caller, above = None, frame.f_back
        while caller is None and above is not None:
            caller, above = module_of(above.f_code.co_filename), above.f_back
        if caller is not None and caller != module:
            self.hops.append((caller, module))

    def figures(self, *, cardano: bool) -> dict[str, int]:
        """Return the counts, with or without the modules of ``facilitator.cardano``."""

        def counts(module: str) -> bool:
            return cardano or not module.startswith("facilitator.cardano")

        returns = 0
        for code in self.functions:
            if counts(module_of(code.co_filename) or ""):
                returns += returns_by_function(code.co_filename).get(code.co_firstlineno, 0)
        return {
            "modules": sum(map(counts, self.calls)),
            "hops": sum(counts(to) for _, to in self.hops),
            "distinct hops": sum(counts(to) for _, to in set(self.hops)),
            "calls": sum(number for module, number in self.calls.items() if counts(module)),
            "return statements": returns,
        }


@contextmanager
def traced() -> Iterator[Trace]:
    """Trace this thread meanwhile."""
    trace = Trace()
    sys.setprofile(trace)
    try:
        yield trace
    finally:
        sys.setprofile(None)


def traced_payment(*, hops: bool) -> None:
    """Verify and settle one payment, and print what each request passed through."""
    environ = {
        "FACILITATOR_PLUGINS": "devnet,memory",
        "FACILITATOR_DEVNET__BLOCK_SECONDS": "1",
        "FACILITATOR_RATE_LIMIT__ENABLED": "true",
    }
    with tempfile.TemporaryDirectory() as folder:
        settings, plugins = configure(environ=environ, cwd=Path(folder))
        running = build_facilitator(settings, plugins)
        running.start()
        with closing(running):
            client = testing.TestClient(running.app)
            body = sample_payment()
            for path, expected in (("/verify", "isValid"), ("/settle", "success")):
                with traced() as trace:
                    answer = client.simulate_post(path, body=body, headers=JSON).json
                assert answer[expected] is True, answer
                show(path, trace, hops=hops)


def sample_payment() -> str:
    """Return the request body of a payment by a genesis wallet."""
    terms = requirements(NETWORK, wallets(NETWORK)["merchant"].bech32, 2_000_000)
    nonce = genesis_output(NETWORK, "alice", 0, None)
    payment = payload(terms, sign_payment(terms, "alice", nonce, 300), nonce)
    return json.dumps({"x402Version": 2, "paymentPayload": payment, "paymentRequirements": terms})


def show(path: str, trace: Trace, *, hops: bool) -> None:
    """Print the figures of a request."""
    for cardano in (True, False):
        figures = trace.figures(cardano=cardano)
        what = path if cardano else f"{path} without cardano"
        print(f"{what:24}", ", ".join(f"{name} {number}" for name, number in figures.items()))
    if hops:
        print(*(f"    {caller} -> {called}" for caller, called in trace.hops), sep="\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the way of a payment."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hops", action="store_true", help="list every hop in its order")
    traced_payment(hops=parser.parse_args(arguments).hops)


if __name__ == "__main__":
    main()
