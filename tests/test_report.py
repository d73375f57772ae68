"""The page, from plain values: it stands on its own, says what it was given and escapes it."""

import math
import shutil
import subprocess
from dataclasses import replace

import cv2
import numpy as np
import pytest
from pages import Page

from aifashion.images import encode_jpeg
from aifashion.report import (
    Bin,
    Edge,
    History,
    Point,
    ReportData,
    Scores,
    Shown,
    Swaps,
    charts,
    render,
)

GREEN = (18, 196, 124)
EMPTY = ReportData("quick", "nothing yet", False, (), History(), "No scores: no picture.")
HISTORY = History(
    epochs=[1, 2, 3],
    terms={"P2": [2.0, 1.0, 0.5], "refine": [1.0, 0.5, 0.25]},
    loss=[3.0, 1.5, 0.75],
    validation_percent=[20.0, None, 8.0],
    learning_rate=[0.003, 0.002, 0.0],
)


def shown(name: str = "Images/skirt/a.jpg", category: str = "skirt") -> Shown:
    """A picture 60 x 30 whose left point is right and whose right one is far off."""
    return Shown(
        name=name,
        category=category,
        jpeg=encode_jpeg(np.full((30, 60, 3), 200, np.uint8)),
        size=(60, 30),
        error=0.2,
        points=(
            Point("waistband_left", (0.25, 0.5), 0.9, GREEN, (0.25, 0.5), error=0.0),
            Point("waistband_right", (1.5, 0.5), 0.1, GREEN, (0.75, 0.5), error=0.4),
            Point("hemline_left", (0.3, 0.9), 0.5, GREEN, (0.3, 0.8), occluded=True),
            Point("hemline_right", (0.7, 0.9), 0.5, GREEN),
        ),
        edges=(
            Edge("waistband_left", "waistband_right", GREEN),
            Edge("waistband_right", "hemline_right", GREEN),
        ),
    )


def scores() -> Scores:
    """Four keypoints of two garments."""
    return Scores(
        ne_percent=12.5,
        unit="the width of the garment",
        visible=4,
        pictures=2,
        swap_rate=0.5,
        per_category={"skirt": 5.0, "dress": 20.0},
        per_keypoint={"waistband_left": 5.0, "hemline_left": 20.0},
        cells={"skirt": {"waistband_left": 5.0}, "dress": {"hemline_left": 20.0}},
        errors=[0.01, 0.09, 0.1, 0.7],
        pck={0.0: 0.0, 0.02: 0.25, 0.05: 0.25, 0.1: 0.75, 0.2: 0.75, 0.5: 0.75},
        bins=[Bin(0.0, 0.5, 0, None, None), Bin(0.5, 1.0, 4, 12.5, 0.25)],
        swaps={
            "skirt": Swaps({"hemline_left/right": 1}, {"hemline_left/right": 1}),
            "dress": Swaps({"shoulder_left/right": 1}, {"shoulder_left/right": 0}),
        },
    )


def full() -> ReportData:
    return ReportData(
        title="quick",
        subtitle="Keypoints of every garment",
        drawn=True,
        facts=[("Parameters", "2,649,944")],
        history=HISTORY,
        scored_on="Scored on 2 pictures.",
        scores=scores(),
        worst=[shown()],
        best=[shown("Images/skirt/b.jpg")],
        skipped=[("Images/skirt/c.jpg", "c.jpg: cut short")],
        unscored=["Images/skirt/d.jpg"],
        commands=[("Train", "python train.py --set 'a=<b>'")],
        machine=[("Python", "3.12")],
    )


def test_nothing_to_show():
    page = Page(render(EMPTY))
    page.check_alone()
    assert "No learning curves" in page.text and "No scores: no picture." in page.text
    assert not page.tables and not page.pictures() and "Drawn data" not in page.text


def test_all_there_is():
    page = Page(render(full()))
    page.check_alone()
    assert "never compared with scores on real pictures" in page.text
    for said in ("12.50 %", "25.0 %", "50.00 %", "2,649,944", "Best: 8.00 % after epoch 3"):
        assert said in page.text
    for said in ("Images/skirt/c.jpg", "cut short", "Images/skirt/d.jpg", "--set 'a=<b>'"):
        assert said in page.text
    assert [picture.shape for picture in page.pictures()] == [(30, 60, 3)] * 2
    assert "furthest: waistband_right, 40.0 %" in page.text


def test_tables_hold_their_numbers():
    page = Page(render(full()))
    assert page.table("keypoint") == [
        ["keypoint", "skirt", "dress", "all"],
        ["waistband_left", "5.00", "·", "5.00"],
        ["hemline_left", "·", "20.00", "20.00"],
        ["all", "5.00", "20.00", "12.50"],
    ]
    assert page.table("PCK@") == [
        ["PCK@", "0.02", "0.05", "0.1", "0.2"],
        ["keypoints", "25.0 %", "25.0 %", "75.0 %", "75.0 %"],
    ]
    assert page.table("confidence")[1:] == [
        ["0.0 – 0.5", "0", "–", "–"], ["0.5 – 1.0", "4", "12.50 %", "25.0 %"]
    ]  # fmt: skip
    assert page.table("pair")[1:] == [
        ["hemline_left/right", "1 / 1", "·", "100.00 %"],
        ["shoulder_left/right", "·", "0 / 1", "0.00 %"],
        ["all", "100.00 %", "0.00 %", "50.00 %"],
    ]
    assert "Half of the keypoints lie within 0.095; 25.00 % lie beyond 0.5." in page.text


def test_similarity_is_shown_where_there_is_one():
    data = full()
    assert "OKS" not in Page(render(data)).text
    page = Page(render(replace(data, scores=replace(data.scores, oks=0.4567))))
    assert "0.457 mean object keypoint similarity" in page.text


def test_nothing_is_scored():
    none = replace(
        scores(), ne_percent=None, visible=0, pictures=0, swap_rate=None, per_category={},
        per_keypoint={}, cells={}, errors=[], pck={}, swaps={},
    )  # fmt: skip
    page = Page(render(replace(full(), scores=none, worst=(), best=())))
    page.check_alone()
    assert "No keypoint could be scored." in page.text and "–" in page.text


def test_text_is_escaped():
    hostile = "<script>alert(1)</script>\"'><i onload=x>&amp;\udcff\x00"
    data = full()
    own = replace(data.scores, per_category={hostile: 1.0}, cells={hostile: {hostile: 1.0}})
    own = replace(own, per_keypoint={hostile: 1.0}, swaps={hostile: Swaps({hostile: 1}, {})})
    point = Point(hostile, (0.1, 0.1), 0.5, GREEN, (0.2, 0.2), error=0.5)
    picture = replace(shown(hostile, hostile), points=(point,))
    history = replace(HISTORY, terms={hostile: [1.0, 1.0, 1.0]})
    text = render(
        ReportData(
            hostile, hostile, True, [(hostile, hostile)], history, hostile, own, [picture],
            [picture], [(hostile, hostile)], [hostile], [(hostile, hostile)], [(hostile, hostile)],
        )
    )  # fmt: skip
    page = Page(text)
    page.check_alone()
    assert "i" not in {tag for tag, _ in page.elements}
    assert "<script>alert(1)</script>\"'><i onload=x>&amp;\ufffd\ufffd" in page.text
    text.encode()  # no half of a surrogate pair is left


def test_drawings_stay_on_their_panel():
    """The prediction at 1.5 widths lies outside; the panel, an SVG of its own, cuts it off."""
    page = Page(render(full()))
    panels = [own for tag, own in page.elements if tag == "svg" and own.get("width") == "200"]
    assert [panel["x"] for panel in panels] == ["0", "204"] * 2
    circles = [own for tag, own in page.elements if tag == "circle" and "point" in own["class"]]
    assert len(circles) == 2 * (3 + 4)  # truth has no hemline_right
    # The picture is 200 x 100 in a square of 200, its top at 50.
    assert (circles[0]["cx"], circles[0]["cy"]) == ("50.0", "100.0")
    assert [dot["class"] for dot in circles[:3]] == ["point", "point", "point hollow"]  # occluded
    assert [dot["class"] for dot in circles[3:7]] == ["point", "point hollow", "point", "point"]
    assert circles[0]["fill"] == circles[4]["stroke"] == "#12c47c" and circles[4]["fill"] == "#fff"
    # Truth lacks the edge to hemline_right; a red line leads to each of its three keypoints.
    kinds = [own["class"] for tag, own in page.elements if tag == "line"]
    assert (kinds.count("bone"), kinds.count("miss")) == (2 * (1 + 2), 2 * 3)


# === Charts ===


def test_steps_are_round():
    assert charts.steps(0, 0.5) == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert charts.steps(1, 6) == [1, 2, 3, 4, 5, 6]
    assert charts.steps(0, 23.6) == [0, 5, 10, 15, 20]
    assert charts.steps(3, 3) == [3]


def test_axes_hold_every_value():
    axis = charts.axis("NE", [23.6, 4], "{:g}".format)
    assert (axis.low, axis.high) == (0, 25) and axis.share(5) == 0.2
    assert charts.axis("NE", [0, 0], "{:g}".format).high == 1
    axis = charts.log_axis("loss", [0.04, 6])
    assert (axis.low, axis.high) == (0.02, 10) and math.isclose(axis.share(math.sqrt(0.2)), 0.5)
    assert charts.log_axis("loss", [1.0, 1.0]).high > charts.log_axis("loss", [1.0, 1.0]).low


def test_names_of_lines_do_not_overlap():
    lines = [charts.Line(str(k), [(0, 1), (1, 1 + 0.001 * k)]) for k in range(6)]
    x, y = charts.Axis("x", 0, 1, [0, 1]), charts.Axis("y", 0, 1, [0, 1])
    page = Page(charts.line_chart(lines, x, y, named=True))
    ys = [float(own["y"]) for _, own in page.elements if own.get("class") == "name"]
    assert len(ys) == 6 and np.diff(sorted(ys)).min() >= 12.9
    assert min(ys) >= 0 and max(ys) <= charts.HEIGHT


@pytest.mark.parametrize("epochs", [1, 2, 200])
def test_any_number_of_epochs(epochs):
    values = [1.0] * epochs
    history = History([*range(1, epochs + 1)], {"P2": values}, values, values, [0.0] * epochs)
    page = Page(render(replace(EMPTY, history=history)))
    paths = [own["d"] for tag, own in page.elements if tag == "path"]
    assert len(paths) == 4 and all("nan" not in path for path in paths)
    assert len(paths[0].split("L")) == epochs


# === In a browser ===


def test_a_browser_shows_it(tmp_path):
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        pytest.skip(f"no browser here: none of {', '.join(names)}")
    file, picture = tmp_path / "report.html", tmp_path / "shot.png"
    file.write_text(render(full()), encoding="utf-8")
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1200,3000",
        f"--screenshot={picture}", file.as_uri(),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    pixels = cv2.imread(str(picture))
    assert pixels.shape[1] == 1200
    paper = pixels[5, 5]
    inked = (pixels != paper).any(axis=2)
    assert 0.01 < inked.mean() < 0.6
    assert inked[:600].any() and inked[1500:2400].any()
