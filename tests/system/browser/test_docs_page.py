"""The page at ``/docs``, used as a person would, without any network."""

import json
from collections.abc import Callable
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from facilitator.api.openapi import examples
from facilitator.testing.running import Running

Run = Callable[..., Running]


class Page:
    """The page of a facilitator."""

    def __init__(self, browser: Chrome, running: Running, fragment: str = "") -> None:
        self._browser = browser
        # A page that differs in the fragment only would not be loaded again.
        browser.get("about:blank")
        self._logged()  # what the pages of other tests have left
        browser.get(f"{running.url}/docs{fragment}")

    def find(self, selector: str) -> WebElement:
        return self._browser.find_element(By.CSS_SELECTOR, selector)

    def open(self, operation: str) -> None:
        self.find(f"#{operation} > summary").click()

    def send(self, operation: str) -> tuple[int, Any]:
        """Press the button; status and body that the page then shows."""
        self.find(f"#{operation} .send").click()
        status = self.find(f"#{operation} .status").text
        return int(status), json.loads(self.find(f"#{operation} .body").text)

    def _logged(self) -> list[dict[str, Any]]:
        """What the browser has logged since this was asked last."""
        return list(self._browser.execute("getLog", {"type": "browser"})["value"])

    def check_clean(self, running: Running) -> None:
        """Nothing was refused by the policy, and nothing loaded from elsewhere."""
        script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
        loaded = self._browser.execute_script(script)
        assert f"{running.url}/openapi.json" in loaded
        assert all(url.startswith(running.url) for url in loaded)
        logged = self._logged()
        assert not [entry for entry in logged if entry["level"] in ("WARNING", "SEVERE")], logged


def test_supported_is_asked_from_the_page(browser: Chrome, run: Run) -> None:
    running = run()
    page = Page(browser, running)
    page.open("supported")
    assert page.send("supported") == (200, running.facilitator.service.supported())
    page.check_clean(running)


def test_every_operation_and_answer_opens(browser: Chrome, run: Run) -> None:
    running = run(inspect__enabled="true")
    page = Page(browser, running)
    _, document = running.call("GET", "/openapi.json")
    page.find("#supported")
    shown = browser.find_elements(By.CSS_SELECTOR, ".operation")
    items = document["paths"].values()
    described = [operation["operationId"] for item in items for operation in item.values()]
    assert sorted(each.get_attribute("id") or "" for each in shown) == sorted(described)
    # Three times, since what opens holds more that can be opened.
    script = "document.querySelectorAll('details').forEach((each) => { each.open = true })"
    for _ in range(3):
        browser.execute_script(script)
    text = page.find("main").text
    for word in ("maxTimeoutSeconds", "settlement_pending", "minimumLovelace", "Retry-After"):
        assert word in text
    page.check_clean(running)


def test_a_payment_is_verified_from_the_page_with_a_key(browser: Chrome, run: Run) -> None:
    running = run(auth__api_keys__shop="s3cret-shop")
    page = Page(browser, running, "#verify")
    status, refusal = page.send("verify")
    assert (status, refusal["invalidReason"]) == (401, "unauthorized")
    page.find("#key").send_keys("s3cret-shop")
    assert page.send("verify") == (200, examples.VALID)
    browser.find_elements(By.CSS_SELECTOR, "#verify button")[-1].click()
    shown = page.find("#verify .output pre").text
    assert "Authorization: Bearer KEY" in shown
    assert "s3cret" not in shown
