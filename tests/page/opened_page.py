"""The page in a browser, driven and read as a reader would: by pointer, keys, text and pixels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

Color = tuple[int, int, int]

_NEXT_FRAMES = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));"
_PIXEL = """
const [row, time] = arguments;
const { timeline, view } = coroscope;
const { geometry, canvas } = timeline;
const bar = geometry.bar(view.positionOf(row));
const left = Math.round(geometry.gutter * geometry.ratio);
const nsPerPixel = view.camera.span / (canvas.width - left);
const x = left + Math.floor((time - view.camera.start) / nsPerPixel);
const y = Math.round((bar.top + bar.height / 2) * geometry.ratio);
return [...timeline.context.getImageData(x, y, 1, 1).data.slice(0, 3)];
"""
_POINT = """
const [row, time] = arguments;
const { geometry } = coroscope.timeline;
const bar = geometry.bar(coroscope.view.positionOf(row));
return [time === null ? 20 : geometry.x(time), bar.top + bar.height / 2];
"""
_ROWS = """
const { view, model } = coroscope;
const title = (entry) => (entry >= 0 ? model.name(entry) : `[${view.groups.title(-2 - entry)}]`);
return [...Array(view.rowCount).keys()].map((position) => title(view.rowAt(position)));
"""


class OpenedPage:
    """A loaded page. Rows count from 0 in order of creation; times are nanoseconds."""

    def __init__(
        self,
        browser: WebDriver,
        path: Path,
        *,
        fragment: str = "",
        scheme: str = "light",
        width: int = 1280,
        height: int = 800,
    ) -> None:
        self.browser = browser
        self.use_scheme(scheme, settle=False)
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get("about:blank")  # so that another fragment of the same file loads anew
        self.console()
        self.requests()
        browser.get(f"{path.as_uri()}{'#' + fragment if fragment else ''}")
        WebDriverWait(browser, 30).until(lambda _: self.run("return document.documentElement.dataset.state"))
        self.settle()

    def run(self, script: str, *arguments: object) -> Any:
        return self.browser.execute_script(script, *arguments)

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.browser.execute_async_script(_NEXT_FRAMES)

    def use_scheme(self, scheme: str, *, settle: bool = True) -> None:
        """Have the system prefer light or dark, and no motion: a colour on its way to another one is neither."""
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        if settle:
            self.settle()

    # What the page shows

    @property
    def state(self) -> str:
        return str(self.run("return document.documentElement.dataset.state"))

    @property
    def row_count(self) -> int:
        return int(self.run("return coroscope.view.rowCount"))

    @property
    def window(self) -> tuple[float, float]:
        start, end = self.run("return [coroscope.view.camera.start, coroscope.view.camera.end]")
        return start, end

    @property
    def selected_row(self) -> int:
        return int(self.run("return coroscope.view.selected"))

    @property
    def cursor_row(self) -> int:
        return int(self.run("return coroscope.view.cursor"))

    @property
    def has_panel_focus(self) -> bool:
        return bool(self.run("return document.activeElement.id === 'panel'"))

    @property
    def visible_rows(self) -> tuple[int, int]:
        """The first and the last row in view, of those that the search keeps."""
        first, last = self.run("return coroscope.timeline.geometry.visible(coroscope.view.rowCount)")
        return first, last

    @property
    def rows(self) -> list[str]:
        """What stands at each position: a task's name, or a group's title in brackets."""
        rows: list[str] = self.run(_ROWS)
        return rows

    @property
    def statistics(self) -> list[list[str]]:
        """The cells of each listed coroutine; none while the table is closed."""
        rows = self.elements("#statistics:not([hidden]) tbody tr")
        return [[cell.text for cell in row.find_elements(By.CSS_SELECTOR, "th, td")] for row in rows]

    @property
    def announcement(self) -> str:
        """What a screen reader was last told."""
        return str(self.element("#announcer").get_attribute("textContent"))

    @property
    def fragment(self) -> str:
        """The part of the address after "#", once it has settled."""
        self.browser.execute_async_script("setTimeout(arguments[0], 300)")
        return str(self.run("return location.hash.slice(1)"))

    @property
    def panel(self) -> str:
        return self.element("#panel").text

    def element(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def elements(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def pixel(self, row: int, time_ns: float) -> Color:
        """The colour in the middle of a row's bar at a moment."""
        red, green, blue = self.run(_PIXEL, row, time_ns)
        return red, green, blue

    def color(self, name: str) -> Color:
        """A colour of the style sheet as it now applies."""
        script = "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0])"
        text = self.run(script, f"--{name}").strip().lstrip("#")
        return int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16)

    # What a reader does

    def show(self, start_ns: float, end_ns: float) -> None:
        """Have the window at exactly this time."""
        self.run("coroscope.view.camera.show(...arguments); coroscope.view.changed()", start_ns, end_ns)
        self.settle()

    def click_bar(self, row: int, time_ns: float | None) -> None:
        """Click on a row's bar at a moment, or on its label for `None`."""
        self._chain_at(row, time_ns).click().perform()
        self.settle()

    def click_position(self, position: int) -> None:
        """Click at the left of whatever stands at a position: the head of a group, or a task's label."""
        y = self.run("return coroscope.timeline.geometry.rowTop(arguments[0]) + 4", position)
        canvas = self.element("#timeline")
        dx, dy = round(20 - canvas.size["width"] / 2), round(y - canvas.size["height"] / 2)
        ActionChains(self.browser).move_to_element_with_offset(canvas, dx, dy).click().perform()
        self.settle()

    def hover_bar(self, row: int, time_ns: float) -> None:
        self._chain_at(row, time_ns).perform()
        self.settle()

    def drag_timeline(self, dx: int, dy: int) -> None:
        chain = ActionChains(self.browser).move_to_element(self.element("#timeline"))
        chain.click_and_hold().move_by_offset(dx // 2, dy // 2).move_by_offset(dx - dx // 2, dy - dy // 2)
        chain.release().perform()
        self.settle()

    def _chain_at(self, row: int, time_ns: float | None) -> ActionChains:
        x, y = self.run(_POINT, row, time_ns)
        canvas = self.element("#timeline")
        dx = round(x - canvas.size["width"] / 2)  # offsets count from the middle
        dy = round(y - canvas.size["height"] / 2)
        return ActionChains(self.browser).move_to_element_with_offset(canvas, dx, dy)

    def press(self, *keys: str) -> None:
        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()
        self.settle()

    def click(self, selector: str) -> None:
        self.element(selector).click()
        self.settle()

    def focus_button(self, text: str) -> None:
        """Press Tab from the timeline until a button with `text` in it has the focus."""
        self.run("document.getElementById('timeline').focus()")
        for _ in range(100):
            self.press(Keys.TAB)
            if text in str(self.run("return document.activeElement.innerText")):
                return
        raise AssertionError(f"Tab never comes to a button with {text!r} in it")

    def click_text(self, text: str) -> None:
        """Click the first button of the panel that has `text` in it."""
        button = next(b for b in self.elements("#panel button") if text in b.text)
        self.run("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
        self.settle()

    def pinch(self, before: int, after: int) -> None:
        """Two fingers on the middle of the timeline, moved from `before` to `after` pixels apart."""
        box = self.element("#timeline").rect
        middle, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

        def touch(kind: str, apart: float | None) -> None:
            fingers = (
                [] if apart is None else [{"x": middle + s * apart / 2, "y": y, "id": s} for s in (-1, 1)]
            )
            self.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

        touch("touchStart", before)
        touch("touchMove", (before + after) / 2)
        touch("touchMove", after)
        touch("touchEnd", None)
        self.settle()

    # What it must not do

    def console(self) -> list[str]:
        """Everything the browser complained about since the page began to load."""
        return [entry["message"] for entry in self._log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for since the page began to load."""
        messages = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        sent = [message for message in messages if message["method"] == "Network.requestWillBeSent"]
        return [message["params"]["request"]["url"] for message in sent]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        """Take the entries since the last time out of one of the browser's logs."""
        return list(self.browser.get_log(kind))  # type: ignore[no-untyped-call]
