"""Backbones with few layers, for tests of what stands on them."""

from keras import layers

from aifashion.backbones.hrnet import HRNet
from aifashion.backbones.resnet import ResNet
from aifashion.backbones.resnet_2018 import ResNet2018


def two_branches(backbone: HRNet, x) -> dict:
    """HRNet's first stages without blocks, and C2 and C3 alone.

    With the last stage it has a layer of every kind. XLA compiles it four times as fast as all
    stages and branches.
    """
    x = backbone._activated(x, backbone.stem_width, 3, 4, "stem_conv")
    return {
        level: backbone._activated(x, backbone.channels(level), 3, stride, f"{level}_conv")
        for level, stride in (("C2", 1), ("C3", 2))
    }


def rungs(backbone, x) -> dict:
    """A convolution a level in place of stages: {"C1" … "C5"}."""
    pyramid = {}
    for level in range(1, 6):
        channels = backbone.width * 2**level
        x = backbone._conv(x, channels, 3, 2, f"stage{level}_conv")
        pyramid[f"C{level}"] = x = layers.ReLU(name=f"stage{level}_relu")(x)
    return pyramid


class TwoBranches(HRNet):
    """HRNet without its stages 1 to 3."""

    first_stages = two_branches


class Ladder(ResNet):
    """ResNet without its stages."""

    features = rungs


class Ladder2018(ResNet2018):
    """ResNet2018 without its stages."""

    features = rungs
