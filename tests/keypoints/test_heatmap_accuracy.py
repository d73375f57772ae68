import numpy as np
import pytest
from numpy.testing import assert_array_equal

from aifashion.keypoints.heatmap_accuracy import heatmap_accuracy


def _maps(*cells: tuple[int, int] | None) -> np.ndarray:
    """One picture's maps of 128 rows and 96 columns, each 1 in one cell (row, column)."""
    maps = np.zeros((1, 128, 96, len(cells)))
    for keypoint, cell in enumerate(cells):
        if cell:
            maps[0, *cell, keypoint] = 1
    return maps


@pytest.mark.parametrize("pictures", [0, 2])
def test_nothing_to_find(pictures):
    mean, each, count = heatmap_accuracy(
        np.ones((pictures, 8, 6, 3)), np.zeros((pictures, 8, 6, 3))
    )
    assert (mean, count) == (0.0, 0)
    assert_array_equal(each, [-1, -1, -1])


def test_across_in_tenths_of_the_height_and_down_in_those_of_the_width():
    # 6 columns are 6 / 12.8 = 0.47, 5 rows 5 / 9.6 = 0.52; the third target lies in row 1.
    targets = _maps((50, 40), (50, 40), (1, 40))
    mean, each, count = heatmap_accuracy(_maps((50, 46), (55, 40), (1, 40)), targets)
    assert (mean, count) == (0.5, 2)
    assert_array_equal(each, [1, 0, -1])


@pytest.mark.parametrize(
    ("found", "accuracy"),
    [((50, 47), 0), ((54, 40), 1), ((54, 46), 0), ((50, 34), 1), (None, 0)],
)
def test_near_is_less_than_half_of_a_tenth(found, accuracy):
    # 7 / 12.8 = 0.55; 4 / 9.6 = 0.42; both of 0.42 and 0.47 are 0.63 away.
    _, each, _ = heatmap_accuracy(_maps(found), _maps((50, 40)))
    assert each == [accuracy]


def test_the_first_two_rows_and_columns_do_not_count():
    targets = _maps((2, 2), (1, 2), (2, 1), None)
    mean, each, count = heatmap_accuracy(targets, targets)
    assert (mean, count) == (1.0, 1)
    assert_array_equal(each, [1, -1, -1, -1])


def test_keypoints_are_averaged_over_the_pictures_that_show_them():
    targets = np.concatenate([_maps((50, 40), (50, 40))] * 3 + [_maps(None, (50, 40))])
    found = np.concatenate([_maps((50, 40), (50, 40)), _maps((9, 9), (50, 40))] * 2)
    mean, each, count = heatmap_accuracy(found, targets)
    assert_array_equal(each, [2 / 3, 1])
    assert (mean, count) == ((2 / 3 + 1) / 2, 2)


def test_a_map_of_nothing_above_zero_peaks_in_its_first_cell():
    below = _maps((9, 9)) - 1  # its largest cell is 0
    _, each, _ = heatmap_accuracy(below, _maps((2, 2)))
    assert each == [1]  # from (0, 0): 2 / 12.8 and 2 / 9.6, together 0.26
