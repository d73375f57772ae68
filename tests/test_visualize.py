"""Result pictures: what is drawn lies where the prediction says."""

import numpy as np
import pytest

from aifashion import visualize
from aifashion.datasets import fashionai


def garment(category: str = "skirt", confidence: float = 0.9) -> visualize.Garment:
    """A skirt with its four corners at (20, 20), (80, 20), (10, 90), (90, 90)."""
    keypoints = np.zeros((24, 2))
    corners = {"waistband_left": (20, 20), "waistband_right": (80, 20)}
    corners |= {"hemline_left": (10, 90), "hemline_right": (90, 90)}
    for name, point in corners.items():
        keypoints[fashionai.KEYPOINTS.index(name)] = point
    return visualize.Garment(category, keypoints, np.full(24, confidence))


GREY = np.full((100, 100, 3), 128, np.uint8)


def test_points_and_edges_lie_where_they_should():
    drawing = visualize.draw_keypoints(GREY, garment(), fashionai.SCHEMA, side=800)
    assert drawing.shape == (800, 800, 3) and (GREY == 128).all()  # the picture itself is left
    # Eight times larger: the waistband's left end at (160, 160) is orange, its right end blue.
    assert tuple(drawing[160, 160]) == (255, 140, 0)
    assert tuple(drawing[160, 640]) == (0, 150, 255)
    assert tuple(drawing[160, 400]) == (245, 245, 245)  # the edge between them
    assert tuple(drawing[400, 400]) == (128, 128, 128)  # nothing in the middle


def test_a_doubtful_point_is_hollow():
    drawing = visualize.draw_keypoints(GREY, garment(confidence=0.1), fashionai.SCHEMA, side=800)
    assert tuple(drawing[160, 160]) == (255, 255, 255)


def test_labels_never_overlap():
    """All 15 keypoints of a dress in one place: every name still has its own room."""
    crowd = visualize.Garment("dress", np.full((24, 2), 50.0), np.ones(24))
    points = {name: np.array([400.0, 400.0]) for name in fashionai.CATEGORIES["dress"]}
    labels = visualize._place_labels(points, crowd, fashionai.SCHEMA, (800, 800, 3))
    assert len(labels) == 15
    pairs = [(a, b) for i, a in enumerate(labels) for b in labels[:i]]
    assert not any(a.overlaps(b) for a, b in pairs)


@pytest.mark.parametrize(("count", "shape"), [(1, (50, 50)), (3, (50, 150)), (7, (100, 250))])
def test_contact_sheet(count, shape):
    tall = np.zeros((40, 20, 3), np.uint8)
    sheet = visualize.contact_sheet([tall] * count, columns=5, side=50)
    assert sheet.shape == (*shape, 3)
    assert tuple(sheet[25, 25]) == (0, 0, 0) and tuple(sheet[25, 2]) == (255, 255, 255)
