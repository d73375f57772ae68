"""Outfits: what is shown, worn with what, covered by what; the shares of a set of pictures."""

from collections import Counter

import numpy as np
import pytest

from aifashion.datasets.schema import ABSENT, OCCLUDED
from aifashion.datasets.synthetic import draw
from aifashion.datasets.synthetic.garments.outfits import IDENTITIES, SHOWN, dressed
from aifashion.datasets.synthetic.garments.vocabulary import CATEGORIES, OTHERS, PARTS

COUNT = 500


@pytest.fixture(scope="module")
def set_of_500():
    """Outfits and their visibilities, as `draw_fashionai` makes them, without painting."""
    found = []
    for i in range(COUNT):
        rng = np.random.default_rng([7, 0, i])
        outfit = dressed(CATEGORIES[i % 5], int(rng.integers(IDENTITIES)), rng)
        shape = draw._frame(rng, 256)
        matrix = draw.stand(outfit.garments[0], rng, shape)
        found.append((outfit, draw.truth(outfit, matrix, shape)[1]))
    return found


def _share(set_of_500, holds) -> float:
    return np.mean([holds(outfit, visibility) for outfit, visibility in set_of_500])


def test_shares_of_any_set(set_of_500):
    assert _share(set_of_500, lambda outfit, _: len(outfit.garments) > 1) >= 0.3
    assert _share(set_of_500, lambda _, seen: OCCLUDED in seen.values()) >= 0.2
    assert _share(set_of_500, lambda _, seen: ABSENT in seen.values()) >= 0.1
    assert len({outfit.garments[0].cloths["main"].kind for outfit, _ in set_of_500}) >= 7
    assert {outfit.garments[0].category for outfit, _ in set_of_500} == set(CATEGORIES)
    shown = Counter(outfit.shown for outfit, _ in set_of_500)
    assert set(shown) == set(SHOWN) and min(shown.values()) > 0.08 * COUNT


def test_layers_are_in_order_and_known(set_of_500):
    for outfit, _ in set_of_500[:100]:
        depths = [layer.part.layer for layer in outfit.layers]
        assert depths == sorted(depths)
        for layer in outfit.layers:
            assert layer.part.kind in (OTHERS if layer.garment is None else PARTS)
            if layer.garment is not None:
                assert layer.part.cloth in outfit.garments[layer.garment].cloths


def test_nobody_wears_what_hangs_or_lies(set_of_500):
    for outfit, _ in set_of_500:
        skin = {layer.part.kind for layer in outfit.layers} & {"face", "neck", "shin", "hair"}
        if outfit.shown in ("hanger", "flat"):
            assert not skin - {"hair"}
        hangs = any(layer.part.kind == "hanger" for layer in outfit.layers)
        assert hangs == (outfit.shown == "hanger")


def test_a_top_over_a_waistband_hides_it(set_of_500):
    """Worn with a top, a waistband is covered unless the top is tucked in."""
    hidden = [
        {"waistband_left", "waistband_right"} <= outfit.hidden()
        for outfit, _ in set_of_500
        if outfit.shown == "worn" and outfit.garments[0].category in ("skirt", "trousers")
    ]
    assert 0.1 < np.mean(hidden) < 0.6


def test_same_draws_same_outfit():
    one, two = (dressed("dress", 5, np.random.default_rng(8)) for _ in range(2))
    assert len(one.layers) == len(two.layers)
    for a, b in zip(one.layers, two.layers, strict=True):
        assert a.part.name == b.part.name
        np.testing.assert_array_equal(a.part.outline, b.part.outline)
