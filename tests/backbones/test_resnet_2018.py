from pathlib import Path

import keras
import numpy as np
import published_2018
import pytest
from formula import picture
from numpy.testing import assert_allclose, assert_array_equal
from published_2018 import TOLERANCE

from aifashion.backbones import resnet_2018
from aifashion.backbones.names_resnet_2018 import resnet_2018_names
from aifashion.backbones.pixels import normalise
from aifashion.backbones.resnet_2018 import ResNet2018, Scale

RECORD = published_2018.read(Path(__file__).with_name("recorded_resnet_2018.json"))
BLOCKS = (3, 2, 2)


def _network(seed: int = 0, **fields) -> keras.Model:
    network = ResNet2018(blocks=BLOCKS, **fields).build(64, 64)
    names = published_2018.variables(published_2018.layers_of(RECORD, BLOCKS))
    published_2018.fill(network, names, resnet_2018_names(names, BLOCKS), seed)
    return network


def _difference(network: keras.Model, case: dict) -> float:
    outputs = network(picture(case["size"], case["seed"]), training=False)
    return published_2018.difference(outputs, case["outputs"])


# === Structure ===


@pytest.mark.parametrize(
    "fields", [{"blocks": (1, 1)}, {"blocks": (3, 0, 1)}, {"width": 0}, {"pixels": "bgr"}]
)
def test_a_wrong_field_is_named(fields):
    with pytest.raises(ValueError, match=f"ResNet2018.{next(iter(fields))} is"):
        ResNet2018(**fields)


@pytest.mark.parametrize("size", [32, 48])
def test_strides_and_channels(size):
    features = ResNet2018(blocks=(1, 1, 1), width=4).build(size, 32).output
    shapes = {level: tuple(x.shape[1:]) for level, x in features.items()}
    channels = {"C1": 4, "C2": 16, "C3": 32, "C4": 64}
    assert shapes == {
        level: (size // 2**n, 32 // 2**n, channels[level])
        for n, level in enumerate(channels, start=1)
    }


def test_the_last_row_and_column_at_stride_4_are_padding():
    network = _network()
    x = np.array(network(picture(64), training=False)["C2"])[0]
    assert_array_equal(x[-1], 0)
    assert_array_equal(x[:, -1], 0)
    assert (np.abs(x[-2, :-1]).max(axis=-1) > 0).all()


def test_scale_by_hand():
    scale = Scale()
    x = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    assert_array_equal(scale(x), x)
    scale.gamma.assign([10, 100])
    scale.beta.assign([1, 2])
    assert_array_equal(scale(x), [[11, 202], [31, 402]])
    assert [v.path.rpartition("/")[2] for v in scale.trainable_variables] == ["gamma", "beta"]


def test_pixels_by_hand():
    red = np.array([[[[255, 0, 128]]]], np.uint8)
    # Blue first: nothing at 128, and half of one less at 0.
    assert_allclose(np.ravel(normalise(red, "fashionai_2018")), [0, -0.5, 127 / 256])


# === Parity ===


def test_equals_the_published_one():
    network = _network()
    names = published_2018.variables(published_2018.layers_of(RECORD, BLOCKS))
    for case in RECORD["cases"]:
        published_2018.fill(network, names, resnet_2018_names(names, BLOCKS), case["seed"])
        assert _difference(network, case) <= TOLERANCE
    assert len(RECORD["cases"]) == 3


def test_another_epsilon_would_show():
    assert _difference(_network(epsilon=1e-3), RECORD["cases"][0]) > 10 * TOLERANCE


def test_padding_on_one_side_would_show(monkeypatch):
    conv = resnet_2018.layers.Conv2D

    def one_sided(*args, **fields):
        if fields["name"] == "stem_conv":
            fields["padding"] = "same"
        return conv(*args, **fields)

    monkeypatch.setattr(resnet_2018.layers, "Conv2D", one_sided)
    monkeypatch.setattr(resnet_2018.layers, "ZeroPadding2D", _pads_only("stage2_pad"))
    assert _difference(_network(), RECORD["cases"][0]) > 10 * TOLERANCE


def _pads_only(wanted: str):
    real = resnet_2018.layers.ZeroPadding2D
    return lambda pad, name: real(pad, name=name) if name == wanted else lambda x: x


def test_halving_in_the_3x3_would_show(monkeypatch):
    conv = resnet_2018.layers.Conv2D

    def halves_later(*args, **fields):
        name = fields["name"]
        if name in ("stage3_block1_conv1", "stage4_block1_conv1"):
            fields["strides"] = 1
        if name in ("stage3_block1_conv2", "stage4_block1_conv2"):
            fields["strides"] = 2
        return conv(*args, **fields)

    monkeypatch.setattr(resnet_2018.layers, "Conv2D", halves_later)
    assert _difference(_network(), RECORD["cases"][0]) > 10 * TOLERANCE


# === Names ===


def test_names():
    layers = ["conv1", "scale_conv1", "res2c_branch2b", "bn4b22_branch2c", "bn3a_branch1"]
    names = resnet_2018_names(published_2018.variables(layers), (3, 3, 23))
    assert names["stem_conv/kernel"] == "conv1/kernel"
    assert names["stem_scale/gamma"] == "scale_conv1/scale_conv1_gamma"
    assert names["stage2_block3_conv2/kernel"] == "res2c_branch2b/kernel"
    assert names["stage4_block23_norm3/moving_variance"] == "bn4b22_branch2c/moving_variance"
    assert names["stage3_block1_norm_shortcut/beta"] == "bn3a_branch1/beta"
    # Of variables that are not in the file, the name that one would have.
    assert names["stage3_block2_conv1/kernel"] == "res3b1_branch2a/kernel"
    # Seven variables a convolution: 3 a block, 1 a shortcut, and the stem's.
    assert len(names) == 7 * (3 * 29 + 3 + 1)


def test_names_of_the_published_imagenet_file():
    """Written by Keras 1: its names, with what the network has no place for."""
    stored = [
        "conv1/conv1_W", "bn_conv1/bn_conv1_gamma", "bn_conv1/bn_conv1_beta",
        "bn_conv1/bn_conv1_running_mean", "bn_conv1/bn_conv1_running_std",
        "scale_conv1/scale_conv1_gamma", "scale_conv1/scale_conv1_beta",
        "res3b3_branch2a/res3b3_branch2a_W", "res5a_branch2a/res5a_branch2a_W", "fc1000/fc1000_W",
    ]  # fmt: skip
    names = resnet_2018_names(stored, (3, 3, 23))
    stem = [theirs for ours, theirs in names.items() if ours.startswith("stem_")]
    assert stem == stored[:7]
    assert not set(stored[7:]) & set(names.values())
    # The whole ResNet-101 has the fourth block.
    assert stored[7] in resnet_2018_names(stored, (3, 4, 23)).values()
