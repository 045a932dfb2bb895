"""The demo's output: text for people, or one JSON object a line."""

import json
import os
import sys
import textwrap
from collections.abc import Mapping
from typing import Any, TextIO

_COLUMNS = 80
_WIDTH = 64
_NARROW = 24
_WORK = {
    "verify": ("The resource server asks the facilitator: is it valid?", "POST /verify"),
    "work": ("The resource server does its work, since the payment is valid", None),
    "settle": ("It asks the facilitator to settle: submit, and wait for blocks", "POST /settle"),
}


class Narrator:
    """A printer that numbers the demo's steps."""

    def __init__(self, *, as_json: bool, stream: TextIO | None = None) -> None:
        """Print to ``stream``, by default to standard output."""
        self._as_json = as_json
        self._stream = stream or sys.stdout
        self._steps = 0
        forbidden = as_json or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        bold = not forbidden and self._stream.isatty()
        self._title = "\x1b[1m{}\x1b[0m" if bold else "{}"

    def begin(self, facilitator: str) -> None:
        """Introduce the demo."""
        self._print(
            {"event": "begin", "facilitator": facilitator, "devnet": True},
            "One x402 payment on Cardano, from request to confirmation.",
            "The chain is the embedded devnet, a test double of cardano:preprod:",
            "nothing on it is real. The rules by which it judges are.",
            f"The facilitator listens on {facilitator}.",
        )

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._steps += 1
        self._print(
            {"event": "step", "number": self._steps, "title": title},
            "",
            self._title.format(f"{self._steps}. {title}"),
        )

    def sent(self, line: str, headers: Mapping[str, str] | None = None) -> None:
        """Show a request."""
        shown = [f"     {name}: {shortened(value)}" for name, value in (headers or {}).items()]
        self._print({"event": "sent", "request": line, **(headers or {})}, f"   > {line}", *shown)

    def answered(self, line: str, facts: Mapping[str, Any]) -> None:
        """Show an answer."""
        self._print({"event": "answered", "answer": line, **facts}, f"   < {line}", *_lines(facts))

    def facts(self, facts: Mapping[str, Any]) -> None:
        """Show facts."""
        self._print({"event": "facts", **facts}, *_lines(facts))

    def resource_server(self, event: str, result: Mapping[str, Any] | None) -> None:
        """Show a step of the resource server: first its start, then its result."""
        title, request = _WORK[event]
        if result is None:
            self.step(title)
            if request is not None:
                self.sent(request)
        elif request is None:
            self.facts(result)
        else:
            self.answered("200 OK", result)

    def end(self) -> None:
        """Say that the demo succeeded."""
        self._print(
            {"event": "end", "ok": True},
            "",
            "Paid once, confirmed on the chain, and worth nothing a second time.",
        )

    def failed(self, why: str) -> None:
        """Say what went wrong."""
        self._print({"event": "end", "ok": False, "error": why}, "", f"The demo failed: {why}")

    def _print(self, event: Mapping[str, Any], *lines: str) -> None:
        text = json.dumps(event) if self._as_json else "\n".join(map(_folded, lines))
        print(text, file=self._stream, flush=True)


def _folded(line: str) -> str:
    """Return the line, broken between words where it is wider than a terminal."""
    if len(line) <= _COLUMNS:
        return line
    further = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(
        line, _COLUMNS, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    )


def _lines(facts: Mapping[str, Any]) -> list[str]:
    return [f"     {name}: {_shown(value)}" for name, value in facts.items()]


def _shown(value: Any, width: int = _WIDTH) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(inner, _NARROW)}" for name, inner in value.items())
    return shortened(value, width) if isinstance(value, str) else json.dumps(value)


def shortened(text: str, width: int = _WIDTH) -> str:
    """Cut long ids, addresses and headers in the middle."""
    if len(text) <= width or " " in text:
        return text
    return f"{text[: width // 2]}…{text[-8:]}"


def ada(lovelace: int) -> str:
    """Return lovelace as ada, for people."""
    return f"{lovelace / 1_000_000:.6f} ada"
