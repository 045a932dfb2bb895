"""The output of the demo of channels: text of 80 columns for people, or one JSON object a line."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

_LONGEST = 60


class Narrator:
    """A printer that numbers the steps."""

    def __init__(self, *, as_json: bool, stream: TextIO | None = None) -> None:
        """Print to ``stream``, by default to standard output."""
        self._as_json = as_json
        self._stream = stream or sys.stdout
        self._steps = 0
        forbidden = as_json or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        bold = not forbidden and self._stream.isatty()
        self._title = "\x1b[1m{}\x1b[0m" if bold else "{}"

    def begin(self, requests: int, price: str) -> None:
        """Introduce the demo."""
        self._print(
            {"event": "begin", "requests": requests, "price": price, "devnet": True},
            f"{requests:,} requests at {price} each, by one payment channel on Cardano.",
            "The chain is the embedded devnet, a test double of cardano:preprod:",
            "nothing on it is real. The rules by which it judges are.",
        )

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._steps += 1
        self._print(
            {"event": "step", "number": self._steps, "title": title},
            "",
            self._title.format(f"{self._steps}. {title}"),
        )

    def exchanged(self, request: str, answer: str, facts: Mapping[str, str]) -> None:
        """Show a request, its answer, and what is to be known of it."""
        self._print(
            {"event": "exchanged", "request": request, "answer": answer, **facts},
            f"   > {request}",
            f"   < {answer}",
            *[f"     {name}: {_shortened(value)}" for name, value in facts.items()],
        )

    def figures(self, rows: Sequence[tuple[str, str, str]], **exact: int) -> None:
        """Show the figures as rows of a name, an amount and a remark, and exactly."""
        width = max(len(amount) for _, amount, _ in rows)
        self._print(
            {"event": "figures", **exact},
            *[
                f"   {name:<10} {amount:>{width}}  {remark}".rstrip()
                for name, amount, remark in rows
            ],
        )

    def end(self) -> None:
        """Say that all agrees."""
        self._print(
            {"event": "end", "ok": True},
            "",
            "Charged, claimed and refunded agree with the chain to the lovelace.",
        )

    def failed(self, why: str) -> None:
        """Say what went wrong."""
        self._print({"event": "end", "ok": False, "error": why}, "", f"The demo failed: {why}")

    def _print(self, event: Mapping[str, Any], *lines: str) -> None:
        text = json.dumps(event) if self._as_json else "\n".join(lines)
        print(text, file=self._stream, flush=True)


def _shortened(text: str) -> str:
    """Cut an id in the middle."""
    if len(text) <= _LONGEST or " " in text:
        return text
    return f"{text[: _LONGEST // 2]}…{text[-8:]}"
