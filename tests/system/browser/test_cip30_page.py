"""``examples/cip30-page``, in a browser, with the library that its README installs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions as expected
from selenium.webdriver.support.wait import WebDriverWait

from facilitator.testing.payments import BOB, MERCHANT
from facilitator.testing.redis_server import free_port
from facilitator.testing.running import Running
from support.npm import install_or_skip

EXAMPLES = Path(__file__).parents[3] / "examples"
EXAMPLE = EXAMPLES / "cip30-page"
WAIT_SECONDS = 60
FAULTS = {
    "enable: () => Promise.reject({ code: -3, info: 'user canceled connection' })": (
        "The wallet does not let this page ask it: user canceled connection"
    ),
    "getNetworkId: async () => 1": "on another network: choose cardano:preprod in it.",
    "getUtxos: async () => null": "The wallet has too little for the price and the fee",
    "signTx: () => { throw new Error('locked') }": "The wallet has failed: locked",
}
"""What a wallet does in place of what it should, and what the page then says."""
Run = Callable[..., Running]
OpenShop: TypeAlias = Callable[..., "Page"]


class Page:
    """The shop's page in the browser."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self._browser = browser
        self._wait = WebDriverWait(browser, WAIT_SECONDS)
        self.url = url
        browser.get(url)

    def click(self) -> None:
        """Choose the only wallet."""
        self._button().click()

    def replace(self, instead: str) -> None:
        """Have the wallet do this in place of what it does."""
        self._button()
        self._browser.execute_script(
            "const { name, enable } = (window.devnet ??= window.cardano.devnet);"
            f"const instead = {{ {instead} }};"
            "const api = async () => ({ ...(await enable()), ...instead });"
            "window.cardano.devnet = { name, enable: api, ...instead };"
        )

    def _button(self) -> WebElement:
        """The wallet's button, once the page is done with the click before."""
        button = (By.CSS_SELECTOR, "#wallets button")
        return self._wait.until(expected.element_to_be_clickable(button))

    def sign(self, *, agrees: bool) -> None:
        question = self._wait.until(expected.alert_is_present())
        assert question.text == "Sign the payment?"
        (question.accept if agrees else question.dismiss)()

    def loaded(self) -> list[str]:
        script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
        return list(self._browser.execute_script(script))

    def says(self, text: str) -> str:
        """The message, once it holds the text."""
        message = (By.ID, "message")
        self._wait.until(expected.text_to_be_present_in_element(message, text))
        return self._browser.find_element(*message).text


def copy(parent: Path) -> Path:
    """The example, without what it needs."""
    ignore = shutil.ignore_patterns("node_modules")
    return Path(shutil.copytree(EXAMPLE, parent / EXAMPLE.name, ignore=ignore))


def environ(blockfrost: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(EXAMPLES), "BLOCKFROST_URL": blockfrost}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """The example, with what it needs."""
    cache = pytestconfig.rootpath / ".pytest_cache" / "npm"
    cache.mkdir(parents=True, exist_ok=True)
    modules = install_or_skip(EXAMPLE, cache)
    folder = copy(tmp_path_factory.mktemp("page"))
    (folder / "node_modules").symlink_to(modules)
    return folder


@pytest.fixture
def open_shop(folder: Path, browser: Chrome) -> Iterator[OpenShop]:
    """Start the shop beside a facilitator, and open its page."""
    with ExitStack() as stack:

        def start(running: Running, blockfrost: str, *words: str) -> Page:
            process = stack.enter_context(
                subprocess.Popen(
                    [
                        *(sys.executable, "server.py", MERCHANT.bech32, "--port", "0"),
                        *("--facilitator", running.url, *words),
                    ],
                    cwd=folder,
                    env=environ(blockfrost),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            return Page(browser, process.stdout.readline().removeprefix("selling at ").strip())

        yield start


def test_a_wallet_in_the_browser_pays(run: Run, open_shop: OpenShop) -> None:
    listen = f"127.0.0.1:{free_port()}"
    running = run(real_time=True, devnet__block_seconds=1, devnet__listen=listen)
    had = running.devnet.outputs_at(BOB.address)
    page = open_shop(running, f"http://{listen}", "--devnet-wallet")

    page.click()
    page.sign(agrees=False)
    page.says("You declined to sign, and nothing was paid: user declined sign tx")
    assert running.devnet.outputs_at(BOB.address) == had

    page.click()
    page.sign(agrees=True)
    bought = page.says("sunny, 24 degrees")
    paid = bought.split()[-1].rstrip(")")
    status = running.call("GET", f"/status/{paid}")[1]
    assert (status["status"], status["settled"]) == ("confirmed", True)
    assert all(url.startswith(page.url) for url in page.loaded())


def test_what_a_wallet_cannot_do_is_said(run: Run, open_shop: OpenShop) -> None:
    listen = f"127.0.0.1:{free_port()}"
    running = run(real_time=True, devnet__listen=listen)
    assert open_shop(running, f"http://{listen}").says("There is no Cardano wallet in this browser")
    page = open_shop(running, f"http://{listen}", "--devnet-wallet")
    for instead, says in FAULTS.items():
        page.replace(instead)
        page.click()
        page.says(says)
    page.replace("")
    page.click()
    page.sign(agrees=True)
    page.says("Waiting for the transaction")

    page = open_shop(running, f"http://127.0.0.1:{free_port()}", "--devnet-wallet")
    page.replace("getUtxos: async () => []")
    page.click()
    page.says("The chain could not be asked, try again.")


def test_a_library_that_is_not_installed_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "server.py", MERCHANT.bech32],
        cwd=copy(tmp_path),
        env=environ("http://127.0.0.1:1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.endswith("the page's library is missing: run npm ci --ignore-scripts\n")
