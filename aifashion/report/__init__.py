"""The report of a run: one HTML file that needs nothing else, from plain data.

content.py   what a report holds       page.py     the page and its sections
charts.py    lines, bars, axes (SVG)   tables.py   numbers, heat tables
pictures.py  truth beside prediction   markup.py   elements, escaping       style.py  the CSS
"""

from aifashion.report.content import (
    Bin,
    Edge,
    History,
    Point,
    ReportData,
    Scores,
    Shown,
    Swaps,
)
from aifashion.report.page import render

__all__ = ["Bin", "Edge", "History", "Point", "ReportData", "Scores", "Shown", "Swaps", "render"]
