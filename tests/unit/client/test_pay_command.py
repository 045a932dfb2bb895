"""``facilitator pay``: over a real server and facilitator, and what can go wrong with servers."""

import base64
import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.addresses.address import format_address
from facilitator.cli import main
from facilitator.cli.offered_devnet import configure_with_devnet
from facilitator.client import presenting
from facilitator.client.seed_wallet import SeedWallet
from facilitator.testing.payments import MERCHANT, transaction_id
from facilitator.testing.running import NETWORK, Running
from facilitator_blockfrost.endpoints import find_endpoint
from facilitator_blockfrost.settings import BlockfrostSettings
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.wallet import Wallet
from support.shop import Shop

Run = Callable[..., Running]
SEED_PHRASE = " ".join(["abandon"] * 11 + ["about"])
PRICE = 2_000_000
TERMS = {
    "scheme": "exact",
    "network": NETWORK,
    "amount": str(PRICE),
    "asset": "lovelace",
    "payTo": MERCHANT.bech32,
    "maxTimeoutSeconds": 300,
    "extra": {},
}


def header(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "payer"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))


@pytest.fixture
def shop(run: Run) -> Iterator[tuple[Running, str]]:
    """A facilitator whose devnet makes blocks, and the URL of the page that is sold by it."""
    running = run(real_time=True, devnet__block_seconds=0.5)
    with closing(Shop(running.url)) as shop:
        shop.listen()
        yield running, shop.url.geturl()


class Scripted:
    """A server that answers as it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Message, bytes]] = []
        self.answers: list[tuple[int, dict[str, str], bytes] | None] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}/page"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                script.asked.append((self.command, self.headers, self.rfile.read(length)))
                answer = script.answers.pop(0)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def wants(self, **changes: Any) -> None:
        """Answer 402 with these terms next."""
        offer = {"x402Version": 2, "resource": {"url": self.url}, "accepts": [{**TERMS, **changes}]}
        self.answers.append((402, {"PAYMENT-REQUIRED": header(offer)}, b"{}"))

    def shown(self) -> list[dict[str, Any]]:
        """The payments that it was shown."""
        signatures = (headers.get("PAYMENT-SIGNATURE") for _, headers, _ in self.asked)
        return [json.loads(base64.b64decode(each)) for each in signatures if each]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def server() -> Iterator[Scripted]:
    with closing(Scripted()) as server:
        yield server


def failure(words: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    """What the command says that failed, the last line of it."""
    assert main(["pay", *words]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    return err.splitlines()[-1]


# --- It pays ------------------------------------------------------------------------------------


@pytest.mark.once  # in processes of their own
def test_a_page_is_bought_with_a_wallet_of_the_devnet(shop: tuple[Running, str]) -> None:
    """Time and again, though the command's own devnet does not know what was spent."""
    running, url = shop
    for _ in range(2):
        words = [sys.executable, "-m", "facilitator", "pay", url]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {"forecast": "sunny, 24 degrees"}
        told = done.stderr.splitlines()
        assert told[0] == f"402: 2.000000 ada to {MERCHANT.bech32} on {NETWORK}"
        paying = "paying with the transaction "
        (transaction,) = (line for line in told if line.startswith(paying))
        paid = f"200: paid 2.000000 ada in the transaction {transaction.removeprefix(paying)}"
        assert told[-1] == paid
    assert len(running.devnet.outputs_at(MERCHANT.address)) == 8 + 2


def test_a_seed_phrase_pays_through_blockfrost(
    shop: tuple[Running, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    running, url = shop
    wallet = SeedWallet(SEED_PHRASE, 0)
    running.devnet.fund(wallet.address, 5_000_000)
    seeds = tmp_path / "seeds"
    seeds.write_text(SEED_PHRASE.replace(" ", "\n") + "\n")
    with closing(BlockfrostApi(running.devnet)) as api:
        monkeypatch.setenv("FACILITATOR_PLUGINS", "blockfrost,memory")
        monkeypatch.setenv("FACILITATOR_BLOCKFROST__PROJECT_ID", "preprodOfWhoPays")
        monkeypatch.setenv("FACILITATOR_BLOCKFROST__BASE_URL", f"{api.url}/api/v0")
        words = ["--seed-file", str(seeds), url]
        assert "say with --max how many lovelace" in failure(words, capfd)
        assert main(["pay", "--json", "--max", str(PRICE), *words]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["status"], told["refusal"]) == (200, None)
    assert json.loads(told["body"]) == {"forecast": "sunny, 24 degrees"}
    assert told["receipt"]["transaction"] == told["transaction"]
    assert told["terms"]["payTo"] == MERCHANT.bech32
    (change,) = running.devnet.outputs_at(wallet.address).values()
    assert change.value.lovelace < 3_000_000


@pytest.mark.once
def test_the_servers_devnet_is_asked_where_it_is_offered(
    shop: tuple[Running, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """All that the wallet had at the genesis was spent by someone else."""
    running, url = shop
    wallet = Wallet("emptied")
    monkeypatch.setattr("facilitator_devnet.genesis_wallets", lambda _: {"emptied": wallet})
    running.devnet.fund(wallet.address, 5_000_000)
    assert "the 0 outputs that the wallet can spend" in failure([url], capfd)
    with closing(BlockfrostApi(running.devnet)) as api:
        words = ["--devnet", api.url, url]
        assert "say with --max how many lovelace" in failure(words, capfd)
        assert main(["pay", "--max", str(PRICE), *words]) == 0
    assert capfd.readouterr().err.splitlines()[-1].startswith("200: paid 2.000000 ada in the trans")
    assert failure(["--devnet", "127.0.0.1:1", url], capfd) == (
        "CannotPay: --devnet '127.0.0.1:1' is no URL of HTTP"
    )


@pytest.mark.once
def test_no_project_id_is_sent_to_a_devnet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACILITATOR_BLOCKFROST__PROJECT_ID", "preprodOfMine")
    monkeypatch.setenv("FACILITATOR_BLOCKFROST__PROJECT_IDS__PREPROD", "preprodOfMine")
    monkeypatch.setenv("FACILITATOR_PLUGINS", "blockfrost,memory")
    settings, plugins = configure_with_devnet(None, "http://127.0.0.1:3001")
    plugins.shutdown()
    endpoint = find_endpoint("blockfrost", settings.section(BlockfrostSettings), NETWORK, [NETWORK])
    assert endpoint is not None
    assert (endpoint.base_url, endpoint.project_id) == ("http://127.0.0.1:3001", "devnet")


def test_what_is_sent_with_the_request_is_sent_with_the_payment(
    server: Scripted, capfd: pytest.CaptureFixture[str]
) -> None:
    server.wants()
    server.answers.append((201, {}, b"done"))
    words = ["--wallet", "bob", "--data", '{"a": 1}', "--header", "X-Order: 66", server.url]
    assert main(["pay", *words]) == 0
    assert capfd.readouterr().out == "done"
    for method, headers, body in server.asked:
        assert (method, body, headers["X-Order"]) == ("POST", b'{"a": 1}', "66")
        assert headers["Content-Type"] == "application/json"
    (shown,) = server.shown()
    assert (shown["x402Version"], shown["resource"]) == (2, {"url": server.url})
    assert shown["accepted"] == TERMS
    assert set(shown["payload"]) == {"transaction", "nonce"}


# --- Nothing is paid ----------------------------------------------------------------------------


def test_what_costs_nothing_is_not_paid_for(
    server: Scripted, capfd: pytest.CaptureFixture[str]
) -> None:
    server.answers += [(200, {}, b"free"), (404, {}, b"nothing")]
    assert main(["pay", server.url]) == 0
    assert main(["pay", server.url]) == 1
    out, err = capfd.readouterr()
    assert out == "freenothing"
    assert err == "200: nothing was to be paid\n404: nothing was to be paid\n"
    assert server.shown() == []


def test_a_redirection_is_not_followed(server: Scripted, capfd: pytest.CaptureFixture[str]) -> None:
    server.wants()
    server.answers.append((307, {"Location": "http://127.0.0.1:9/"}, b""))
    assert main(["pay", server.url]) == 1
    assert capfd.readouterr().err.splitlines()[-1] == "307"


@pytest.mark.parametrize(
    ("words", "changes", "why"),
    [
        (["--max", "1999999"], {}, "2000000 lovelace are more than --max 1999999"),
        (["--wallet", "nobody"], {}, "no wallet 'nobody'; there are alice, bob, carol, merchant"),
        (["--header", "X-Order"], {}, "--header 'X-Order' is not NAME:VALUE"),
        (["--header", "X: a\nb"], {}, "the request cannot be made"),
        (["--seed-file", "/nowhere"], {}, "--seed-file /nowhere cannot be read: No such file"),
        ([], {"amount": "1"}, "a facilitator would refuse to settle it: "),
        ([], {"amount": "0"}, "a facilitator would refuse to settle it: "),
        ([], {"amount": "9" * 15}, "do not cover the payment"),
        ([], {"amount": "9" * 5000}, "is more than there can be"),
        ([], {"maxTimeoutSeconds": "long"}, "the terms that are offered are none"),
        ([], {"network": "cardano:preview"}, f"is not in the setting network, which is {NETWORK}"),
        ([], {"network": "eip155:8453"}, "'eip155:8453' is no network of Cardano that is known"),
        ([], {"scheme": "batch-settlement"}, "'batch-settlement' is not exact, see --channel"),
        (["--channel"], {}, "no enabled plugin pays by batch-settlement: name one that does"),
        (["--refund"], {}, "--deposit and --refund go with --channel"),
        (["--deposit", "5"], {}, "--deposit and --refund go with --channel"),
    ],
)
def test_why_nothing_is_paid(
    server: Scripted,
    capfd: pytest.CaptureFixture[str],
    words: list[str],
    changes: dict[str, Any],
    why: str,
) -> None:
    server.wants(**changes)
    told = failure([*words, server.url], capfd)
    assert told.startswith("CannotPay: ")
    assert why in told
    assert server.shown() == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "example.org",
        "http://",
        "http://127.0.0.1:9/a b",
        "http://127.0.0.1:9/",
    ],
)
def test_where_nothing_can_be_bought(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert failure([url], capfd).startswith("CannotPay: ")


def test_a_server_that_does_not_run_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    url = "http://127.0.0.1:9/"
    assert failure([url], capfd) == (
        f"CannotPay: {url} cannot be reached: Connection refused; see that its server runs"
    )


def test_an_offer_of_version_1_is_named(
    server: Scripted, capfd: pytest.CaptureFixture[str]
) -> None:
    offer = {"x402Version": 1, "error": "X-PAYMENT header is required", "accepts": [TERMS]}
    server.answers.append((402, {}, json.dumps(offer).encode()))
    assert "the server offers x402 version 1, whose terms are in the body" in failure(
        [server.url], capfd
    )


@pytest.mark.parametrize("wrong", [b"correct horse battery staple", b"\xff\xfe", b""])
def test_no_word_of_a_wrong_seed_phrase_is_told(
    server: Scripted, capfd: pytest.CaptureFixture[str], tmp_path: Path, wrong: bytes
) -> None:
    seeds = tmp_path / "seeds"
    seeds.write_bytes(wrong)
    server.wants()
    told = failure(["--seed-file", str(seeds), server.url], capfd)
    assert told == f"CannotPay: --seed-file {seeds}: is not a valid BIP-39 seed phrase"


def test_a_wallet_that_there_is_not_and_one_that_is_empty(
    shop: tuple[Running, str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    running, url = shop
    with closing(BlockfrostApi(running.devnet)) as api:
        monkeypatch.setenv("FACILITATOR_PLUGINS", "blockfrost,memory")
        monkeypatch.setenv("FACILITATOR_BLOCKFROST__PROJECT_ID", "preprodOfWhoPays")
        monkeypatch.setenv("FACILITATOR_BLOCKFROST__BASE_URL", f"{api.url}/api/v0")
        assert "there is no wallet for cardano:preprod: name a seed" in failure([url], capfd)
        monkeypatch.setattr("sys.stdin", io.StringIO(SEED_PHRASE))
        told = failure(["--seed-file", "-", "--max", str(PRICE), url], capfd)
    assert "the 0 outputs that the wallet can spend do not cover" in told
    address = format_address(SeedWallet(SEED_PHRASE, 0).address)
    assert told.endswith(f"have its address funded, {address}")


# --- What comes after the payment ---------------------------------------------------------------


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presenting, "PAUSE_SECONDS", 0)


@pytest.mark.usefixtures("_at_once")
def test_the_same_payment_is_shown_until_something_definite_is_said(
    server: Scripted, capfd: pytest.CaptureFixture[str]
) -> None:
    server.wants()
    pending = header({"success": False, "errorReason": "settlement_pending"})
    named = header({"x402Version": 2, "error": "settlement_pending", "accepts": [TERMS]})
    server.answers += [
        (402, {"PAYMENT-RESPONSE": pending}, b"wait"),
        (402, {"PAYMENT-REQUIRED": named}, b"wait"),
        None,
        (503, {}, b"later"),
        (200, {}, b"page"),
    ]
    assert main(["pay", server.url]) == 0
    out, err = capfd.readouterr()
    assert out == "page"
    assert err.count("asking again with the same payment") == 4
    shown = server.shown()
    assert len(shown) == 5
    assert all(each == shown[0] for each in shown)


@pytest.mark.usefixtures("_at_once")
def test_without_an_answer_the_transaction_is_named(
    server: Scripted, capfd: pytest.CaptureFixture[str]
) -> None:
    server.wants()
    server.answers += [None] * presenting.ROUNDS
    told = failure([server.url], capfd)
    shown = server.shown()
    assert len(shown) == presenting.ROUNDS
    transaction = transaction_id({"paymentPayload": shown[0]})
    assert told.startswith(f"OutcomeNotKnown: whether the transaction {transaction} was taken")


@pytest.mark.usefixtures("_at_once")
def test_what_stays_pending_is_told_as_it_is(
    server: Scripted, capfd: pytest.CaptureFixture[str]
) -> None:
    server.wants()
    pending = {"success": False, "errorReason": "settlement_pending"}
    server.answers += [(402, {"PAYMENT-RESPONSE": header(pending)}, b"")] * presenting.ROUNDS
    assert main(["pay", server.url]) == 1
    assert json.loads(capfd.readouterr().err.splitlines()[-1].removeprefix("402: ")) == pending


def test_why_the_server_wants_more_is_shown(
    server: Scripted, capfd: pytest.CaptureFixture[str]
) -> None:
    server.wants()
    again = header({"x402Version": 2, "error": "insufficient \x1b[31mmood", "accepts": [TERMS]})
    server.answers.append((402, {"PAYMENT-REQUIRED": again}, b"no"))
    assert main(["pay", server.url]) == 1
    out, err = capfd.readouterr()
    assert out == "no"
    assert err.splitlines()[-1] == '402: refused, "insufficient \\u001b[31mmood"'
    assert len(server.shown()) == 1


def test_what_another_devnet_calls_spent_is_not_shown_again(
    server: Scripted, capfd: pytest.CaptureFixture[str]
) -> None:
    server.wants()
    spent = "invalid_exact_cardano_payload_nonce_not_on_chain"
    again = {"x402Version": 2, "error": spent, "accepts": [TERMS]}
    server.answers += [(402, {"PAYMENT-REQUIRED": header(again)}, b"")] * 8
    told = failure([server.url], capfd)
    assert "the server's devnet says that 8 outputs of the wallet are spent" in told
    nonces = [each["payload"]["nonce"] for each in server.shown()]
    assert len(set(nonces)) == len(nonces) == 8
