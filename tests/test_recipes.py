"""Every recipe is built at its full size: what goes in, what comes out, how many weights."""

import keras
import pytest

from aifashion import runs
from aifashion.datasets import fashionai
from aifashion.recipes import ALIASES, RECIPES, REFUSED, resolve
from aifashion.tasks import task_of

# recipe -> (side of the input, parameters with BatchNorm's statistics)
SIZES = {
    "cpn_resnet101": (512, 46_268_472),
    "cpn_resnet50": (512, 27_224_120),
    "quick": (128, 2_649_944),
}
STRIDES = {"P2": 4, "P3": 8, "P4": 16, "P5": 32, "refine": 4}


def test_the_menu_is_the_table():
    assert set(RECIPES) == set(SIZES)
    assert set(ALIASES.values()) <= set(RECIPES) and not REFUSED & {*RECIPES, *ALIASES}


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_at_full_size(name):
    recipe = resolve(name)
    side, parameters = SIZES[name]
    network = recipe.system.build()
    assert network.input["image"].shape == (None, side, side, 3)
    assert network.input["keypoint_mask"].shape == (None, len(fashionai.KEYPOINTS))
    shapes = {level: maps.shape[1:] for level, maps in network.output.items()}
    assert shapes == {level: (side // s, side // s, 24) for level, s in STRIDES.items()}
    assert network.count_params() == parameters
    assert task_of(recipe.system) == "keypoints"
    assert runs.decode_config(runs.encode_config(recipe)) == recipe
    keras.utils.clear_session()
