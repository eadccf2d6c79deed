"""The timeline as one HTML file."""

from coroscope.views.page.comparison import Comparison
from coroscope.views.page.write import write_page

__all__ = ["Comparison", "write_page"]
