"""Every recipe is built at its full size: what goes in, what comes out, how many weights."""

import re
from dataclasses import replace

import keras
import pytest
from support import ROOT

from aifashion import costs, runs
from aifashion.datasets import fashionai
from aifashion.recipes import ALIASES, RECIPES, REFUSED, input_size, resolve
from aifashion.tasks import task_of

# recipe -> (width and height of the input, keypoints, parameters with BatchNorm's statistics)
SQUARE, TALL = (512, 512), (384, 512)
SIZES = {
    "cpn_resnet101": (SQUARE, 24, 46_268_472),
    "cpn_resnet50": (SQUARE, 24, 27_224_120),
    "cpn_resnet152": (SQUARE, 24, 83_415_792),
    "cpn_senet154": (SQUARE, 24, 138_408_096),
    "cpn_v11_2018": (SQUARE, 24, 31_921_784),
    "hrnet_w48_agg81": (TALL, 81, 63_678_465),
    "hrnet_w48_agg81_finetune": (TALL, 81, 63_678_465),
    "hrnet_w32_agg81": (TALL, 81, 28_592_561),
    "hrnet_w48_joint": (TALL, 81, 63_678_465 + 81 * (48 + 96 + 192 + 384)),
    "hrnet_w48": (TALL, 294, 63_688_902),
    "hrnet_quick": ((96, 128), 81, 712_577),
    "quick": ((128, 128), 24, 2_649_944),
}
PYRAMID = {"P2": 4, "P3": 8, "P4": 16, "P5": 32, "refine": 4}
STRIDES = {  # of the outputs
    "cpn_resnet101": PYRAMID,
    "cpn_resnet50": PYRAMID,
    "cpn_resnet152": {"global": 4, "refine": 4},
    "cpn_senet154": {"global": 4, "refine": 4},
    "cpn_v11_2018": {"global": 2, "stack_0": 2, "stack_1": 2},
    **{name: {"heatmaps": 4} for name in SIZES if name.startswith("hrnet_")},
    "quick": PYRAMID,
}
PER_GARMENT = ("cpn_resnet152", "cpn_senet154")
# Parameters of one keypoint's: 3 x 3 x 256 and a bias in the global net, 256 and a bias in the
# refine net, whose first block reads it by 64 and by 256 convolutions of 1 x 1.
A_MAP = (9 * 256 + 1) + (256 + 1) + (64 + 256)


def without_weights(system) -> keras.Model:
    """The network, nothing of it initialised."""
    with keras.StatelessScope(initialize_variables=False):
        return system.build()


def check_sizes(name: str, network: keras.Model) -> None:
    (width, height), keypoints, parameters = SIZES[name]
    assert network.input["image"].shape == (None, height, width, 3)
    assert network.input["keypoint_mask"].shape == (None, keypoints)
    shapes = {level: maps.shape[1:] for level, maps in network.output.items()}
    strides = STRIDES[name].items()
    assert shapes == {level: (height // s, width // s, keypoints) for level, s in strides}
    assert costs.parameters(network) == parameters


def test_the_menu_is_the_table():
    assert set(RECIPES) == set(SIZES)
    assert set(ALIASES.values()) <= set(RECIPES) and not REFUSED & {*RECIPES, *ALIASES}


def test_the_readmes_table():
    """Every recipe with the side of its input and its parameters."""
    section = (ROOT / "README.md").read_text().partition("\n## Recipes\n")[2]
    rows = re.findall(r"^\| `(\w+)`.*?\| ([\dx]+) px \| ([\d.]+) M", section, flags=re.MULTILINE)
    assert rows == [
        (name, input_size(recipe.system), f"{SIZES[name][-1] / 1e6:.1f}")
        for name, recipe in RECIPES.items()
    ]
    garments = dict(zip(PER_GARMENT, re.findall(r"[\d,]{10,}", section), strict=True))
    assert garments == {name: f"{SIZES[name][-1] - 9 * A_MAP:,}" for name in PER_GARMENT}


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_at_full_size(name):
    recipe = resolve(name)
    check_sizes(name, without_weights(recipe.system))
    assert task_of(recipe.system) == "keypoints"
    assert runs.decode_config(runs.encode_config(recipe)) == recipe


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name.endswith("quick") else pytest.mark.slow)
        for name in RECIPES
    ],
)
def test_recipe_with_its_weights(name):
    """Which take seconds to be drawn."""
    network = RECIPES[name].system.build()
    check_sizes(name, network)
    assert network.count_params() == SIZES[name][-1]
    keras.utils.clear_session()


@pytest.mark.parametrize("name", PER_GARMENT)
def test_a_network_of_one_garment(name):
    """With its keypoints alone: of 24, the heat maps and what reads them have 9 less."""
    system = replace(RECIPES[name].system, keypoints=fashionai.CATEGORIES["dress"])
    network = without_weights(system)
    assert {maps.shape for maps in network.output.values()} == {(None, 128, 128, 15)}
    assert costs.parameters(network) == SIZES[name][-1] - 9 * A_MAP
