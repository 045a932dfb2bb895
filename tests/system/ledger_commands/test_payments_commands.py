"""``facilitator payments`` beside a facilitator that settles real payments."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facilitator.testing.payments import ALICE, BOB, Payer, transaction_id
from facilitator.testing.running import Running
from facilitator.testing.waiting import eventually

Command = Callable[..., tuple[int, str, str]]


def paid(running: Running, payer: Payer, url: str) -> str:
    """Make a payment for the URL; return its transaction's id once its success is delivered."""
    body: dict[str, Any] = payer.body(confirmations=1)
    body["paymentPayload"]["resource"] = {"url": url}
    running.settle(body)
    running.next_block()
    running.next_block()
    running.settle_until(body, lambda answer: answer["success"], **{"X-Request-Id": "the-last"})
    return transaction_id(body)


@pytest.fixture
def ids(running: Running) -> list[str]:
    """The transactions of three payments, the newest first."""
    alice, bob = Payer(running), Payer(running, BOB)
    settled = [
        paid(running, alice, "https://shop.example/report"),
        paid(running, bob, "https://shop.example/picture"),
        paid(running, alice, "https://library.example/"),
    ]
    return settled[::-1]


def test_payments_are_listed_and_filtered(payments: Command, ids: list[str]) -> None:
    code, out, err = payments("list")
    assert (code, err) == (0, "")
    heading, *lines = out.splitlines()
    assert heading.split()[:3] == ["CLAIMED", "(UTC)", "ID"]
    assert [line.split()[2] for line in lines] == [each[:8] for each in ids]
    assert all(len(line) <= 80 for line in lines)
    for words, expected in (
        (["--payer", BOB.bech32], ids[1:2]),
        (["--resource", "https://shop."], ids[1:]),
        (["--state", "expired,rejected"], []),
        (["--caller", ""], ids),
        (["--limit", "1"], ids[:1]),
        (["--until", "2025-01-01"], []),
    ):
        code, out, _ = payments("list", "--json", *words)
        assert [each["transaction"] for each in json.loads(out)] == expected, words
    _, out, _ = payments("list", "--csv", "--limit", "2")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["transaction"] for row in rows] == ids[:2]


def test_a_payment_is_shown_by_the_beginning_of_its_id(payments: Command, ids: list[str]) -> None:
    code, out, _ = payments("show", ids[0][:10].upper())
    assert code == 0
    assert out.startswith(f"payment {ids[0]}\n")
    story = [line.split("  ")[2] for line in out.split("\n\n")[2].splitlines()]
    assert story[0].startswith("announced: ")
    assert "accepted by a node" in story
    assert story[-1].startswith("success delivered to ")
    assert story[-1].endswith(" by request the-last")
    _, out, _ = payments("show", "--json", ids[0])
    shown = json.loads(out)
    assert [each["what"] for each in shown["story"]] == story
    assert shown["events"][-1]["deliveryRequestId"] == "the-last"
    assert payments("show", "f" * 64)[0] == 1
    assert "not the beginning of a transaction's id" in payments("show", "no hex")[2]


def test_exports_have_all_payments(payments: Command, ids: list[str]) -> None:
    _, out, _ = payments("export")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["transaction"] for row in rows] == ids
    assert {row["amountDecimal"] for row in rows} == {"2.000000"}
    _, out, _ = payments("export", "--format", "jsonl", "--payer", ALICE.bech32)
    assert [json.loads(line)["transaction"] for line in out.splitlines()] == [ids[0], ids[2]]


@pytest.mark.usefixtures("ids")
def test_totals_add_up(payments: Command) -> None:
    _, out, _ = payments("totals", "--json", "--by", "day,payTo")
    (total,) = json.loads(out)
    assert (total["count"], total["amount"], total["amountDecimal"]) == (3, "6000000", "6.000000")
    assert total["day"] == "2025-12-06"
    assert "3  6.000000 ada" in payments("totals")[1]
    _, out, err = payments("totals", "--by", "day", "--state", "settled,expired", "--csv")
    assert out.splitlines()[1].startswith("2025-12-06,cardano:preprod,,,lovelace,3,6000000,6.0")
    assert err == "payments that are not settled have no day, and are left out\n"
    _, out, _ = payments("totals", "--by", "day,payTo,caller,asset")
    assert "6.000000 ada" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_refusals_are_counted(payments: Command, running: Running) -> None:
    running.verify(Payer(running).body(amount=1))
    ledger = running.facilitator.ledger
    assert ledger is not None
    eventually(lambda: ledger.refusals(""))
    _, out, _ = payments("refusals", "--json")
    (count,) = json.loads(out)
    assert (count["endpoint"], count["count"]) == ("verify", 1)
    assert count["sample"]
    _, out, _ = payments("refusals", "--since", "2030-01-01")
    assert out == "no refused request was counted\n"


def test_personal_fields_are_erased_after_a_yes(payments: Command, ids: list[str]) -> None:
    code, out, err = payments("erase", ids[0][:12], stdin="n\n")
    assert (code, err) == (1, "nothing was erased\n")
    assert payments("erase", ids[0][:12])[0] == 1  # without any input
    code, out, _ = payments("erase", ids[0][:12], stdin="y\n")
    assert code == 0
    assert "Erased: 1." in out
    assert "The claims of 1 of them keep transaction, payer and resource until 2025-12-" in out
    code, out, _ = payments("erase", "--payer", ALICE.bech32, "--yes")
    assert out.startswith("1 found, 1 to erase\n")
    _, out, _ = payments("list", "--json")
    assert [each["payer"] for each in json.loads(out)] == [None, BOB.bech32, None]
    code, out, _ = payments("erase", ids[0], ids[1], "--yes")
    assert out.startswith("2 found, 1 to erase; 1 erased before\n")
    for words in ([], [ids[0], "--payer", ALICE.bech32]):
        with pytest.raises(SystemExit, match="2"):
            payments("erase", *words)


def test_what_is_not_final_is_not_erased(payments: Command, running: Running) -> None:
    body = Payer(running).body()
    running.settle(body)
    code, out, _ = payments("erase", transaction_id(body), "--yes")
    assert (code, out) == (0, "1 found, 0 to erase; 1 not final yet: erase them once they are\n")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_events_are_watched_until_a_signal(
    running: Running, environ: dict[str, str], tmp_path: Path, stop: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "facilitator", "payments", "watch", "--json"],
        cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        assert process.stderr.readline() == "watching; Ctrl+C ends it\n"
        this = paid(running, Payer(running), "https://shop.example/")
        seen: list[dict[str, Any]] = []
        while not seen or seen[-1]["delivery"] != "delivered":
            seen.append(json.loads(process.stdout.readline()))
        assert {each["transaction"] for each in seen} == {this}
        assert seen[0]["state"] == "submitted"
        process.send_signal(stop)
        assert process.wait(60) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


@pytest.mark.usefixtures("ids")
def test_a_reader_that_leaves_ends_an_export(environ: dict[str, str], tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "facilitator", "payments", "export"],
        cwd=tmp_path, env=environ, stdout=writer, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_ledger_in_memory_is_another_processs(payments: Command) -> None:
    code, out, err = payments("list", plugins="blockfrost,memory")
    assert (code, out) == (1, "")
    assert err.startswith("LedgerNotReadable: the payment ledger is in the memory of the process")


def test_a_file_that_is_none_is_said(payments: Command, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database" * 1000)
    code, _, err = payments("list", sqlite__path=str(tmp_path / "text.db"))
    assert code == 1
    assert err.startswith("PluginError: ")
