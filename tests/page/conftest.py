"""A headless Chromium for the tests that look at the page as a reader does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.webdriver import WebDriver

from coroscope.analysis.findings import Finding
from coroscope.trace.model import Trace
from coroscope.views.page import Comparison, write_page
from tests.page.opened_page import OpenedPage

_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--window-size=1280,800",
)

Open = Callable[..., OpenedPage]


@pytest.fixture(scope="session")
def browser() -> Iterator[WebDriver]:
    """One browser for the whole run; without Chromium the test is skipped, or fails where it is required."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        reason = "chromium and chromedriver are not on PATH, so the page cannot be opened"
        if os.environ.get("COROSCOPE_REQUIRE_CHROMIUM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    started.set_script_timeout(30)
    yield started
    started.quit()


@pytest.fixture
def open_page(browser: WebDriver, tmp_path: Path) -> Open:
    """Write a trace's page and open it; `fragment`, `scheme` and `width` say how."""

    def open_it(
        trace: Trace,
        *,
        slow_ms: float = 100.0,
        findings: Sequence[Finding] = (),
        comparison: Comparison | None = None,
        **how: object,
    ) -> OpenedPage:
        path = tmp_path / "page.html"
        write_page(trace, path, slow_ms=slow_ms, findings=findings, comparison=comparison)
        return OpenedPage(browser, path, **how)  # type: ignore[arg-type]

    return open_it
