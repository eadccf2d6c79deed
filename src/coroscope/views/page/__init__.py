"""The timeline as one HTML file, and a recording of steps as another."""

from coroscope.views.page.comparison import Comparison
from coroscope.views.page.write import write_page, write_steps

__all__ = ["Comparison", "write_page", "write_steps"]
