"""The dashboard in a browser window, over a ledger with payments of every state."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from facilitator.plugin import (
    QUOTA_REMAINING,
    UPSTREAM_REQUESTS,
    Claim,
    ClaimState,
    PaymentLedger,
    RefusalCount,
)
from facilitator.testing.payment_ledger import DAY, DETAILS, NOON, delivered, settled, submitted
from facilitator.testing.running import NETWORK, Running

KEY = "an-operator-s-key-of-the-tests"
MARKUP = '"><img src=x onerror="document.title=\'owned\'">'
SCRIPT_URL = "javascript:document.title='owned'"
TURNED = "https://shop.example/\u202egpj.exe"
TOKEN = f"{'c4' * 28}.{b'USDM'.hex()}"
NARROW, WIDE = (360, 780), (1100, 1600)


def records() -> Iterator[Claim]:
    """Forty settled payments of a week, and some of every other state, by hostile payers too."""
    for number in range(1, 41):
        caller = ("shop", "library", "")[number % 3]
        asset = TOKEN if number % 7 == 0 else "lovelace"
        details = replace(DETAILS, caller=caller, asset=asset)
        first = submitted(number, NOON - number * DAY / 6, f"{number * 1_234_567}", details)
        yield first
        done = settled(first)
        yield delivered(replace(done, updated_at=first.created_at + 4 + number * number / 2))
    for number, resource in enumerate((MARKUP, SCRIPT_URL, TURNED), start=50):
        details = replace(DETAILS, resource=resource, identifier=MARKUP, caller="")
        yield submitted(number, NOON + number, "2000000", details)
    rejected = submitted(60, NOON + 60)
    yield rejected
    yield rejected.changed(state=ClaimState.REJECTED, error=f"BadInputsUTxO {MARKUP}")
    waiting = submitted(61, NOON + 61)
    yield waiting
    block = {"block": "b" * 64, "block_slot": 5_000_000, "block_height": 71, "depth": 0}
    yield waiting.changed(state=ClaimState.INCLUDED, accepted=True, **block)


def refusals() -> list[RefusalCount]:
    day = "2024-10-04"
    reasons = ("invalid_exact_cardano_payload_ttl_expired", "duplicate_settlement", "unauthorized")
    return [
        RefusalCount(day, "verify", reason, "", 90 // index**2, NOON, f"Refused: {MARKUP}")
        for index, reason in enumerate(reasons, start=1)
    ]


def count_calls(running: Running) -> None:
    """Count as if a provider had made nine calls, and had some left."""
    meter, whose = running.facilitator.meter, {"provider": "blockfrost", "network": NETWORK}
    meter.count(UPSTREAM_REQUESTS, 7, **whose, endpoint="/txs/{hash}", status="200")
    meter.count(UPSTREAM_REQUESTS, 2, **whose, endpoint="/txs/{hash}", status="timeout")
    meter.gauge(QUOTA_REMAINING, lambda: 49_000, **whose)


def ledger_of(running: Running) -> PaymentLedger:
    ledger = running.facilitator.ledger
    assert ledger is not None
    return ledger


class Page:
    """The dashboard in the browser."""

    def __init__(self, browser: Chrome, running: Running) -> None:
        self.browser, self.url = browser, running.url
        browser.get("about:blank")
        self._logged()  # what the pages of other tests have left
        self.size(WIDE)
        self.media()

    def open(self, fragment: str = "#/") -> "Page":
        self.browser.get("about:blank")
        self.browser.get(f"{self.url}/dashboard{fragment}")
        return self

    def find(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """All elements that are there now."""
        script = "return [...document.querySelectorAll(arguments[0])]"
        found: list[WebElement] = self.browser.execute_script(script, selector)
        return found

    def until(self, script: str, *arguments: Any) -> Any:
        """Wait until the script's expression is true, and return it."""
        expression = f"return {script}"
        return WebDriverWait(self.browser, 60, poll_frequency=0.1).until(
            lambda browser: browser.execute_script(expression, *arguments)
        )

    def size(self, size: tuple[int, int]) -> None:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def media(self, **features: str) -> None:
        """Prefer what the features say, such as ``prefers_color_scheme="dark"``."""
        wanted = [
            {"name": name.replace("_", "-"), "value": each} for name, each in features.items()
        ]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})

    def shoot(self, path: Path) -> None:
        """Write a screenshot of the whole page."""
        height = self.browser.execute_script("return document.documentElement.scrollHeight")
        width = self.browser.execute_script("return window.innerWidth")
        self.size((width, max(400, height)))
        assert self.browser.save_screenshot(str(path))

    def _logged(self) -> list[dict[str, Any]]:
        """What the browser has logged since this was asked last."""
        return list(self.browser.execute("getLog", {"type": "browser"})["value"])

    def check_clean(self) -> None:
        """Nothing was refused by the policy, and nothing loaded from elsewhere."""
        script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
        loaded = self.browser.execute_script(script)
        assert f"{self.url}/dashboard/app.js" in loaded
        assert all(each.startswith(f"{self.url}/") for each in loaded), loaded
        logged = self._logged()
        assert not [each for each in logged if each["level"] in ("WARNING", "SEVERE")], logged
        assert "owned" not in self.browser.title
        assert not self.all("main img")
        assert KEY not in " ".join([self.browser.current_url, *loaded])
