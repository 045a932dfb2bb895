"""The dashboard, looked at as a person would, without any network.

With ``FACILITATOR_TEST_SCREENSHOTS`` the screenshots are written to the folder that it names.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from browser.dashboard import (
    KEY,
    MARKUP,
    NARROW,
    SCRIPT_URL,
    WIDE,
    Page,
    count_calls,
    ledger_of,
    records,
    refusals,
)
from facilitator.testing.clock import ManualClock
from facilitator.testing.payment_ledger import NOON, submitted
from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.running import Running
from facilitator.testing.waiting import eventually

SHOWN = (
    *("USDM", "of policy c4c4c4c4", "library", "without an API key", "nine of ten within"),
    *("duplicate_settlement", "healthy", "Followers of chains"),
    "blockfrost, cardano:preprod",
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = {
        "FACILITATOR_PLUGINS": "devnet,memory,prometheus,dashboard",
        "FACILITATOR_AUTH__OPERATOR_KEYS__ANNA": KEY,
    }
    clock = ManualClock(NOON + 3_600)
    running = Running(tmp_path_factory.mktemp("dashboard"), settings=settings, clock=clock)
    ledger_of(running).record(list(records()))
    ledger_of(running).count_refusals(refusals())
    count_calls(running)
    yield running
    running.close()


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = os.environ.get("FACILITATOR_TEST_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def page(browser: Chrome, running: Running) -> Iterator[Page]:
    page = Page(browser, running)
    yield page
    page.media()
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [
        ("light", WIDE, "light"),
        ("dark", WIDE, "dark"),
        ("narrow", NARROW, "light"),
    ],
)
def test_the_overview_shows_all_there_is(
    page: Page, screenshots: Path, name: str, size: tuple[int, int], scheme: str
) -> None:
    page.size(size)
    page.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    page.open()
    page.until("document.querySelectorAll('#live ~ div tbody tr').length === 10")
    page.until("document.querySelectorAll('svg .bar').length === 9 + 3")
    page.until("document.querySelectorAll('#health ~ div tbody tr').length >= 3")
    page.until("document.querySelector('#upstream ~ div table') !== null")
    text = page.find("main").text
    for words in SHOWN:
        assert words in text
    calls = page.find("#upstream ~ div tbody").text.split()
    assert [each for each in calls if each[-1:].isdigit()][-3:] == ["9", "2", "49,000"]
    # No horizontal scrolling, at 360 pixels neither.
    assert page.until("document.documentElement.scrollWidth <= window.innerWidth")
    page.shoot(screenshots / f"overview-{name}.png")
    page.check_clean()


def test_hostile_text_stays_text(page: Page, running: Running, screenshots: Path) -> None:
    page.open("#/payments")
    text = page.find("main table").text
    assert MARKUP in text
    assert SCRIPT_URL in text
    assert "https://shop.example/\\u{202e}gpj.exe" in text
    links = {each.get_attribute("href") for each in page.all("main a")}
    assert all(each and each.startswith(f"{running.url}/dashboard#/") for each in links)
    page.shoot(screenshots / "payments-light.png")
    for number, words in (
        (50, MARKUP),
        (51, SCRIPT_URL),
        (60, f"Rejected: BadInputsUTxO {MARKUP}"),
    ):
        page.open(f"#/payments/{number:064x}")
        page.find(".timeline li")
        assert words in page.find("main").text
        assert page.all("main a") == []
    page.check_clean()


FETCH_ELSEWHERE = """
    const done = arguments[0];
    addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
    fetch("http://127.0.0.2:9/").catch(() => null);
"""
MAKE_HTML = """
    try { document.body.innerHTML = "<b>x</b>"; } catch (error) { return error.name; }
"""


def test_the_browser_refuses_what_the_page_never_does(page: Page, browser: Chrome) -> None:
    page.open()
    page.find("#live ~ div tbody tr")
    assert browser.execute_async_script(FETCH_ELSEWHERE) == "connect-src"
    assert browser.execute_script(MAKE_HTML) == "TypeError"
    with pytest.raises(AssertionError):  # it would have been noticed
        page.check_clean()


def test_a_search_is_found_again_and_goes_on(page: Page) -> None:
    page.open("#/payments")
    page.find("main table")
    Select(page.find("#by-state")).select_by_visible_text("settled")
    page.find("#by-asset").send_keys("lovelace")
    page.find("#by-asset").send_keys(Keys.ENTER)
    page.until("document.querySelectorAll('tbody .settled').length === 25")
    assert page.browser.current_url.endswith("#/payments?state=settled&asset=lovelace")
    more = page.find("main section > button")
    more.send_keys(Keys.ENTER)
    page.until("document.querySelectorAll('tbody tr').length === 35")
    page.until("document.activeElement === document.querySelectorAll('tbody a')[25]")
    assert not page.browser.execute_script("return document.querySelector('main section > button')")
    page.browser.refresh()
    page.until("document.querySelectorAll('tbody .settled').length === 25")
    assert Select(page.find("#by-state")).first_selected_option.text == "settled"
    page.check_clean()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_payment_has_its_story_and_its_transaction(
    page: Page, running: Running, screenshots: Path, size: tuple[int, int]
) -> None:
    body = Payer(running).body()
    transaction = transaction_id(body)
    running.settle(body, Prefer="wait=0")
    events = ledger_of(running).events
    eventually(lambda: any(each.accepted for each in events(transaction)))
    page.size(size)
    page.open(f"#/payments/{transaction}")
    story = page.find(".timeline").text
    assert "Announced: the transaction is about to be sent to a node." in story
    assert "Accepted by a node." in story
    page.find("#transaction ~ button").click()
    page.find("#transaction ~ div summary").click()
    assert "value not conserved" in page.find("#transaction ~ div table").text
    assert page.find("#transaction ~ div dl").text.count("signed") == 1
    assert page.until("document.documentElement.scrollWidth <= window.innerWidth")
    page.shoot(screenshots / f"payment-{'wide' if size == WIDE else 'narrow'}.png")
    page.check_clean()


def test_a_story_ends_with_the_delivery(page: Page) -> None:
    page.open(f"#/payments/{1:064x}")
    *_, when, first, second, third, last = page.find(".timeline").text.splitlines()
    assert when.endswith(" +5.5 s")
    assert [first, second, third, last] == [
        "Accepted by a node.",
        "Seen in block 7 at depth 3.",
        "Settled at depth 3; success was promised at depth 1.",
        "Success delivered to 192.0.2.7 by request 9a2b.",
    ]


def test_new_payments_come_in_and_are_announced(page: Page, running: Running) -> None:
    page.open()
    page.until("document.querySelectorAll('#live ~ div tbody tr').length === 10")
    ledger_of(running).record([submitted(80, NOON + 3_700, "7500000")])
    page.until("document.querySelector('#live ~ div tbody tr').textContent.includes('7.500000')")
    said = "1 payment changed; one of 7.500000 ada is submitted."
    page.until("document.getElementById('news').textContent === arguments[0]", said)
    # The focus stays where it is while the table changes.
    place = page.find("#live ~ div tbody a")
    page.browser.execute_script("arguments[0].focus()", place)
    focused = place.get_attribute("id")
    ledger_of(running).record([submitted(81, NOON + 3_701, "8500000")])
    page.until("document.querySelector('#live ~ div tbody tr').textContent.includes('8.500000')")
    assert page.browser.execute_script("return document.activeElement.id") == focused
    page.check_clean()


def test_every_part_is_reached_by_the_keyboard(page: Page) -> None:
    page.open()
    page.until("document.querySelectorAll('svg .bar').length === 9 + 3")
    press = page.browser.switch_to.active_element
    press.send_keys(Keys.TAB)
    assert page.browser.switch_to.active_element.text == "Skip to the content"
    page.browser.switch_to.active_element.send_keys(Keys.ENTER)
    page.until("document.activeElement === document.getElementById('content')")
    seen = []
    for _ in range(60):
        page.browser.switch_to.active_element.send_keys(Keys.TAB)
        script = (
            "const at = document.activeElement; return [at.tagName, at.id,"
            " getComputedStyle(at).outlineStyle, at.matches(':focus-visible')]"
        )
        tag, name, outline, is_visible = page.browser.execute_script(script)
        if tag == "BODY":
            break
        assert (outline, is_visible) == ("solid", True), (tag, name)
        seen.append(name or tag)
    assert sum(each.startswith("of-") for each in seen) == 10
    assert {"times-chart-open", "refused-chart-open", "BUTTON"} <= set(seen)
    page.find("#refused-chart-open").send_keys(Keys.ENTER)
    assert "unauthorized" in page.find("#refused-chart-table table").text
    page.find(f"#of-{60:064x}").send_keys(Keys.ENTER)
    page.until("document.activeElement.tagName === 'H1' && document.title.startsWith('Payment ')")
    page.check_clean()


def test_what_a_screen_reader_needs_is_there(page: Page) -> None:
    page.open()
    page.until("document.querySelectorAll('svg .bar').length === 9 + 3")
    for landmark in (
        "header",
        "nav[aria-label]",
        "main",
        "footer",
        "[role=status][aria-live=polite]",
    ):
        assert page.find(landmark)
    unnamed = (
        "[...document.querySelectorAll('svg')].filter((each) => each.getAttribute('role') !== 'img'"
        " || each.getAttribute('aria-labelledby').split(' ')"
        ".some((id) => !document.getElementById(id)?.textContent)).length === 0"
    )
    assert page.until(unnamed)
    for table in page.all("main table"):
        assert table.find_element(By.CSS_SELECTOR, "caption")
        heads = table.find_elements(By.CSS_SELECTOR, "th")
        assert heads
        assert all(each.get_attribute("scope") == "col" for each in heads)


def test_a_key_is_asked_for_once_and_sent_in_a_header(page: Page, browser: Chrome) -> None:
    # As behind a proxy: then this machine's own right does not count.
    browser.execute_cdp_cmd("Network.enable", {})
    forwarded = {"headers": {"X-Forwarded-For": "203.0.113.7"}}
    browser.execute_cdp_cmd("Network.setExtraHTTPHeaders", forwarded)
    try:
        page.open("#/payments")
        page.find("#key").send_keys("not-the-key", Keys.ENTER)
        page.until("document.querySelector('#key-why[role=alert]') !== null")
        page.find("#key").send_keys(KEY, Keys.ENTER)
        page.find("main table")
        browser.refresh()
        page.find("main table")
        assert KEY not in browser.page_source
        page.find("#forget").click()
        page.find("#key")
        assert browser.execute_script("return sessionStorage.length") == 0
    finally:
        browser.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {}})
        browser.execute("getLog", {"type": "browser"})  # 401 is logged, as it must be
