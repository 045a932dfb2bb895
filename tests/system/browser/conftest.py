"""Chromium, steered through chromedriver, with nothing to reach but this machine."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

NEEDED = ("chromium", "chromedriver")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
    "--window-size=1100,1600",
)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A window. Without Chromium the test is skipped, except where the variable ``CI`` is set."""
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing:
        why = f"{' and '.join(missing)} not installed"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    profile: Path = tmp_path_factory.mktemp("profile")
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(str(shutil.which("chromedriver")))
    window = webdriver.Chrome(options=options, service=service)
    window.implicitly_wait(20)
    yield window
    window.quit()
