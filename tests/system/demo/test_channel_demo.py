"""``facilitator demo --channel``, as a newcomer runs it."""

import io
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from demo.test_demo import facilitator
from facilitator_channels.demo import story
from facilitator_channels.demo.narrator import Narrator


def lovelace(shown: str) -> int:
    return int(shown.replace(".", "").replace(",", "").removesuffix(" ada"))


def test_what_many_requests_cost_is_shown_on_one_screen(tmp_path: Path) -> None:
    done = facilitator("demo", "--channel", "--requests", "20", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 40
    assert lines[0].startswith("20 requests at 0.001000 ada each")
    assert "test double" in lines[1]
    figures = dict(re.findall(r"^   (\w+) +([\d.,]+ ada)  ", done.stdout, re.M))
    assert (figures["charged"], figures["claimed"]) == ("0.020000 ada", "0.020000 ada")
    fees = re.search(r"opening ([\d,]+), claim ([\d,]+), refund ([\d,]+)$", done.stdout, re.M)
    assert fees is not None
    opening, claim, refund = map(lovelace, fees.groups())
    assert lovelace(figures["fees"]) == opening + claim + refund
    put_in = re.search(r"of ([\d.]+ ada) put in", done.stdout)
    assert put_in is not None
    assert lovelace(figures["refunded"]) == lovelace(put_in[1]) - 20_000 - refund
    assert lines[-1] == "Charged, claimed and refunded agree with the chain to the lovelace."
    assert list(tmp_path.iterdir()) == []


REQUESTS = 1_000
CHARGED = REQUESTS * story.PRICE
BUYERS, SELLERS = [9_000_000, 5_100_000, 7_750_000], [4_000_000, 4_700_000]
"""Lovelace before and after what concerns each: 3.7 ada are put in."""
FEES = {b"opening": 200_000, b"refund": 50_000, b"claim": 300_000}


NOBODY: Any = None


class Played(story._Story):
    """The story with what each step finds."""

    charged, claimed, buyers, sellers = CHARGED, CHARGED, BUYERS, SELLERS

    def __init__(self, narrator: Narrator, **found: Any) -> None:
        browser: Any = SimpleNamespace(transactions=[b"opening", b"refund"])
        nothing: Any = None
        super().__init__(narrator, browser, nothing, nothing, nothing, REQUESTS)
        for name, value in found.items():
            setattr(self, name, value)
        self.left = [self.buyers[0], self.sellers[0], self.buyers[1], *self.buyers[2:]]
        self.left += [*self.buyers[2:], *self.sellers[1:]]

    def _open(self) -> int:
        return 3_700_000

    def _buy(self) -> int:
        return self.charged

    def _claim(self) -> tuple[int, int]:
        return self.claimed, FEES[b"claim"]

    def _refund(self) -> None:
        pass

    def _price_exact(self) -> tuple[int, int]:
        return 170_000, 978_370

    def _lovelace(self, _: object) -> int:
        return self.left.pop(0)


@pytest.fixture
def narrated(monkeypatch: pytest.MonkeyPatch) -> tuple[Narrator, io.StringIO]:
    monkeypatch.setattr(story, "_fee", FEES.__getitem__)
    stream = io.StringIO()
    return Narrator(as_json=True, stream=stream), stream


def test_the_figures_are_shown_as_json(narrated: tuple[Narrator, io.StringIO]) -> None:
    narrator, stream = narrated
    Played(narrator).run()
    figures, end = map(json.loads, stream.getvalue().splitlines()[-2:])
    assert end == {"event": "end", "ok": True}
    assert (figures["fees"], figures["refunded"]) == (550_000, 2_650_000)
    assert figures["exactFees"] == 170_000_000


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({"charged": CHARGED - 1}, "999999 lovelace were charged"),
        ({"claimed": CHARGED + 1}, "1000001 lovelace were claimed, and 1000000 charged"),
        ({"buyers": [*BUYERS[:2], 7_749_999]}, "the buyer has paid something else"),
        ({"sellers": [4_000_000, 4_699_999]}, "the seller has not got what was claimed"),
    ],
)
def test_it_fails_unless_all_agrees_with_the_chain(
    narrated: tuple[Narrator, io.StringIO], found: dict[str, Any], why: str
) -> None:
    with pytest.raises(story.DemoFailed, match=why):
        Played(narrated[0], **found).run()


def test_without_the_extra_it_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "find_spec", lambda _: None)
    with pytest.raises(story.DemoFailed, match=r"facilitator\[plutus\] is not installed"):
        story.run_demo(Narrator(as_json=True), "http://127.0.0.1:9", NOBODY, NOBODY, 2)


def test_one_request_is_no_story() -> None:
    with pytest.raises(story.DemoFailed, match="two requests or more"):
        story.run_demo(Narrator(as_json=True), "http://127.0.0.1:9", NOBODY, NOBODY, 1)
