"""Whether a text can be read on what is behind it, by the contrast of their colours (WCAG 2)."""

from __future__ import annotations

import re

from tests.page.opened_page import OpenedPage

READABLE = 4.5
"""AA, for text of normal size."""
# Every shown text with its colour and that of the nearest surface behind it.
_TEXTS = """
const surface = (element) => {
  for (; element; element = element.parentElement) {
    const color = getComputedStyle(element).backgroundColor;
    if (!color.startsWith("rgba")) return color;
  }
  return "rgb(255, 255, 255)";
};
const isShown = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest("option");
const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
const texts = [...document.body.querySelectorAll("*")].filter((element) => hasText(element) && isShown(element));
const fields = [...document.querySelectorAll("[placeholder]")].filter(isShown);
return [
  ...texts.map((element) => [element.textContent.trim(), getComputedStyle(element).color, surface(element)]),
  ...fields.map((field) => ["placeholder", getComputedStyle(field, "::placeholder").color, surface(field)]),
];
"""


def seen_texts(page: OpenedPage) -> list[tuple[str, str, str]]:
    """Every text that is shown, its colour and that of what is behind it."""
    return [(text, _as_hex(ink), _as_hex(surface)) for text, ink, surface in page.run(_TEXTS)]


def unreadable(page: OpenedPage) -> list[tuple[str, str, str]]:
    """Those that cannot be read."""
    return [entry for entry in seen_texts(page) if contrast(*entry[1:]) < READABLE]


def _as_hex(color: str) -> str:
    """`rgb(1, 2, 3)` as #010203."""
    return "#" + "".join(f"{int(channel):02x}" for channel in re.findall(r"\d+", color)[:3])


def linear(color: str) -> list[float]:
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def _luminance(color: str) -> float:
    red, green, blue = linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
