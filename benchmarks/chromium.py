"""Pages in a headless Chromium, for what measures them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

LIMIT_S = 3600
"""So long a page may take to open, and to do what is asked of it."""
_ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu")


@contextmanager
def opened(page: Path, window: str, *, remedy: str = "install them") -> Iterator[tuple[WebDriver, float]]:
    """A browser with a window of so many pixels, such as "1280x800", and the seconds until the page was ready in it."""
    with _browser(window, remedy) as browser:
        browser.set_page_load_timeout(LIMIT_S)
        browser.set_script_timeout(LIMIT_S)
        browser.get("about:blank")
        begun_s = time.perf_counter()
        browser.get(page.as_uri())
        while not (state := browser.execute_script("return document.documentElement.dataset.state")):
            if time.perf_counter() - begun_s > LIMIT_S:
                raise SystemExit("the page did not open")
        opened_s = time.perf_counter() - begun_s
        if state != "ready":
            raise SystemExit("the page could not show what it was to show")
        yield browser, opened_s


def _browser(window: str, remedy: str) -> WebDriver:
    from selenium import webdriver

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        raise SystemExit(f"chromium and chromedriver are not on PATH: {remedy}")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (*_ARGUMENTS, f"--window-size={window.replace('x', ',')}"):
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
