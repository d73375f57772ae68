"""Labels: outside the garment, on the paper, without overlaps, their leaders not crossing."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from aifashion.datasets import fashionai
from aifashion.visualize import colours, labels, text


def scattered(count: int, seed: int, width: float, height: float) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    places = generator.uniform((0, 0), (width, height), (count, 2))
    return {f"sleeve_left_{place}": point for place, point in enumerate(places)}


CASES = {
    "one": ({"crotch": np.array([50.0, 50.0])}, (100, 100), 768),
    "a crowd": ({name: np.array([50.0, 50.0]) for name in "abcdefghijklmno"}, (100, 100), 768),
    "a dress": (scattered(15, 0, 90, 120), (90, 120), 768),
    "39 in a wide picture": (scattered(39, 1, 640, 200), (640, 200), 768),
    "39 in a small result": (scattered(39, 2, 640, 480), (640, 480), 96),
    "the upper border": ({n: np.array([x, 0.0]) for x, n in enumerate("abcdefgh")}, (8, 8), 400),
}


@pytest.fixture(params=CASES, scope="module")
def layout(request):
    points, size, side = CASES[request.param]
    notes = dict.fromkeys(points, "0.97")
    return points, side, labels.arrange(points, notes, size, side)


def test_every_point_has_a_label_whose_leader_starts_at_it(layout):
    points, _, placed = layout
    assert {label.name for label in placed.labels} == set(points)
    for label in placed.labels:
        dot = points[label.name] * placed.scale + placed.corner
        assert_allclose(label.leader[0], dot)
        assert_allclose(label.leader[-1], label.port)
        assert label.port[0] in (label.left, label.left + label.width)


def test_labels_do_not_overlap(layout):
    for a, b in combinations(layout[2].labels, 2):
        beside = a.left + a.width <= b.left or b.left + b.width <= a.left
        assert beside or a.top + a.height <= b.top or b.top + b.height <= a.top


def test_labels_stay_on_the_paper_and_hold_their_text(layout):
    _, side, placed = layout
    for label in placed.labels:
        assert label.left >= 0 and label.left + label.width <= placed.size[0]
        assert label.top >= 0 and label.top + label.height <= placed.size[1]
        words = f"{colours.short_name(label.name)} 0.97"
        assert label.width > text.measure(words, text.size_for(side))


def test_labels_cover_no_dot(layout):
    _, side, placed = layout
    for label in placed.labels:
        for x, y in (other.dot for other in placed.labels):
            across = max(label.left - x, x - label.left - label.width)
            down = max(label.top - y, y - label.top - label.height)
            assert max(across, down) > 1.6 + side / 170  # a dot's radius


def test_leaders_do_not_cross_on_a_side(layout):
    for a, b in combinations(layout[2].labels, 2):
        if a.facing == b.facing:
            assert not labels._cross(a.leader[:2], b.leader[:2])


def test_a_picture_with_room_needs_no_paper():
    """Points around the middle of 768 pixels: 300 are free on either side."""
    points = {"neckline_left": np.array([350.0, 99.0]), "neckline_right": np.array([420.0, 99.0])}
    placed = labels.arrange(points, dict.fromkeys(points, ""), (768, 500), 768)
    assert (placed.scale, placed.corner, placed.size) == (1.0, (0, 0), (768, 500))
    assert [label.facing for label in placed.labels] == [-1, 1]


def test_a_column_higher_than_the_picture_has_it_in_its_middle():
    points, size, side = CASES["39 in a wide picture"]
    placed = labels.arrange(points, dict.fromkeys(points, ""), size, side)
    below = placed.size[1] - placed.corner[1] - 200 * placed.scale
    assert placed.corner[1] > 20 and below == pytest.approx(placed.corner[1], abs=2)


def test_no_points_need_no_room():
    assert labels.arrange({}, {}, (30, 40), 80) == labels.Layout(2.0, (0, 0), (60, 80), ())


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([], []),
        ([50], [50]),
        ([-7], [0]),
        ([120], [100]),
        ([10, 30, 60], [10, 30, 60]),  # far enough apart
        ([50, 50], [45, 55]),  # each gives way by half
        ([0, 0, 30], [0, 10, 30]),  # not above 0
        ([99, 100, 100], [80, 90, 100]),
    ],
)
def test_spread(wanted, expected):
    assert_allclose(labels.spread(np.array(wanted, float), 10, 0, 100), expected)


# === Words ===


@pytest.mark.parametrize(
    ("name", "short"),
    [("cuff_left_in", "cuff in L"), ("center_front", "center front"), ("crotch", "crotch")],
)
def test_short_names(name, short):
    assert colours.short_name(name) == short


def test_no_two_keypoints_share_a_short_name():
    assert len({colours.short_name(name) for name in fashionai.SCHEMA.keypoints}) == len(
        fashionai.SCHEMA.keypoints
    )


def test_text_is_as_wide_as_it_was_measured():
    paper = np.zeros((40, 400, 3), np.uint8)
    text.put(paper, "waistline R 0.97", (10, 25), 16, (255, 255, 255))
    columns = np.flatnonzero(paper.any(axis=(0, 2)))
    assert columns.min() >= 10
    assert columns.max() == pytest.approx(10 + text.measure("waistline R 0.97", 16), abs=2)


def test_long_text_is_cut():
    assert text.fitted("dress", 500, 14) == "dress"
    short = text.fitted("a dress of many names", 80, 14)
    assert short.endswith("…") and "a dress of many".startswith(short[:-1])
    assert text.measure(short, 14) <= 80
    assert text.fitted("dress", 2, 14) == "" and text.measure("", 14) == 0
