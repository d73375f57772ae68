import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from aifashion.backbones.hrnet import HRNet
from aifashion.backbones.names_hrnet import hrnet_names
from aifashion.backbones.pixels import normalise

TINY = HRNet(width=4, modules=(1, 1, 1), blocks=1, stem_width=8, first_blocks=2, first_width=4)


# === Fields and structure ===


@pytest.mark.parametrize(
    "fields",
    [
        {"width": 0}, {"modules": (1, 4)}, {"modules": (1, 0, 3)}, {"blocks": 0},
        {"stem_width": 0}, {"first_blocks": 0}, {"first_width": 0}, {"pixels": "rgb"},
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(fields):
    with pytest.raises(ValueError, match=f"HRNet.{next(iter(fields))} is"):
        HRNet(**fields)


@pytest.fixture(name="tiny", scope="module")
def _tiny() -> keras.Model:
    return TINY.build(64, 96)


def test_strides_and_channels(tiny):
    features = tiny(np.zeros((1, 64, 96, 3), "uint8"), training=False)
    shapes = {level: x.shape[1:] for level, x in features.items()}
    assert shapes == {"C2": (16, 24, 4), "C3": (8, 12, 8), "C4": (4, 6, 16), "C5": (2, 3, 32)}


def test_every_branch_hears_every_other(tiny):
    """Weights on one way at a time: the branch's own block, then the fusion."""
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3)).astype("uint8")
    before = {level: np.array(x) for level, x in tiny(image, training=False).items()}
    for source in before:
        gamma = tiny.get_layer(f"stage4_module1_{source}_block1_norm2").gamma
        gamma.assign(2 * gamma)
        after = tiny(image, training=False)
        gamma.assign(gamma / 2)
        for target, x in after.items():
            assert np.abs(x - before[target]).max() > 1e-3, f"{source} -> {target}"


def test_the_finest_branch_alone_is_the_same(tiny):
    """The other branches of the last module are left out, and what leads to them alone."""
    x = keras.Input((64, 96, 3), dtype="uint8")
    entering = TINY.first_stages(normalise(x, "torch"))
    alone = keras.Model(x, TINY.last_stage(entering, finest_alone=True))
    variables = {variable.path: variable for variable in tiny.variables}
    for variable in alone.variables:
        variable.assign(variables.pop(variable.path))
    left = {name.partition("_to_")[2][:2] for name in variables}
    assert left == {"C3", "C4", "C5"}
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3)).astype("uint8")
    found = alone(image, training=False)
    assert list(found) == ["C2"]
    assert_array_equal(found["C2"], tiny(image, training=False)["C2"])


def test_coarse_branches_are_magnified_by_copies(tiny):
    up = tiny.get_layer("stage2_module1_C3_to_C2_up")
    assert_array_equal(up(np.array([[[[1.0], [2.0]]]]))[0, :, :, 0], [[1, 1, 2, 2]] * 2)
    assert tiny.get_layer("stage4_module1_C5_to_C2_up").size == (8, 8)


def test_halving_pads_by_the_same_on_every_side(tiny):
    padded = [layer for layer in tiny.layers if isinstance(layer, keras.layers.ZeroPadding2D)]
    halved = [x for x in tiny.layers if isinstance(x, keras.layers.Conv2D) and x.strides == (2, 2)]
    # The stem's 2, 3 transitions, and 1 + (1 + 2 + 1) + (1 + 2 + 3 + 1 + 2 + 1) in three modules.
    assert len(padded) == len(halved) == 2 + 3 + 1 + 4 + 10
    assert {layer.padding for layer in padded} == {((1, 1), (1, 1))}


def test_fresh_weights_keep_the_spread(tiny):
    """As drawn, neither vanishing nor growing from stage to stage."""
    image = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3)).astype("uint8")
    spread = {level: float(np.std(x)) for level, x in tiny(image, training=True).items()}
    assert min(spread.values()) > 0.3 and max(spread.values()) < 5


# === Names ===


def test_names():
    names = hrnet_names(HRNet(), finest_alone=True)
    assert names["stem_conv2/kernel"] == "conv2.weight"
    assert names["stage1_block1_norm_shortcut/gamma"] == "layer1.0.downsample.1.weight"
    assert names["transition1_C2_norm/beta"] == "transition1.0.1.bias"
    assert names["transition3_C5_conv/kernel"] == "transition3.3.0.0.weight"
    block = "stage3_module4_C4_block2_norm1/moving_mean"
    assert names[block] == "stage3.3.branches.2.1.bn1.running_mean"
    assert names["stage2_module1_C3_to_C2_conv/kernel"] == "stage2.0.fuse_layers.0.1.0.weight"
    assert names["stage4_module1_C2_to_C5_conv3/kernel"] == "stage4.0.fuse_layers.3.0.2.0.weight"
    assert not any(name.startswith("stage4.2.fuse_layers.1") for name in names.values())
    # 292 convolutions and their normalisations of 4 arrays each.
    assert len(set(names.values())) == len(names) == 292 * 5
    # The last module's other branches: 3 + 3 + 3 ways to C3, C4, C5, of 3, 4 and 6 convolutions.
    assert len(hrnet_names(HRNet())) == len(names) + (3 + 4 + 6) * 5


# Of a network for poses without its head: trainable, then of BatchNorm's statistics. The numbers of
# the published code; W32 and W48 are in `tests/keypoints/test_hrnet_pose.py`.
W18 = (9_317_892, 32_244)


def test_number_of_parameters():
    config = HRNet(width=18)
    with keras.StatelessScope(initialize_variables=False):  # nothing is drawn
        x = keras.Input((64, 64, 3))
        network = keras.Model(x, config.last_stage(config.first_stages(x), finest_alone=True))
    assert {v.path for v in network.variables} == set(hrnet_names(config, finest_alone=True))
    both = network.trainable_variables, network.non_trainable_variables
    assert tuple(sum(int(np.prod(v.shape)) for v in kind) for kind in both) == W18
