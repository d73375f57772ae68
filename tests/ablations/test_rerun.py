"""One row measured again: its numbers are those of the page, within what seeds differ by."""

import re

import pytest
from support import ROOT

from aifashion.ablations import rows, running

BASE, CELL = rows.variants()["base"], rows.variants()["peak_cell"]


def of_page(label: str) -> tuple[float, float]:
    """Mean and standard deviation of a line of docs/ablations.md."""
    text = (ROOT / "docs/ablations.md").read_text()
    found = re.search(rf"^\| {re.escape(label)} \| ([\d.]+) ± ([\d.]+) \|", text, re.MULTILINE)
    assert found, f"docs/ablations.md has no score of {label!r}"
    return float(found[1]), float(found[2])


@pytest.mark.slow
def test_where_the_peak_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for door in ("train.py", "test.py"):
        (tmp_path / door).write_text((ROOT / door).read_text())
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    running.run_missing([BASE.name, CELL.name], seeds=1)
    base, cell = (running.score(variant, 0) for variant in (BASE, CELL))
    mean, spread = of_page(f"base: {BASE.label}")
    # Another processor adds in another order, and 536 steps make of that another network.
    assert abs(base - mean) <= 4 * spread + 0.5
    expected = of_page(CELL.label)[0] - mean
    assert cell - base == pytest.approx(expected, abs=0.5)
