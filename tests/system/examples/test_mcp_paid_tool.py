"""``examples/mcp-paid-tool``, in the environment that its README installs."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from facilitator.testing.http import call
from facilitator.testing.payments import MERCHANT, Payer, request_body
from facilitator.testing.redis_server import free_port
from facilitator.testing.running import Running
from facilitator.testing.threads import together
from facilitator.testing.waiting import eventually
from support.readme import install_as_written
from wallet_sdks.conftest import SEED
from wallet_sdks.open_devnet import OpenDevnet

EXAMPLES = Path(__file__).parents[3] / "examples"
EXAMPLE = EXAMPLES / "mcp-paid-tool"
PATHS = os.pathsep.join(str(EXAMPLES / each) for each in ("charge-with-sdk", "pay-with-python"))
ENVIRON = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
OF_SEED = (
    "addr_test1qq4jrrcfzylccwgqu3su865es52jkf7yzrdu9cw3z84nycnn3zz9lvqj7vs95tej896xkekzkufhpuk64ja7p"
    "ga2g8ksdf8km4"
)
"""The first address of the seed phrase."""
Run = Callable[..., Running]
Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_as_written(EXAMPLE / "README.md", tmp_path_factory.mktemp("mcp"), "server.py")


@pytest.fixture
def start(python: Path) -> Iterator[Start]:
    """Start a script with these words and variables."""
    with ExitStack() as stack:

        def popen(*words: str, **environ: str) -> "subprocess.Popen[str]":
            process = stack.enter_context(
                subprocess.Popen(
                    [str(python), *words],
                    cwd=EXAMPLE,
                    env={**ENVIRON, "PYTHONPATH": PATHS, **environ},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            return process

        yield popen


class Tool:
    """The example's tool, until it ends."""

    def __init__(self, start: Start, running: Running) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        process = start("server.py", MERCHANT.bech32, str(self.port), running.url)
        assert process.stdout is not None
        assert process.stdout.readline() == f"the tool forecast is at {self.url}\n"
        eventually(self._listens)

    def _listens(self) -> bool:
        try:
            call(self.port, "GET", "/")
        except ConnectionRefusedError:
            return False
        except json.JSONDecodeError:
            pass
        return True

    def call(self, payment: object = None, **arguments: str) -> dict[str, Any]:
        """The result of a call: one request, as the transport of MCP has it."""
        meta = {} if payment is None else {"_meta": {"x402/payment": payment}}
        params = {"name": "forecast", "arguments": arguments, **meta}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        accept = {"Accept": "application/json, text/event-stream"}
        status, answer = call(self.port, "POST", "/mcp", body, accept)
        assert status == 200, answer
        return dict(answer["result"])


def payment_for(result: Mapping[str, Any], payer: Payer, asset: str) -> dict[str, Any]:
    (terms,) = (each for each in result["structuredContent"]["accepts"] if each["asset"] == asset)
    payment = request_body(payer.transaction(terms), terms)["paymentPayload"]
    return {**payment, "resource": result["structuredContent"]["resource"]}


def test_a_client_pays_and_presents_a_pending_payment_again(start: Start, run: Run) -> None:
    listen = f"127.0.0.1:{free_port()}"
    running = run(real_time=True, devnet__listen=listen, settlement__wait_seconds=1)
    tool = Tool(start, running)
    environ = {"BLOCKFROST_URL": f"http://{listen}/api", "WALLET_SEED": SEED}

    poor = start("client.py", tool.url, "forecast", **environ)
    stdout, stderr = poor.communicate()
    assert (poor.returncode, stdout) == (1, "")
    assert stderr.startswith("nothing was paid, for the wallet holds too little: "), stderr
    assert stderr.count("\n") == 1

    OpenDevnet(f"http://{listen}").fund(OF_SEED, 100_000_000, {})
    rude = start("client.py", tool.url, "forecast\x1b[2J", **environ)
    stdout, stderr = rude.communicate()
    assert (rude.returncode, stdout) == (1, "")
    assert stderr == "Unknown tool: forecast\\x1b[2J\n"

    client = start("client.py", tool.url, "forecast", '{"day": "today"}', **environ)
    assert client.stderr is not None
    assert client.stderr.readline().startswith("paying 2000000 lovelace from ")
    assert client.stderr.readline() == "not settled yet: calling again with the same payment\n"
    for _ in range(3):
        running.next_block()
    stdout, stderr = client.communicate()
    assert (client.returncode, stdout) == (0, "rainy, 17 degrees\n"), stderr
    *_, receipt = stderr.splitlines()
    status = running.call("GET", f"/status/{receipt.split()[-1]}")[1]
    assert (status["status"], status["settled"]) == ("confirmed", True)


def test_a_payment_buys_one_answer(start: Start, run: Run) -> None:
    """Of twenty calls at once. A call that fails costs nothing, and frees the payment's inputs."""
    running = run(real_time=True, devnet__block_seconds=1, settlement__wait_seconds=5)
    tool = Tool(start, running)
    refused = tool.call()
    assert refused["isError"] is True
    assert json.loads(refused["content"][0]["text"]) == refused["structuredContent"]
    assert refused["structuredContent"]["resource"]["url"] == "mcp://tool/forecast"
    assets = [terms["asset"] for terms in refused["structuredContent"]["accepts"]]
    payer = Payer(running)

    given_up = payment_for(refused, payer, "lovelace")
    failed = tool.call(given_up, day="someday")
    assert failed["isError"] is True
    assert failed["content"][0]["text"] == "there is no forecast for 'someday'"
    body = {"paymentPayload": given_up, "paymentRequirements": given_up["accepted"]}
    assert running.call("POST", "/cancel", {"x402Version": 2, **body})[1]["cancelled"] is False

    for asset in assets:
        payment = payment_for(refused, payer, asset)
        answers = together([partial(tool.call, payment)] * 20)
        assert Counter(answer["isError"] for answer in answers) == {False: 1, True: 19}
        (sold,) = (answer for answer in answers if not answer["isError"])
        assert sold["content"][0]["text"] == "sunny, 24 degrees"
        assert sold["_meta"]["x402/payment-response"]["success"] is True
        assert sum("sunny" in json.dumps(answer) for answer in answers) == 1
    assert tool.call(payment)["structuredContent"]["error"] == "duplicate_settlement"


def test_a_facilitator_that_is_not_there_is_named(start: Start) -> None:
    server = start("server.py", MERCHANT.bech32, "0", f"http://127.0.0.1:{free_port()}")
    stdout, stderr = server.communicate()
    assert (server.returncode, stdout) == (1, "")
    assert stderr.startswith("the facilitator at http://127.0.0.1:"), stderr
    assert stderr.count("\n") == 1
