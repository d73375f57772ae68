"""Result pictures: what is drawn lies where the prediction says, in its part's colour."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aifashion import visualize
from aifashion.datasets import fashionai
from aifashion.visualize import colours, labels, marks

SCHEMA = fashionai.SCHEMA
GREY = np.full((100, 100, 3), 128, np.uint8)


def garment(category="skirt", confidence=0.9, visibility=None) -> visualize.Garment:
    """A skirt with its four corners at (20, 20), (80, 20), (10, 90), (90, 90)."""
    keypoints = np.zeros((24, 2))
    corners = {"waistband_left": (20, 20), "waistband_right": (80, 20)}
    corners |= {"hemline_left": (10, 90), "hemline_right": (90, 90)}
    for name, point in corners.items():
        keypoints[fashionai.KEYPOINTS.index(name)] = point
    seen = None if visibility is None else np.full(24, visibility)
    return visualize.Garment(category, keypoints, np.full(24, confidence), seen)


def drawn(shown: visualize.Garment) -> np.ndarray:
    """On grey, eight times larger: the waistband's left end at (160, 160)."""
    return visualize.draw_keypoints(GREY, shown, SCHEMA, side=800, labels=False)


# === One picture ===


def test_points_and_edges_lie_where_they_should():
    drawing = drawn(garment())
    assert drawing.shape == (800, 800, 3) and (GREY == 128).all()  # the picture itself is left
    assert tuple(drawing[160, 160]) == visualize.colour_of("waistband_left")
    assert tuple(drawing[160, 640]) == visualize.colour_of("waistband_right")
    assert tuple(drawing[160, 400]) == colours.shade("waist", "middle")  # the edge between them
    assert tuple(drawing[720, 400]) == colours.shade("hem", "middle")
    assert tuple(drawing[440, 120]) == colours.shade("body", "left")
    assert tuple(drawing[400, 400]) == (128, 128, 128)  # nothing in the middle


def test_a_dark_halo_lies_around_dots_and_edges():
    drawing = drawn(garment()).astype(int)
    assert drawing[150:170, 160].sum(axis=1).min() < 250  # of grey's 384
    assert drawing[150:170, 400].sum(axis=1).min() < 250


@pytest.mark.parametrize(
    ("confidence", "centre"),
    [
        (0.1, (255, 255, 255)),  # hollow
        (0.45, marks.paler(visualize.colour_of("waistband_left"))),
        (0.6, visualize.colour_of("waistband_left")),
    ],
)
def test_confidence_shows_in_the_dot(confidence, centre):
    assert tuple(drawn(garment(confidence=confidence))[160, 160]) == centre


def test_an_occluded_point_is_a_ring_and_its_edges_are_dashed():
    drawing = drawn(garment(visibility=1))
    assert tuple(drawing[160, 160]) == (128, 128, 128)  # the picture, not the edge, shows inside
    rim = drawing[145:160, 160]
    assert (rim == visualize.colour_of("waistband_left")).all(axis=1).any()
    solid = (drawing[160] == colours.shade("waist", "middle")).all(axis=1)
    assert 150 < solid.sum() < 350  # of the 480 between the ends
    assert not solid[:167].any()


@pytest.mark.parametrize("labelled", [False, True])
def test_absent_points_are_not_drawn(labelled):
    nothing = garment(visibility=0)
    away = visualize.Garment("skirt", np.full((24, 2), -0.5), np.ones(24))
    unknown = visualize.Garment("skirt", np.full((24, 2), np.nan), np.ones(24))
    for shown in (nothing, away, unknown):
        drawing = visualize.draw_keypoints(GREY, shown, SCHEMA, 800, labelled)
        assert_array_equal(drawing, np.full((800, 800, 3), 128))


def test_an_edge_needs_both_ends():
    shown = garment(visibility=2)
    shown.visibility[fashionai.KEYPOINTS.index("waistband_right")] = 0
    drawing = drawn(shown)
    assert tuple(drawing[160, 160]) == visualize.colour_of("waistband_left")
    assert tuple(drawing[160, 400]) == (128, 128, 128)


@pytest.mark.parametrize("shape", [(100, 100, 3), (50, 200, 3), (300, 120, 3)])
def test_the_longer_side_is_kept_with_labels(shape):
    """Points in the picture's corners: labels need paper on both sides."""
    keypoints = np.zeros((24, 2))
    corners = [(0, 0), (shape[1], 0), (0, shape[0]), shape[1::-1]]
    keypoints[SCHEMA.indices(SCHEMA.categories["skirt"])] = corners
    shown = visualize.Garment("skirt", keypoints, np.ones(24))
    drawing = visualize.draw_keypoints(np.full(shape, 128, np.uint8), shown, SCHEMA, side=768)
    assert 766 <= max(drawing.shape) <= 768
    assert (drawing[0, [0, -1]] == 255).all()  # paper
    bare = visualize.draw_keypoints(np.full(shape, 128, np.uint8), shown, SCHEMA, 768, False)
    assert max(bare.shape) == 768


def test_drawing_twice_gives_the_same():
    first, second = (visualize.draw_keypoints(GREY, garment(), SCHEMA) for _ in range(2))
    assert_array_equal(first, second)


def test_dots_are_round_and_where_they_should_be():
    paper = np.zeros((40, 60, 3), np.uint8)
    marks.disc(paper, (30.25, 18.75), (200, 200, 200), 6)
    weight = paper[..., 0].astype(float)
    y, x = np.mgrid[:40, :60] + 0.5
    weight[paper[..., 0] <= 40] = 0  # the halo
    centre = (weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()
    assert_allclose(centre, (30.25, 18.75), atol=0.1)
    bright = paper[..., 0] == 200
    assert np.hypot(x[bright] - 30.25, y[bright] - 18.75).max() <= 6
    assert bright.sum() == pytest.approx(np.pi * 5.5**2, rel=0.08)


def test_dots_at_the_border_are_cut():
    paper = np.zeros((10, 10, 3), np.uint8)
    for centre in [(0, 0), (10, 10), (-50, 5), (5, 99)]:
        marks.disc(paper, centre, (200, 200, 200), 3)
    assert tuple(paper[0, 0]) == tuple(paper[9, 9]) == (200, 200, 200)
    assert (paper[4:6, 3:7] == 0).all()


@pytest.mark.parametrize("length", [0, 1, 7, 100])
def test_dashes_begin_and_end_a_line(length):
    pieces = marks.dashes((5, 5), (5 + length, 5), 2)
    assert_allclose(pieces[0][0], (5, 5))
    assert len(pieces) == 1 or pieces[-1][1][0] == pytest.approx(5 + length)
    assert sum(end[0] - start[0] for start, end in pieces) <= max(0.65 * length, 7)


def test_the_dots_stay_visible_below_labels():
    """Every keypoint of an outwear in its own place; its colour is there in the result."""
    generator = np.random.default_rng(3)
    shown = visualize.Garment("outwear", generator.uniform(5, 95, (24, 2)), np.ones(24))
    points = {n: shown.keypoints[SCHEMA.keypoints.index(n)] for n in SCHEMA.categories["outwear"]}
    placed = labels.arrange(points, dict.fromkeys(points, "1.00"), (100, 100), 768)
    drawing = visualize.draw_keypoints(GREY, shown, SCHEMA)
    assert drawing.shape[1::-1] == placed.size
    hits = 0
    for name, point in points.items():
        x, y = np.floor(point * placed.scale + placed.corner).astype(int)
        hits += tuple(drawing[y, x]) == visualize.colour_of(name)
    assert hits == len(points) == 14


# === Truth and prediction ===


def test_errors_lead_from_the_prediction_to_the_truth():
    moved = visualize.Garment("skirt", garment().keypoints + np.array([10, 0]), np.ones(24))
    drawing = visualize.draw_errors(GREY, garment(visibility=2), moved, SCHEMA, side=800)
    assert drawing.shape == (800, 800, 3)
    assert tuple(drawing[160, 240]) == visualize.colour_of("waistband_left")  # the prediction
    assert tuple(drawing[160, 160]) == (255, 255, 255)  # the truth's x
    assert tuple(drawing[160, 200]) == (255, 255, 255)  # the line between them


def test_an_error_needs_truth_and_prediction():
    away = visualize.Garment("skirt", np.full((24, 2), -9.0), np.ones(24))
    assert_array_equal(visualize.draw_errors(GREY, away, garment(), SCHEMA, 800), drawn(garment()))
    assert (visualize.draw_errors(GREY, garment(), away, SCHEMA, 800) == 128).all()


def test_truth_stands_left_of_the_prediction():
    moved = visualize.Garment("skirt", garment().keypoints + np.array([10, 0]), np.ones(24))
    pair = visualize.draw_truth_beside(GREY, garment(visibility=2), moved, SCHEMA, side=400)
    gap, head = 8, pair.shape[0] - 400
    assert pair.shape == (400 + head, 2 * 400 + gap, 3) and 10 < head < 40
    assert tuple(pair[head + 80, 80]) == visualize.colour_of("waistband_left")
    assert tuple(pair[head + 80, 408 + 120]) == visualize.colour_of("waistband_left")
    assert (pair[:head, :400] < 100).any() and (pair[:head, 408:] < 100).any()  # two captions
    assert (pair[head:, 400:408] == 255).all()
