"""The API beside a facilitator that serves, and alone as a command."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from facilitator.testing.http import call
from facilitator_devnet.genesis import wallets
from support.blockfrost_api_client import BlockfrostApiClient
from support.process import ServeProcess

ALICE = wallets("cardano:preprod")["alice"].bech32
SECONDS = 120


def environ() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("FACILITATOR_")}


@contextmanager
def devnet_command(*options: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "facilitator", "devnet", *options],
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_runs_a_devnet_alone(number: signal.Signals) -> None:
    with devnet_command(
        "--network", "cardano:preview", "--listen", "127.0.0.1:0", "--block-seconds", "0", "--json"
    ) as process:
        started = json.loads(first_line(process))
        assert started["network"] == "cardano:preview"
        with BlockfrostApiClient(started["url"], project="previewAny") as client:
            assert client.get("/genesis")["network_magic"] == 2
            given = client.tell("POST", "faucet", address=ALICE, lovelace=3_000_000)
            assert client.get(f"/txs/{given['tx_hash']}")["block_height"] == 0
            assert client.tell("POST", "block")["height"] == 1
            assert client.get("/blocks/latest")["height"] == 1
            process.send_signal(number)
            assert process.wait(SECONDS) == 0


def test_the_command_makes_blocks_and_keeps_them(tmp_path: Path) -> None:
    options = ("--listen", "127.0.0.1:0", "--path", str(tmp_path / "devnet.sqlite"))
    with devnet_command(*options, "--block-seconds", "0.01") as process:
        url = re.fullmatch(
            r"the devnet for cardano:preprod listens on (\S+)\n", first_line(process)
        )
        assert url is not None
        with BlockfrostApiClient(url[1]) as client:
            while (latest := client.get("/blocks/latest"))["height"] < 3:
                pass
        process.terminate()
        assert process.wait(SECONDS) == 0
    with devnet_command(*options, "--block-seconds", "0", "--json") as process:
        with BlockfrostApiClient(json.loads(first_line(process))["url"]) as client:
            assert client.get(f"/blocks/{latest['hash']}")["height"] == latest["height"]
        process.terminate()
        assert process.wait(SECONDS) == 0


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--listen", "nowhere"), "must be host:port"),
        (("--listen", "127.0.0.1:65536"), "must be host:port"),
        (("--listen", "192.0.2.1:0"), "the devnet cannot listen on 192.0.2.1:0"),
        (("--block-seconds", "-1"), "--block-seconds must be between 0 and 86400"),
        (("--block-seconds", "nan"), "--block-seconds must be between 0 and 86400"),
        (("--path", "/nowhere/devnet.sqlite"), "the devnet cannot start"),
    ],
)
def test_the_command_says_why_it_cannot_start(options: tuple[str, ...], why: str) -> None:
    with devnet_command("--listen", "127.0.0.1:0", *options) as process:
        out, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert out == ""
    assert why in error
    assert "Traceback" not in error


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with devnet_command("--listen", listen) as process:
            _, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert f"the devnet cannot listen on {listen}: Address already in use" in error


def served(process: ServeProcess) -> dict[str, str]:
    """Where each network's devnet is served, by the log."""
    assert process.port
    log = "".join(process.lines)
    found = re.findall(r"the devnet for (\S+) is a Blockfrost API at (http://[\w.:]+)/api/v0", log)
    return dict(found)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., ServeProcess]]:
    """Start a facilitator with settings: ``serve(devnet__listen="127.0.0.1:0")``."""
    with ExitStack() as stack:

        def start(**settings: str) -> ServeProcess:
            variables = {f"FACILITATOR_{name.upper()}": value for name, value in settings.items()}
            process = ServeProcess(tmp_path, {"FACILITATOR_PLUGINS": "devnet,memory", **variables})
            stack.callback(process.close)
            return process

        yield start


def test_a_facilitator_serves_its_devnet(serve: Callable[..., ServeProcess]) -> None:
    process = serve(devnet__listen="127.0.0.1:0", devnet__block_seconds="0")
    urls = served(process)
    assert list(urls) == ["cardano:preprod"]
    port = urlsplit(urls["cardano:preprod"]).port
    with BlockfrostApiClient(urls["cardano:preprod"]) as client:
        client.tell("POST", "block")
        (name, *_) = client.get("/blocks/0/txs")
        assert client.get("/blocks/latest")["height"] == 1
    status, told = call(process.port, "GET", f"/status/{name}")
    assert (status, told["confirmations"]) == (200, 1)
    assert process.terminate() == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port or 0), timeout=SECONDS)


def test_each_network_has_a_port_of_its_own(serve: Callable[..., ServeProcess]) -> None:
    networks = "cardano:preprod,cardano:preview"
    process = serve(network=networks, devnet__listen="127.0.0.1:0")
    urls = served(process)
    assert ",".join(urls) == networks
    for network, url in urls.items():
        with BlockfrostApiClient(url, project=network.removeprefix("cardano:")) as client:
            assert client.get("/health") == {"is_healthy": True}


def test_networks_cannot_share_a_port(serve: Callable[..., ServeProcess]) -> None:
    process = serve(network="cardano:preprod,cardano:preview", devnet__listen="127.0.0.1:3999")
    assert process.wait() == 1
    assert "must end in :0" in "".join(process.lines)


def test_a_devnet_is_not_served_unless_asked(serve: Callable[..., ServeProcess]) -> None:
    assert served(serve()) == {}


def test_other_commands_do_not_listen(tmp_path: Path) -> None:
    """They make a devnet too, while another process may serve one at the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "facilitator", "check"],
            cwd=tmp_path,
            env={
                **environ(),
                "FACILITATOR_PLUGINS": "devnet,memory",
                "FACILITATOR_DEVNET__LISTEN": listen,
            },
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
