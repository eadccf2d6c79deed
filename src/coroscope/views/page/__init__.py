"""The timeline as one HTML file."""

from coroscope.views.page.write import write_page

__all__ = ["write_page"]
