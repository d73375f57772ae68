"""Light and shadow fall where they should."""

import numpy as np
import pytest

from aifashion.datasets.synthetic.garments.geometry import line
from aifashion.datasets.synthetic.garments.parts import Fold
from aifashion.datasets.synthetic.shading import Light, light, shade, shadow

UNIT = 60.0
LEFT = Light(-1.0, 0.0, 1.0)  # from the left


def _square(side=120):
    return np.full((side, side), 255, np.uint8)


def test_flat_cloth_is_evenly_lit():
    bright, slope = shade(_square(), [], UNIT, LEFT, 0.0)
    inner = bright[40:-40, 40:-40]
    assert inner.max() - inner.min() < 0.01
    assert np.abs(slope[40:-40, 40:-40]).max() < 1e-3


def test_a_swelling_part_is_bright_towards_the_light():
    bright, _ = shade(_square(), [], UNIT, LEFT, 1.0)
    left, right = bright[60, 4:20].mean(), bright[60, -20:-4].mean()
    assert left > bright[60, 60] > right


@pytest.mark.parametrize("height", [-1.0, 1.0])
def test_a_fold_has_a_light_and_a_dark_side(height):
    path = line((60, 10), (60, 110))
    bright, _ = shade(_square(), [(path, Fold(path, 0.06, height))], UNIT, LEFT, 0.0)
    before, after = bright[60, 50:58].mean(), bright[60, 63:71].mean()
    # The left flank of a ridge faces the light from the left, that of a crease turns away.
    assert (before - after) * height > 0.05


def test_a_shadow_falls_away_from_the_light():
    dark, (rows, columns) = shadow(
        _square(40), (slice(30, 70), slice(30, 70)), (100, 100), UNIT, LEFT
    )
    whole = np.zeros((100, 100), np.float32)
    whole[rows, columns] = dark
    assert dark.min() >= 0 and dark.max() <= 1
    assert whole[50, 72] > whole[50, 27] and whole[50, 50] > 0.95
    assert whole[5].max() == 0


def test_a_shadow_at_the_border_stays_in_the_picture():
    dark, (rows, columns) = shadow(_square(9), (slice(0, 9), slice(11, 20)), (30, 20), UNIT, LEFT)
    assert dark.shape == (rows.stop - rows.start, columns.stop - columns.start)
    assert rows.start == 0 and columns.stop == 20


def test_light_comes_from_above():
    lamps = [light(np.random.default_rng(seed)) for seed in range(50)]
    assert np.mean([lamp.y < 0 for lamp in lamps]) > 0.8
    with pytest.raises(ValueError, match="hardness is 2"):
        Light(0.0, -1.0, 2.0)
