"""The normalised error and the swap rate, on numbers a person can check."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aifashion.datasets.fashionai import KEYPOINTS, SCHEMA
from aifashion.datasets.schema import ABSENT, OCCLUDED, VISIBLE, KeypointRecord
from aifashion.keypoints import metrics


def truth(*garments: tuple[str, dict]) -> metrics.Truth:
    """Truth of (category, {keypoint: (x, y, visibility)}); keypoints not named are absent."""
    points = np.full((len(garments), 24, 2), -0.5)
    visibility = np.full((len(garments), 24), ABSENT, np.int8)
    for row, (_, own) in enumerate(garments):
        for name, (x, y, v) in own.items():
            k = KEYPOINTS.index(name)
            points[row, k], visibility[row, k] = (x, y), v
    return metrics.Truth([category for category, _ in garments], points, visibility)


def moved(known: metrics.Truth, **errors: tuple) -> np.ndarray:
    """Predictions that are right but for keypoint=(row, dx, dy)."""
    predictions = known.keypoints.copy()
    for name, (row, dx, dy) in errors.items():
        predictions[row, KEYPOINTS.index(name)] += (dx, dy)
    return predictions


def score(known: metrics.Truth, predictions: np.ndarray) -> dict:
    scores = metrics.evaluate(known, predictions, SCHEMA)
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    return scores


# A skirt whose waistband is 100 px wide: its unit.
WAISTBAND = {"waistband_left": (50, 20, VISIBLE), "waistband_right": (150, 20, VISIBLE)}
# The same seen by one point alone; the other end is behind a hand, which does for the unit.
HALF_SEEN = {"waistband_left": (50, 20, VISIBLE), "waistband_right": (150, 20, OCCLUDED)}


# === Units ===


def test_no_pictures():
    empty = metrics.truth_of([])
    scores = score(empty, np.empty((0, 24, 2)))
    assert scores == {
        "ne_percent": None, "per_category": {}, "per_keypoint": {}, "visible": 0, "skipped": 0,
        "swap_rate": None,
    }  # fmt: skip


def test_units():
    armpits = {"armpit_left": (212, 186, VISIBLE), "armpit_right": (307, 202, VISIBLE)}
    known = truth(
        ("skirt", WAISTBAND),
        ("trousers", HALF_SEEN),
        ("blouse", armpits),  # hypot(95, 16)
        ("dress", armpits | WAISTBAND),
        ("outwear", WAISTBAND),  # its armpits are not seen
        ("skirt", WAISTBAND | {"waistband_left": (-0.5, -0.5, ABSENT)}),
        ("skirt", WAISTBAND | {"waistband_left": (150, 20, VISIBLE)}),  # both at one place
    )
    expected = [100, 100, 96.338, 96.338, np.nan, np.nan, np.nan]
    assert_allclose(metrics.units(known, SCHEMA), expected, atol=5e-4)


# === The normalised error ===


def test_pooled_over_all_visible_keypoints():
    # Errors of 5 and 10 px by a unit of 100: 7.5 %.
    known = truth(("skirt", WAISTBAND))
    predictions = moved(known, waistband_left=(0, 3, 4), waistband_right=(0, -6, 8))
    scores = score(known, predictions)
    assert scores["ne_percent"] == pytest.approx(7.5, abs=1e-12)
    assert (scores["visible"], scores["skipped"]) == (2, 0)
    # And a picture with one visible keypoint, 30 px off: (5 + 10 + 30) / 3, not the mean of 7.5
    # and 30.
    known = truth(("skirt", WAISTBAND), ("trousers", HALF_SEEN))
    predictions = np.concatenate([predictions, moved(known, waistband_left=(1, 0, 30))[1:]])
    scores = score(known, predictions)
    assert scores["ne_percent"] == pytest.approx(15.0, abs=1e-12)
    assert scores["per_category"] == pytest.approx({"trousers": 30.0, "skirt": 7.5}, abs=1e-12)
    assert list(scores["per_category"]) == ["trousers", "skirt"]  # in the schema's order
    assert scores["per_keypoint"] == pytest.approx(
        {"waistband_left": 17.5, "waistband_right": 10.0}, abs=1e-12
    )
    assert (scores["visible"], scores["skipped"]) == (3, 0)


def test_truth_against_itself():
    known = truth(("skirt", WAISTBAND), ("trousers", HALF_SEEN))
    scores = score(known, known.keypoints)
    assert scores["ne_percent"] == 0.0 and scores["swap_rate"] == 0.0


def test_occluded_and_absent_keypoints_never_count():
    hems = {"hemline_left": (60, 90, OCCLUDED), "hemline_right": (140, 90, ABSENT)}
    known = truth(("skirt", WAISTBAND | hems))
    predictions = moved(
        known, hemline_left=(0, 999, 0), hemline_right=(0, 0, 999), crotch=(0, 9, 9)
    )
    scores = score(known, predictions)
    assert scores["ne_percent"] == 0.0 and scores["visible"] == 2
    assert set(scores["per_keypoint"]) == set(WAISTBAND)


def test_a_picture_without_a_unit_is_left_out_and_counted():
    hem = {"hemline_left": (60, 90, VISIBLE)}
    known = truth(("skirt", WAISTBAND), ("skirt", hem))
    predictions = moved(known, waistband_left=(0, 0, 20), hemline_left=(1, 50, 50))
    scores = score(known, predictions)
    assert scores["ne_percent"] == pytest.approx(10.0, abs=1e-12)  # 20 and 0 by 100
    assert (scores["visible"], scores["skipped"]) == (2, 1)
    # By itself nothing is left to score.
    alone = score(truth(("skirt", hem)), predictions[1:])
    assert alone["ne_percent"] is None and alone["per_category"] == alone["per_keypoint"] == {}
    assert (alone["visible"], alone["skipped"]) == (0, 1)


def test_normalised_errors_stand_where_they_belong():
    known = truth(("skirt", WAISTBAND))
    errors = metrics.normalised_errors(known, moved(known, waistband_left=(0, 5, 0)), SCHEMA)
    expected = np.full((1, 24), np.nan)
    expected[0, KEYPOINTS.index("waistband_left")] = 0.05
    expected[0, KEYPOINTS.index("waistband_right")] = 0
    assert_allclose(errors, expected, atol=1e-15)


def test_a_picture_without_prediction_is_not_scored():
    known = truth(("skirt", WAISTBAND), ("skirt", WAISTBAND))
    predictions = moved(known, waistband_left=(0, 4, 0))
    predictions[1] = np.nan
    scores = score(known, predictions)
    assert scores["ne_percent"] == pytest.approx(2.0, abs=1e-12) and scores["visible"] == 2
    # The crossed pair of the first picture is the only one.
    predictions[0, [15, 16]] = predictions[0, [16, 15]]
    assert metrics.swap_rate(known, predictions, SCHEMA) == 1.0


# === Left and right ===


def test_swap_rate():
    hems = {"hemline_left": (60, 90, VISIBLE), "hemline_right": (140, 90, VISIBLE)}
    known = truth(("skirt", WAISTBAND | hems), ("skirt", HALF_SEEN | hems))
    predictions = known.keypoints.copy()
    assert metrics.swap_rate(known, predictions, SCHEMA) == 0.0
    left, right = (KEYPOINTS.index(f"hemline_{side}") for side in ("left", "right"))
    predictions[0, [left, right]] = predictions[0, [right, left]] + 3
    # One of three: the second waistband has an end that is not seen, and is no pair.
    assert metrics.swap_rate(known, predictions, SCHEMA) == pytest.approx(1 / 3)


def test_both_on_one_side_or_in_the_middle_is_no_swap():
    known = truth(("skirt", WAISTBAND))
    for place in ((50, 20), (100, 20)):
        predictions = np.broadcast_to(np.array(place, float), (1, 24, 2))
        assert metrics.swap_rate(known, predictions, SCHEMA) == 0.0


def test_inner_goes_with_inner():
    # Inner and outer of the same leg exchanged: no left and right swap.
    legs = {
        "bottom_left_in": (40, 90, VISIBLE), "bottom_left_out": (20, 90, VISIBLE),
        "bottom_right_in": (60, 90, VISIBLE), "bottom_right_out": (80, 90, VISIBLE),
    }  # fmt: skip
    known = truth(("trousers", legs))
    swapped = known.keypoints.copy()
    swapped[0, [20, 21, 22, 23]] = swapped[0, [21, 20, 23, 22]]
    assert metrics.swap_rate(known, swapped, SCHEMA) == 0.0
    # The legs exchanged: both pairs.
    swapped[0, [20, 21, 22, 23]] = known.keypoints[0, [22, 23, 20, 21]]
    assert metrics.swap_rate(known, swapped, SCHEMA) == 1.0


def test_no_pair_no_swap_rate():
    known = truth(("trousers", {"crotch": (5, 5, VISIBLE)}))
    assert metrics.swap_rate(known, known.keypoints, SCHEMA) is None


def test_truth_of_records(tmp_path):
    known = truth(("skirt", WAISTBAND), ("trousers", HALF_SEEN))
    rows = zip(known.categories, known.keypoints, known.visibility, strict=True)
    again = metrics.truth_of([KeypointRecord("a", tmp_path, *row) for row in rows])
    assert again.categories == ["skirt", "trousers"]
    assert_array_equal(again.keypoints, known.keypoints)
    assert_array_equal(again.visibility, known.visibility)


# === Closer looks ===

EDGES = (0.0, 0.5, 1.0)


def test_closer_looks_at_no_pictures():
    empty = np.empty((0, 24))
    known = metrics.Truth([], np.empty((0, 24, 2)), np.empty((0, 24)))
    assert metrics.per_cell(known, empty, SCHEMA) == {}
    assert metrics.per_picture(empty).shape == (0,)
    assert metrics.pck(empty, [0.1]) == [None]
    assert metrics.by_confidence(empty, empty, EDGES, 0.05)[0] == {
        "low": 0, "high": 0.5, "keypoints": 0, "ne_percent": None, "within": None
    }  # fmt: skip
    pairs = metrics.swaps(known, known.keypoints, SCHEMA)
    assert len(pairs) == 11 and ("cuff_left_in", "cuff_right_in") in pairs


def test_cells_and_pictures():
    known = truth(("skirt", WAISTBAND), ("trousers", WAISTBAND), ("skirt", HALF_SEEN))
    predictions = moved(known, waistband_left=(0, 0, 30), waistband_right=(0, 10, 0))
    predictions[1] = np.nan
    predictions[2, KEYPOINTS.index("waistband_left")] += (10, 0)
    errors = metrics.normalised_errors(known, predictions, SCHEMA)
    cells = metrics.per_cell(known, errors, SCHEMA)
    assert list(cells) == ["skirt"]  # of the trousers nothing is predicted
    assert cells["skirt"] == pytest.approx({"waistband_left": 20, "waistband_right": 10})
    assert_allclose(metrics.per_picture(errors), [0.2, np.nan, 0.1])


def test_pck_takes_its_limit_in():
    errors = np.array([[0.02, 0.05, np.nan], [0.1, 0.4, np.nan]])
    assert metrics.pck(errors, [0.0, 0.02, 0.05, 0.5]) == [0, 0.25, 0.5, 1]


def test_errors_by_confidence():
    errors = np.array([[0.01, 0.09, np.nan, 0.2]])
    confidence = np.array([[1.0, 0.5, 0.9, 0.49]])
    low, high = metrics.by_confidence(errors, confidence, EDGES, 0.05)
    assert (low["keypoints"], low["within"], high["keypoints"], high["within"]) == (1, 0, 2, 0.5)
    assert low["ne_percent"] == pytest.approx(20) and high["ne_percent"] == pytest.approx(5)


def test_swaps_name_their_pair():
    known = truth(("skirt", WAISTBAND), ("skirt", WAISTBAND), ("skirt", HALF_SEEN))
    predictions = moved(known, waistband_left=(1, 90, 0), waistband_right=(1, -90, 0))
    pairs = metrics.swaps(known, predictions, SCHEMA)
    assert_array_equal(pairs["waistband_left", "waistband_right"], [0, 1, np.nan])
    assert np.isnan(pairs["hemline_left", "hemline_right"]).all()
    assert metrics.swap_rate(known, predictions, SCHEMA) == 0.5
