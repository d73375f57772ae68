import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from aifashion.keypoints.reading import Reading
from aifashion.ops import heatmaps


def _points(margin: float, count: int = 300) -> np.ndarray:
    """(1, count, 2) in 128 x 128 pixels, at least so far from the rim, in the corners too."""
    least, most = margin + 1e-3, 128 - margin - 1e-3
    corners = np.stack(np.meshgrid([least, most], [least, most]), axis=-1).reshape(-1, 2)
    anywhere = np.random.default_rng(0).uniform(least, most, (count - 4, 2))
    return np.concatenate([corners, anywhere])[None].astype("float32")


def _largest_error(reading: Reading, margin: float) -> float:
    """In pixels, of sigma 2 and stride 4."""
    points = _points(margin)
    maps = heatmaps.encode(points, (32, 32), 4.0, 2.0)
    found = reading.read(maps, np.ones(points.shape[:2], "float32"), 4.0)
    return np.abs(found["keypoints"] - points).max()


# === Fields ===


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"head": "P2"}, "Reading.head is one of refine, global, not 'P2'"),
        (
            {"peak": "dark"},
            "Reading.peak is one of unbiased, quarter, neighbours, cell, not 'dark'",
        ),
        ({"blur": -0.5}, "Reading.blur is 0 or more, not -0.5"),
        ({"blur": float("nan")}, "Reading.blur is 0 or more, not nan"),
        ({"blur": float("inf")}, "Reading.blur is 0 or more, not inf"),
        ({"enlarge": 0}, "Reading.enlarge is a whole number from 1 to 16, not 0"),
        ({"enlarge": 17}, "Reading.enlarge is a whole number from 1 to 16, not 17"),
        ({"enlarge": 1.5}, "Reading.enlarge is a whole number from 1 to 16, not 1.5"),
        ({"shift": float("nan")}, "Reading.shift is a number of pixels, not nan"),
        ({"flip_shift": 2}, "Reading.flip_shift is 0 or 1, not 2"),
        ({"flip_shift": -1}, "Reading.flip_shift is 0 or 1, not -1"),
    ],
)
def test_a_wrong_field_is_named(fields, said):
    with pytest.raises(ValueError) as caught:
        Reading(**fields)
    assert str(caught.value) == said


# === Place ===


def test_no_pictures():
    reading = Reading(blur=1.0, enlarge=2, peak="quarter")
    found = reading.read(np.zeros((0, 8, 6, 3)), np.zeros((0, 3), "float32"), 4.0)
    assert found["keypoints"].shape == (0, 3, 2) and found["confidence"].shape == (0, 3)


@pytest.mark.parametrize(
    ("fields", "margin", "error"),
    [
        ({}, 0, 0.01),
        ({"blur": 0.5}, 8, 0.01),
        ({"blur": 1.0}, 16, 0.01),
        ({"enlarge": 2}, 8, 0.05),
        ({"enlarge": 4}, 8, 0.14),
        ({"blur": 1.0, "enlarge": 2}, 16, 0.05),
        ({"blur": 1.0, "enlarge": 4}, 16, 0.14),
        # What the rim costs: no cells beyond it to blur or to enlarge.
        ({"blur": 1.0}, 0, 2.5),
        ({"enlarge": 2}, 0, 5.0),
        ({"blur": 1.0, "enlarge": 2}, 0, 6.5),
        ({"blur": 1.0, "enlarge": 4}, 0, 6.5),
    ],
)
def test_peaks_stay_in_place(fields, margin, error):
    assert _largest_error(Reading(**fields), margin) < error


@pytest.mark.parametrize(("peak", "side"), [("cell", 0.5), ("quarter", 0.5)])
def test_the_coarser_ways_gain_from_enlarging(peak, side):
    """Cells of 4 pixels are 2 off along an axis at most, of one pixel half a pixel."""
    assert 1.9 < _largest_error(Reading(peak=peak), 8) <= 2.001
    assert _largest_error(Reading(peak=peak, enlarge=4), 8) <= side + 0.15


def test_the_published_coordinates():
    """Cell 5 across and 3 down at stride 4: the pixels (20, 12), and (22, 14) with the 2 added.

    The middle of a pixel lies 0.5 behind its index.
    """
    cells = np.zeros((1, 8, 8, 1), "float32")
    cells[0, 3, 5, 0] = 0.7
    # A quarter of a cell to the right: the pixel (21, 12).
    beside = np.copy(cells)
    beside[0, 3, 6, 0] = 0.1
    found = Reading(peak="neighbours", shift=-1.5).read(beside, np.ones((1, 1)), 4.0)
    assert_allclose(found["keypoints"], [[(21.5, 12.5)]])
    for shift, place in ((0.0, (22, 14)), (-1.5, (20.5, 12.5)), (0.5, (22.5, 14.5))):
        reading = Reading(peak="cell", shift=shift)
        assert_allclose(reading.read(cells, np.ones((1, 1)), 4.0)["keypoints"], [[place]])


def test_the_blur_comes_first_and_lets_the_wide_peak_win():
    points = np.array([[[30.0, 30.0]]], "float32")
    maps = 0.9 * np.array(heatmaps.encode(points, (32, 32), 4.0, 1.5))
    maps[0, 25, 25, 0] = 1.0  # one bright cell, (102, 102)
    mask = np.ones((1, 1), "float32")
    assert_allclose(Reading().read(maps, mask, 4.0)["keypoints"], [[[102, 102]]], atol=0.01)
    for enlarge in (1, 4):
        found = Reading(blur=1.0, enlarge=enlarge).read(maps, mask, 4.0)
        assert_allclose(found["keypoints"], points, atol=0.15)


# === Confidence ===


@pytest.mark.parametrize("fields", [{}, {"blur": 1.0}, {"enlarge": 4}, {"peak": "quarter"}])
def test_confidence_is_the_height_of_the_maps_as_given(fields):
    maps = np.zeros((1, 8, 8, 3), "float32")
    maps[0, 4, 4] = (0.6, 1.7, 0.8)
    found = Reading(**fields).read(maps, np.float32([[1, 1, 0]]), 4.0)
    assert_allclose(found["confidence"], [[0.6, 1, 0]])


# === Everywhere the same ===

READINGS = (
    Reading(),
    Reading("global", 1.0, 2, "quarter", 2.0),
    Reading(enlarge=3, peak="cell"),
    Reading(peak="neighbours", shift=-1.5),
)


@pytest.mark.parametrize("how", ["xla", "tf.data", "keras"])
def test_the_same_however_it_is_run(how):
    def read(maps, mask):
        return [reading.read(maps, mask, 4.0) for reading in READINGS]

    maps = heatmaps.encode(_points(8, 30).reshape(3, 10, 2), (32, 32), 4.0, 2.0)
    mask = tf.ones((3, 10))
    if how == "tf.data":
        data = tf.data.Dataset.from_tensors((maps, mask))
        results = next(iter(data.map(lambda *given: tuple(read(*given)))))
    elif how == "keras":  # a part of a network, for any number of pictures
        inputs = [keras.Input((32, 32, 10)), keras.Input((10,))]
        results = keras.Model(inputs, read(*inputs))([maps, mask])
    else:
        results = tf.function(read, jit_compile=True)(maps, mask)
    for result, expected in zip(results, read(maps, mask), strict=True):
        assert_allclose(result["keypoints"], expected["keypoints"], atol=1e-3)
        assert_array_equal(result["confidence"], expected["confidence"])
