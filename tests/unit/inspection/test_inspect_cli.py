"""``facilitator inspect``, as an operator runs it and in this process."""

import base64
import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cli import main
from facilitator.testing.examples import example_claim
from facilitator.testing.running import Running
from facilitator_sqlite.storage import SqliteStorage
from support import wallets
from support.upstream import reply, serving

pytestmark = pytest.mark.once

Run = Callable[..., tuple[int, str, str]]


def environment(named: Mapping[str, str]) -> dict[str, str]:
    """The variables of this process but those of a facilitator, and the named ones."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FACILITATOR_")}
    return {**clean, **named}


@pytest.fixture
def facilitator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process and an empty folder: its exit code and what it printed."""

    def run(*words: str, stdin: bytes = b"", **environ: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(os, "environ", environment(environ))
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            try:
                code = main(words)
            except SystemExit as wrong_usage:
                code = int(wrong_usage.code or 0)
        return code, out.getvalue(), err.getvalue()

    return run


@pytest.fixture
def as_process(tmp_path: Path) -> Run:
    """The same as :func:`facilitator`, in a process as an operator starts it."""

    def run(*words: str, stdin: bytes = b"", **environ: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "facilitator", *words],
            cwd=tmp_path, env=environment(environ), input=stdin, capture_output=True,
            timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return run


def sample(facilitator: Run) -> dict[str, Any]:
    """A payment by a devnet's wallet that is good now."""
    code, out, _ = facilitator("sample-payment")
    assert code == 0
    return dict(json.loads(out))


def test_a_good_payment_breaks_no_rule(facilitator: Run, as_process: Run, tmp_path: Path) -> None:
    """It is not called good: this devnet is not the one on which it may be spent already."""
    (tmp_path / "payment.json").write_text(json.dumps(sample(facilitator)))
    code, out, _ = as_process("inspect", "payment.json")
    assert code == 1
    assert out.startswith("payment on cardano:preprod\n")
    assert "\nasked: the devnet of this command, which is at its genesis" in out
    assert "\nresult: not judged\n" in out
    code, out, _ = facilitator("inspect", "--json", "payment.json")
    report = json.loads(out)
    assert (code, report["result"], report["verify"]["isValid"]) == (1, "not judged", True)
    assert {check["result"] for check in report["checks"]} == {"pass"}


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_the_facilitator_that_runs_has_the_last_word(
    facilitator: Run, run: Callable[..., Running], enabled: str
) -> None:
    running = run(real_time=True, devnet__block_seconds=0.1, inspect__enabled=enabled)
    body = sample(facilitator)
    stdin = json.dumps(body).encode()
    words = ["--facilitator", running.url + "/"]
    code, out, err = facilitator("inspect", *words, "-", stdin=stdin)
    assert code == 0, err
    assert f"\nasked: the facilitator at {running.url}" in out
    assert "\nresult: pass\n" in out
    status, settled = running.call("POST", "/settle", body)
    assert (status, settled["success"]) == (200, True)
    code, out, _ = facilitator("inspect", *words, "--json", "-", stdin=stdin)
    report = json.loads(out)
    assert (code, report["result"]) == (1, "fail")
    assert (
        report["verify"]["invalidReason"]
        == running.call("POST", "/verify", body)[1]["invalidReason"]
    )
    transaction = body["paymentPayload"]["payload"]["transaction"].encode()
    code, out, _ = facilitator("inspect", *words, "-", stdin=transaction)
    assert (code, f"{running.url}: confirmed\n" in out) == (1, True)
    code, out, _ = facilitator("inspect", *words, settled["transaction"])
    assert (code, "\nstatus: confirmed\n" in out) == (0, True)
    code, out, _ = facilitator("inspect", *words, "--json", "ab" * 32)
    assert (code, json.loads(out)["status"]) == (1, "not_found")


def test_a_facilitator_that_wants_a_key(
    facilitator: Run, run: Callable[..., Running], tmp_path: Path
) -> None:
    running = run(real_time=True, auth__api_keys__shop="s3cret-shop", inspect__enabled="true")
    words = ["--facilitator", running.url, "-"]
    stdin = json.dumps(sample(facilitator)).encode()
    code, out, err = facilitator("inspect", *words, stdin=stdin)
    assert (code, out) == (1, "")
    assert err.startswith("NoAnswer: ")
    assert "name the file with one by --key-file" in err
    (tmp_path / "key").write_text("s3cret-shop\n")
    code, out, err = facilitator("inspect", "--key-file", "key", *words, stdin=stdin)
    assert (code, "\nresult: pass\n" in out) == (0, True), err
    for name, said in (("none", "cannot be read: No such file"), ("bad", "holds no key")):
        (tmp_path / "bad").write_text("one\nwith a\r\nheader: in it")
        code, out, err = facilitator("inspect", "--key-file", name, *words, stdin=stdin)
        assert (code, out, said in err) == (1, "", True), err
    code, _, err = facilitator("inspect", "--key-file", "key", "-", stdin=stdin)
    assert (code, err) == (1, "Unreadable: --key-file goes with --facilitator\n")


def test_a_facilitator_that_is_none(facilitator: Run) -> None:
    stdin = json.dumps(sample(facilitator)).encode()
    for url in ("http://127.0.0.1:9", "example.org"):
        code, out, err = facilitator("inspect", "--facilitator", url, "-", stdin=stdin)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert err.startswith(f"NoAnswer: {url}/verify cannot be asked: ")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, "/verify answered 200, and no JSON object"),
        ({"/verify": {"error": "\x1b[2J"}}, "without a verdict: '\\x1b[2J'"),
        ({"/verify": {"isValid": True}, "/inspect": {}}, "/inspect answered without a report"),
        ({"/verify": {"isValid": True}, "/inspect": {"checks": 3}}, "is no report: KeyError"),
    ],
)
def test_answers_of_another_server(facilitator: Run, answers: dict[str, Any], said: str) -> None:
    stdin = json.dumps(sample(facilitator)).encode()
    with serving(lambda asked: reply(200, answers.get(asked.path))) as server:
        code, out, err = facilitator("inspect", "--facilitator", server.url, "-", stdin=stdin)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert said in err


def test_a_bad_payment_fails(facilitator: Run) -> None:
    body = sample(facilitator)
    for terms in (body["paymentRequirements"], body["paymentPayload"]["accepted"]):
        terms["amount"] = "2000001"
    code, out, _ = facilitator("inspect", "-", stdin=json.dumps(body).encode())
    assert code == 1
    assert "the largest single output to payTo holds 2000000 lovelace" in out
    assert "\nresult: fail\n" in out


def test_a_transaction_is_read_in_any_spelling(facilitator: Run) -> None:
    text = sample(facilitator)["paymentPayload"]["payload"]["transaction"]
    raw = base64.b64decode(text)
    reports = []
    envelope = {"type": "Witnessed Tx ConwayEra", "description": "", "cborHex": raw.hex()}
    body, witnesses = split(raw)
    empty = b"\x84" + body + b"\xa0\xf5\xf6"
    wallet = {"transaction": empty.hex(), "witnessSet": witnesses.hex()}
    alone = {"transaction": body.hex(), "witnessSet": witnesses.hex()}
    objects = [json.dumps(each).encode() for each in (envelope, wallet, alone)]
    for spelling in (text.encode() + b"\n", raw.hex().encode(), raw, *objects):
        code, out, err = facilitator("inspect", "-", "--json", stdin=spelling)
        assert (code, err) == (1, "")
        reports.append(json.loads(out))
    assert len({report["transaction"]["id"] for report in reports}) == 1
    assert all((report["input"], report["verify"]) == ("transaction", None) for report in reports)


def split(raw: bytes) -> tuple[bytes, bytes]:
    """The body and the witness set of a transaction without metadata."""
    _, witnesses, is_valid, auxiliary = cbor2.loads(raw)
    assert (is_valid, auxiliary) == (True, None)
    end = cbor2.dumps(witnesses, canonical=False)
    assert raw.endswith(end + b"\xf5\xf6")
    return raw[1 : -len(end) - 2], end


def test_a_payment_is_read_as_its_header_has_it(facilitator: Run) -> None:
    body = sample(facilitator)
    header = base64.b64encode(json.dumps(body["paymentPayload"]).encode()).decode()
    ids = set()
    for word, stdin in ((header, ""), ("-", header), ("-", f"payment-signature: {header}\n")):
        _, out, err = facilitator("inspect", "--json", word, stdin=stdin.encode())
        report = json.loads(out or "{}")
        assert report.get("input") == "payment", err
        assert report["verify"]["isValid"]
        ids.add(report["transaction"]["id"])
    assert len(ids) == 1


def test_witnesses_that_do_not_fit(facilitator: Run) -> None:
    raw = base64.b64decode(sample(facilitator)["paymentPayload"]["payload"]["transaction"])
    _, witnesses = split(raw)
    for transaction, witness_set, words in (
        (raw.hex(), witnesses.hex(), "has witnesses already"),
        ("84", witnesses.hex(), "cannot be read"),
        ("", witnesses.hex(), "cannot be read"),
        ("01", witnesses.hex(), "cannot be read"),
        (raw.hex(), "a1", "cannot be read"),
        (raw.hex(), "?", "witnessSet is to be the CBOR in hex"),
        (None, witnesses.hex(), "transaction is to be the CBOR in hex"),
    ):
        stdin = json.dumps({"transaction": transaction, "witnessSet": witness_set}).encode()
        code, out, err = facilitator("inspect", "-", stdin=stdin)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert words in err


SEEDS = "abandon " * 11 + "about"


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (SEEDS, "a seed phrase or a secret key"),
        ("ed25519_sk1qqqqqqq", "a seed phrase or a secret key"),
        ("addr_test1" + "q" * 40, "an address"),
        ("ab" * 32 + "#0", "the reference of an output"),
        ("ab" * 32, "a transaction id"),
        ("https://shop.example/", "a URL"),
        ("<html>", "HTML"),
        ("a0", "a witness set"),
        ('{"type": "PaymentSigningKeyShelley_ed25519", "cborHex": "5820"}', "a secret key"),
        ('{"type": "TxWitness ConwayEra", "cborHex": "82"}', "with the type 'TxWitness"),
        ('{"x402Version": 2, "accepts": []}', "an offer"),
        ('{"success": true}', "a receipt"),
        ('{"x402Version": 1, "payload": {}}', "x402 version 1"),
        (base64.b64encode(b'{"accepts": []}').decode(), "an offer"),
        ('{"type": "Tx ConwayEra", "cborHex": 3}', "cborHex is to be the CBOR in hex"),
    ],
)
def test_what_looks_like_something_else_is_named(facilitator: Run, stdin: str, words: str) -> None:
    code, out, err = facilitator("inspect", "--offline", "-", stdin=stdin.encode())
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert words in err
    assert "abandon" not in err


def test_offline_judges_what_the_bytes_tell(facilitator: Run) -> None:
    stdin = json.dumps(sample(facilitator)).encode()
    code, out, err = facilitator("inspect", "--offline", "--json", "-", stdin=stdin)
    report = json.loads(out)
    assert (code, err, report["result"]) == (1, "", "not judged")
    results = {check["name"]: check["result"] for check in report["checks"]}
    assert results["invalid witnesses"] == results["pays the terms"] == "pass"
    assert results["bad inputs"] == results["fee too small"] == "not judged"


OLD = {"ends in time", "outside validity interval"}
"""The checks that fail for every payment that is inspected years later."""
CASES = [
    next(c for c in wallets.cases() if c["kind"] == "good"),
    next(c for c in wallets.cases() if c["kind"] == "good" and c["builder"] == "mesh_cst"),
]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_good_corpus_payment_breaks_nothing_but_its_time(
    facilitator: Run, case: dict[str, Any]
) -> None:
    stdin = json.dumps(wallets.body(case)).encode()
    code, out, _ = facilitator(
        "inspect", "--offline", "--json", "-", stdin=stdin, FACILITATOR_NETWORK=case["network"]
    )
    report = json.loads(out)
    assert code == 1
    failed = {check["name"] for check in report["checks"] if check["result"] == "fail"}
    assert failed <= OLD
    assert report["transaction"]["id"] == case["tx_id"]


@pytest.mark.parametrize(
    ("reason", "row"),
    [("invalid_signature", "invalid witnesses"), ("pay_to_not_paid", "pays the terms")],
)
def test_a_bad_corpus_payment_breaks_its_rule(facilitator: Run, reason: str, row: str) -> None:
    case = next(c for c in wallets.cases() if (c["expected"] or {}).get("reason_class") == reason)
    stdin = json.dumps(wallets.body(case)).encode()
    code, out, _ = facilitator("inspect", "--offline", "-", "--json", stdin=stdin)
    rows = {check["name"]: check["result"] for check in json.loads(out)["checks"]}
    assert (code, rows[row]) == (1, "fail")


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (b"", "the input is empty"),
        (b"{", "begins like JSON and is not"),
        (b'{"x402Version": 3}', "x402Version must be 2"),
        (b"what is this?", "neither a JSON request of /verify nor a transaction"),
        (b"84a0", "not a transaction"),
        (b"\x84\xa0", "not a transaction"),
        (b"a" * 1_048_577, "longer than 1048576 bytes"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(
    facilitator: Run, stdin: bytes, words: str
) -> None:
    code, out, err = facilitator("inspect", "--offline", "-", stdin=stdin)
    assert (code, out) == (1, "")
    assert err.startswith("Unreadable: ")
    assert words in err
    assert err.count("\n") == 1


def test_sources_that_there_are_not(facilitator: Run) -> None:
    code, _, err = facilitator("inspect", "absent.json")
    assert (code, err.count("\n")) == (1, 1)
    code, _, err = facilitator("inspect", "ab" * 32)
    assert (code, err.count("\n")) == (1, 1)
    assert "was not settled here" in err


def test_a_transaction_that_was_settled_here(facilitator: Run, tmp_path: Path) -> None:
    body = sample(facilitator)
    raw = base64.b64decode(body["paymentPayload"]["payload"]["transaction"])
    transaction_id = decode_transaction(raw).id.hex()
    storage = SqliteStorage(str(tmp_path / "facilitator.db"))
    storage.add_claim(example_claim(transaction_id=transaction_id, transaction=raw))
    storage.close()
    _, out, _ = facilitator("inspect", "--json", transaction_id.upper())
    assert {check["result"] for check in json.loads(out)["checks"]} == {"pass"}
    assert transaction_id in out


def test_wrong_usage(facilitator: Run) -> None:
    assert facilitator("inspect")[0] == 2
    assert facilitator("inspect", "--speed", "9", "-")[0] == 2


def test_a_network_that_is_not_served(facilitator: Run) -> None:
    code, _, err = facilitator("inspect", "--network", "cardano:preview", "-", stdin=b"84")
    assert (code, err.count("\n")) == (1, 1)
    assert "cardano:preview is not served" in err


def test_a_terminal_without_unicode(facilitator: Run, as_process: Run) -> None:
    stdin = json.dumps(sample(facilitator)).encode()
    code, out, err = as_process("inspect", "-", stdin=stdin, PYTHONIOENCODING="ascii")
    assert code == 1, err
    assert out.isascii()


@st.composite
def inputs(draw: st.DrawFn) -> bytes:
    """Anything, and requests and transactions in all spellings with a byte or so changed."""
    case = draw(st.sampled_from(wallets.cases()))
    text = case["payload"].get("transaction")
    try:
        raw = base64.b64decode(text, validate=True)
    except (TypeError, ValueError):
        raw = b""
    good = draw(
        st.sampled_from(
            [json.dumps(wallets.body(case)).encode(), raw, raw.hex().encode(), str(text).encode()]
        )
    )
    changed = bytearray(good)
    for at in draw(st.lists(st.integers(0, max(len(good) - 1, 0)), max_size=3)):
        if changed:
            changed[at] = draw(st.integers(0, 255))
    return draw(st.one_of(st.just(bytes(changed)), st.binary(max_size=200)))


@settings(max_examples=150)
@given(data=inputs())
def test_no_input_gives_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / f"input-{os.getpid()}"
    path.write_bytes(data)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["inspect", "--offline", str(path)])
    assert code in (0, 1)
    assert bool(out.getvalue()) != bool(err.getvalue())
    assert err.getvalue().count("\n") <= 1
