"""``examples/charge-with-sdk``, run as it is, over a facilitator, and bought from."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from facilitator.client.http import Client
from facilitator.client.presenting import SENT
from facilitator.client.purchase import NetworkSigner, Purchase, buy
from facilitator.client.requirements import Limits
from facilitator.client.signer import Signer
from facilitator.clock import SystemClock
from facilitator.roles.chain import NotFound
from facilitator.roles.payer import HttpAnswer
from facilitator.testing.payments import ALICE, BOB, MERCHANT, requirements
from facilitator.testing.running import NETWORK, Running
from facilitator.testing.threads import together
from facilitator_devnet.genesis import TEST_TOKEN
from facilitator_devnet.wallet import Wallet
from support.npm import install_or_skip
from support.readme import install_as_written

EXAMPLES = Path(__file__).parents[3] / "examples"
SDK = EXAMPLES / "charge-with-sdk"
ENVIRON = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
TOKEN = requirements(asset=TEST_TOKEN)["asset"]
Run = Callable[..., Running]
OpenShop: TypeAlias = Callable[[Sequence[str], Running], str]


def in_python(folder: Path, script: str) -> Sequence[str]:
    """The command of a shop, in an environment of what the README installs for it."""
    return [str(install_as_written(SDK / "README.md", folder, script)), str(SDK / script)]


@pytest.fixture(scope="module")
def flask(tmp_path_factory: pytest.TempPathFactory) -> Sequence[str]:
    return in_python(tmp_path_factory.mktemp("flask"), "shop.py")


@pytest.fixture(scope="module")
def fastapi(tmp_path_factory: pytest.TempPathFactory) -> Sequence[str]:
    return in_python(tmp_path_factory.mktemp("fastapi"), "shop_fastapi.py")


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """The shops in JavaScript, with what they need."""
    cache = pytestconfig.rootpath / ".pytest_cache" / "npm"
    cache.mkdir(parents=True, exist_ok=True)
    folder = tmp_path_factory.mktemp("javascript")
    (folder / "node_modules").symlink_to(install_or_skip(SDK, cache))
    for script in SDK.glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


@pytest.fixture
def express(scripts: Path) -> Sequence[str]:
    return ["node", str(scripts / "shop.mjs")]


@pytest.fixture
def hono(scripts: Path) -> Sequence[str]:
    return ["node", str(scripts / "shop_hono.mjs")]


@pytest.fixture
def open_shop() -> Iterator[OpenShop]:
    """Start a shop with the facilitator; the URL of its page."""
    with ExitStack() as stack:

        def start(command: Sequence[str], running: Running) -> str:
            process = stack.enter_context(
                subprocess.Popen(
                    [*command, MERCHANT.bech32, "0", running.url],
                    env=ENVIRON,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("selling http://127.0.0.1:")
            url = line.split()[1]
            assert process.stdout.readline() == f"pay in ada:   facilitator pay {url}\n"
            in_tokens = f"pay in tUSDM: facilitator pay {url} --asset {TOKEN}\n"
            assert process.stdout.readline() == in_tokens
            return url

        yield start


class KeepsPayment(Client):
    """A client that can ask once more with the same payment."""

    payment: Mapping[str, str] = {}

    def send(self, further: Mapping[str, str]) -> HttpAnswer:
        self.payment = further
        return super().send(further)


class Crowd(Client):
    """A client that presents its payment twenty times at once; the answer is the best of them."""

    identifier: str | None = None
    header = ""
    """The payment as it was presented."""
    answers: Sequence[HttpAnswer] = ()

    def send(self, further: Mapping[str, str]) -> HttpAnswer:
        if not further:
            return super().send(further)
        if not self.header:
            self.header = self._marked(further[SENT])
            present = partial(super().send, {SENT: self.header})
            self.answers = together([present] * 20)
            return min(self.answers, key=lambda answer: answer.status)
        return super().send({SENT: self.header})

    def _marked(self, header: str) -> str:
        """The payment with the identifier that its payer chose."""
        payload = json.loads(base64.b64decode(header))
        if self.identifier is not None:
            info = {"required": False, "id": self.identifier}
            payload["extensions"] = {"payment-identifier": {"info": info}}
        return base64.b64encode(json.dumps(payload).encode()).decode()


@pytest.fixture(params=["flask", "fastapi", "express", "hono"])
def shop(request: pytest.FixtureRequest) -> Sequence[str]:
    """The command that starts the shop."""
    return list(request.getfixturevalue(request.param))


def pay(
    client: Client,
    running: Running,
    wallet: Wallet = ALICE,
    asset: str = "lovelace",
    amount: int = 2_000_000,
) -> Purchase:
    signer = Signer(NETWORK, wallet, running.devnet, SystemClock())
    limits = Limits([NETWORK], asset, amount)
    return buy(client, limits, lambda _: NetworkSigner(signer, memory=None), lambda _: None)


def test_a_page_is_sold_once(shop: Sequence[str], run: Run, open_shop: OpenShop) -> None:
    """For 2 ada, and for 10 cents of a dollar token."""
    running = run(real_time=True, devnet__block_seconds=0.2)
    url = open_shop(shop, running)
    client = KeepsPayment(url, {}, None, 60)
    bought = pay(client, running)
    assert bought.answer.status == 200, bought
    assert b"sunny, 24 degrees" in bought.answer.body
    assert bought.requirements is not None
    assert bought.requirements["payTo"] == MERCHANT.bech32
    assert bought.receipt is not None
    assert bought.receipt["extra"]["status"] == "confirmed"
    again = client.send(client.payment)
    assert again.status == 402
    assert b"sunny" not in again.body
    bought = pay(Client(url, {}, None, 60), running, asset=TOKEN, amount=100_000)
    assert bought.answer.status == 200, bought
    assert bought.requirements is not None
    assert (bought.requirements["asset"], bought.requirements["amount"]) == (TOKEN, "100000")


@pytest.mark.parametrize(
    ("shop", "words", "code"),
    [("flask", [], 2), ("fastapi", ["--help"], 0), ("express", [], 2), ("hono", ["--help"], 0)],
    indirect=["shop"],
)
def test_a_shop_shows_how_it_is_started(
    shop: Sequence[str], words: Sequence[str], code: int
) -> None:
    done = subprocess.run([*shop, *words], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "ADDRESS" in (done.stderr if code else done.stdout)


@pytest.mark.parametrize(
    ("shop", "identifier"),
    [
        ("flask", None),
        ("fastapi", "chosen-by-the-payer-0001"),
        ("express", "chosen-by-the-payer-0001"),
        ("hono", None),
    ],
    indirect=["shop"],
)
def test_twenty_requests_at_once_are_served_one_page(
    shop: Sequence[str], run: Run, open_shop: OpenShop, identifier: str | None
) -> None:
    running = run(real_time=True, devnet__block_seconds=0.5, settlement__wait_seconds=5)
    client = Crowd(open_shop(shop, running), {}, None, 60)
    client.identifier = identifier
    assert pay(client, running).answer.status == 200
    assert Counter(answer.status for answer in client.answers) == {200: 1, 402: 19}
    assert sum(b"sunny" in answer.body for answer in client.answers) == 1
    later = client.send({SENT: client.header})
    assert (later.status, later.body.count(b"sunny")) == (402, 0)


def test_a_payment_whose_page_cannot_be_made_is_given_up(
    shop: Sequence[str], run: Run, open_shop: OpenShop
) -> None:
    """The wallet has one UTxO, and pays again at once: here, or at another merchant."""
    running = run(real_time=True, devnet__block_seconds=0.2)
    wallet = Wallet("with one output")
    ref = running.devnet.fund(wallet.address, 50_000_000)
    url = open_shop(shop, running)
    client = KeepsPayment(f"{url}?day=someday", {}, None, 60)
    refused = pay(client, running, wallet)
    assert refused.answer.status == 404, refused
    assert refused.transaction_id is not None
    assert not running.facilitator.storage.is_reserved(refused.transaction_id, time.time())
    assert isinstance(running.devnet.transaction(refused.transaction_id), NotFound)
    elsewhere = requirements(pay_to=BOB.address)
    signed = Signer(NETWORK, wallet, running.devnet, SystemClock()).sign(elsewhere)
    assert signed.inputs == {ref}
    payload = json.loads(base64.b64decode(signed.header))
    offered = {"x402Version": 2, "paymentPayload": payload, "paymentRequirements": elsewhere}
    verdict = running.verify(offered)
    assert verdict["isValid"]
    assert "extra" not in verdict  # no hold of the first payment is left
    assert pay(Client(url, {}, None, 60), running, wallet).answer.status == 200
