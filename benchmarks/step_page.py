"""How fast does the page of a million steps open, and how fast does it go to a step?

    python benchmarks/step_page.py [--steps N] [--programs NAME …] [--times N] [--keep FOLDER] [--window WxH]

Has `coroscope step --limit N --html` record programs of `stepping.py`, each in a process of its own, and opens each
page in a headless Chromium that draws in software. Printed are the page's size for each step, the time from navigation
until the page takes input, and how long it takes from an input of the scrubber, at a random place, until that step is
painted: the median, what 95 of 100 stay below, and the mean processor time of the page's thread, which hardly changes
with other load on the machine. Waiting for the screen's next frame does not count.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chromium import LIMIT_S, opened  # type: ignore[import-not-found]
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

PROGRAM = Path(__file__).with_name("stepping.py")
ARGUMENTS = {
    "fib": 25,
    "loop": 150_000,
    "words": 60_000,
    "bubbles": 400,
    "generators": 100_000,
    "trees": 6_000,
}
"""With which each program takes more than a million steps."""
_SCRUBBING = """
const [times, done] = arguments;
const { view, recording } = coroscope;
const scrubber = document.getElementById("scrubber");
const took = [];
let seed = 1;
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
const { port1, port2 } = new MessageChannel();
let begun, handled, drawing;
const input = () => {
  scrubber.value = Math.floor(random() * recording.count);
  // In this order, so that the page's own callback stands between: it was asked for in the one frame.
  requestAnimationFrame(() => { drawing = performance.now(); });
  begun = performance.now();
  scrubber.dispatchEvent(new Event("input"));
  handled = performance.now();
  // A message that is sent in a frame comes when that has been laid out and painted.
  requestAnimationFrame(() => port2.postMessage(null));
};
port1.onmessage = () => {
  took.push(handled - begun + performance.now() - drawing);
  if (view.step !== Number(scrubber.value)) throw new Error("the page did not go to the step");
  if (took.length === times) done(took);
  else input();
};
input();
"""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a page's reader waits for."""

    opened_s: float
    steps: int
    scrubs_ms: list[float]
    busy_ms: float


def write_page(name: str, steps: int, page: Path) -> None:
    """The page of one program's first `steps` steps."""
    command = [
        sys.executable,
        "-m",
        "coroscope",
        "step",
        "--limit",
        str(steps),
        "--rows",
        "1",
        "--html",
        str(page),
    ]
    program = [f"{PROGRAM}:{name}", str(ARGUMENTS[name])]
    done = subprocess.run([*command, *program], capture_output=True, text=True, timeout=LIMIT_S)
    if done.returncode != 0:
        raise SystemExit(f"the page could not be made:\n{done.stdout}{done.stderr}")


def open_page(page: Path, window: str, times: int) -> Opened:
    """Open it, and go to so many random steps."""
    with opened(page, window) as (browser, opened_s):
        steps = browser.execute_script("return coroscope.recording.count")
        before_s = _busy_s(browser)
        scrubs_ms = browser.execute_async_script(_SCRUBBING, times)
        return Opened(opened_s, steps, scrubs_ms, (_busy_s(browser) - before_s) / times * 1000)


def _busy_s(browser: WebDriver) -> float:
    """The processor time of the page's thread so far."""
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(float(each["value"]) for each in metrics if each["name"] == "TaskDuration")


def measure(options: argparse.Namespace, folder: Path) -> Table:
    """A line for each program."""
    table = Table(title=f"Pages of {options.steps:,} steps, gone through {options.times} times")
    table.add_column("program")
    for title in (
        "steps",
        "page",
        "bytes a step",
        "opened in",
        "a step, median",
        "95 of 100",
        "processor time",
    ):
        table.add_column(title, justify="right")
    for name in options.programs:
        page = folder / f"{name}.html"
        if not page.exists():
            write_page(name, options.steps, page)
        size = page.stat().st_size
        measured = open_page(page, options.window, options.times)
        *_, most = statistics.quantiles(measured.scrubs_ms, n=20)
        table.add_row(
            name,
            f"{measured.steps:,}",
            f"{size / 1e6:.2f} MB",
            f"{size / measured.steps:.2f}",
            f"{measured.opened_s:.2f} s",
            f"{statistics.median(measured.scrubs_ms):.1f} ms",
            f"{most:.1f} ms",
            f"{measured.busy_ms:.1f} ms",
        )
    return table


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--steps", type=int, default=1_000_000, metavar="N", help="of each recording (default 1,000,000)"
    )
    parser.add_argument(
        "--programs", nargs="+", choices=ARGUMENTS, default=list(ARGUMENTS), metavar="NAME",
        help=f"which (default all: {', '.join(ARGUMENTS)})",
    )  # fmt: skip
    parser.add_argument(
        "--times", type=int, default=200, metavar="N", help="random steps to go to (default 200)"
    )
    parser.add_argument("--keep", metavar="FOLDER", help="leave the pages there, and take one that is there")
    parser.add_argument(
        "--window", default="1400x900", metavar="WxH", help="of the browser, in pixels (default 1400x900)"
    )
    options = parser.parse_args(arguments)
    if options.steps < 1 or options.times < 2:
        parser.error("give --steps of 1 or more, and --times of 2 or more")
    return options


if __name__ == "__main__":
    chosen = parse(sys.argv[1:])
    print(f"CPython {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors")
    with nullcontext(chosen.keep) if chosen.keep else tempfile.TemporaryDirectory() as kept:
        Console().print(measure(chosen, Path(kept).resolve()))
