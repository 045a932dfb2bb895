"""All benchmarks: each figure beside a baseline of the same run, as tables and plots on a page.

    PYTHONPATH=tests python benchmarks/run.py [--only verify settle] [--quick]
        [--x402-fac FOLDER] [--page docs/benchmarks.md]

Needs Linux, two cores, and the group ``benchmarks`` of ``pyproject.toml``. It takes some six
minutes; ``--only`` repeats some parts, and leaves the others on the page. ``--quick`` only shows
that everything runs: its figures mean nothing. What lacks a program is left out, and the page says
so.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path

import channels
import instructions
import page
import peer
import storages
import verdict
import verify_cost
import worst_bodies
from figures import Figure, LeftOut
from servers import Servers

import waiting
import workers

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

Part = Callable[..., Iterable[Figure | LeftOut]]

PARTS: dict[str, Part] = {
    "verdict": verdict.figures,
    "verify": verify_cost.figures,
    "worst": worst_bodies.figures,
    "settle": verify_cost.settle_figures,
    "waiting": waiting.figures,
    "workers": workers.figures,
    "storages": storages.figures,
    "channels": channels.figures,
    "instructions": instructions.figures,
    "peer": peer.figures,
}


def run(given: argparse.Namespace) -> None:
    """Run the parts one after the other, and write each to the page."""
    parts = PARTS | {"peer": partial(peer.figures, checkout=given.x402_fac)}
    with ExitStack() as stack:
        # a quick run starts fewer processes
        shared = stack.enter_context(Servers()) if given.quick else None
        for name in given.only:
            begun, where = time.monotonic(), page.conditions()
            with nullcontext(shared) if shared else Servers() as servers:
                found = list(parts[name](servers, quick=given.quick))
            page.write(given.page, name, found, where)
            show(name, found, time.monotonic() - begun)


def show(name: str, found: Sequence[Figure | LeftOut], seconds: float) -> None:
    """Print the figures of a part."""
    print(f"{name}, {seconds:.0f} s", flush=True)
    for each in found:
        if isinstance(each, LeftOut):
            print(f"  {each.what} is left out: {each.why}")
        else:
            print(f"  {page.row(each)}")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="All benchmarks, with a page of their figures")
    parser.add_argument("--only", nargs="+", choices=[*PARTS], default=[*PARTS])
    parser.add_argument("--quick", action="store_true", help="figures that mean nothing")
    parser.add_argument("--x402-fac", type=Path, help="a built checkout of x402-fac")
    parser.add_argument("--page", type=Path, default=PAGE)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
