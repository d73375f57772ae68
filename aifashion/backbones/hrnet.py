"""HRNet: features of strides 4 to 32, side by side all the way and exchanged again and again.

Sun et al., "Deep High-Resolution Representation Learning for Human Pose Estimation", CVPR 2019
(arXiv 1902.09212), in the arrangement of the published PyTorch weights (github.com/HRNet). The
finest branch, C2, goes on from stage 1; each further stage adds a branch of half the resolution and
twice the channels. A module is a few residual blocks on each branch, then every branch becomes the
sum of them all. Every convolution is followed by batch normalisation and has no bias.

B pictures, H W rows and columns of the picture, multiples of 32.
"""

from dataclasses import dataclass

import keras
from keras import layers

from aifashion.backbones.convolution import NormalisedConvolution
from aifashion.backbones.pixels import NORMALISATION, normalise

LEVELS = ("C2", "C3", "C4", "C5")  # the branches, from the finest
EXPANSION = 4  # a bottleneck's output channels per channel of its 3x3 convolution


@dataclass(frozen=True)
class HRNet:
    """The fields of the backbone; the defaults are HRNet-W48."""

    width: int = 48  # channels of C2, twice as many of each coarser branch; also 32, 18
    modules: tuple[int, ...] = (1, 4, 3)  # of stages 2 to 4
    blocks: int = 4  # of each branch of a module
    stem_width: int = 64
    first_blocks: int = 4  # bottlenecks of stage 1
    first_width: int = 64  # of their 3x3 convolutions
    epsilon: float = 1e-5
    momentum: float = 0.9
    pixels: str = "torch"  # what the weights expect

    def __post_init__(self):
        if len(self.modules) != 3 or min(self.modules) < 1:
            raise ValueError(f"HRNet.modules is three numbers >= 1, not {self.modules!r}")
        for name in ("width", "blocks", "stem_width", "first_blocks", "first_width"):
            if getattr(self, name) < 1:
                raise ValueError(f"HRNet.{name} is at least 1, not {getattr(self, name)}")
        if self.pixels not in NORMALISATION:
            known = ", ".join(NORMALISATION)
            raise ValueError(f"HRNet.pixels is one of {known}, not {self.pixels!r}")

    def build(self, height: int | None, width: int | None) -> keras.Model:
        """The network: uint8 RGB image (B, height, width, 3) -> {"C2" … "C5"}."""
        image = keras.Input((height, width, 3), dtype="uint8", name="image")
        return keras.Model(image, self.features(normalise(image, self.pixels)), name="hrnet")

    def features(self, x) -> dict:
        """The pyramid of a normalised image (B, H, W, 3).

        Returns:
            {"C2" … "C5"}: Cn is (B, H / 2^n, W / 2^n, width * 2^(n - 2)).
        """
        return self.last_stage(self.first_stages(x))

    def first_stages(self, x) -> dict:
        """Stages 1 to 3 of a normalised image, and the branch that stage 4 adds: {"C2" … "C5"}."""
        for number in (1, 2):
            x = self._activated(x, self.stem_width, 3, 2, f"stem_conv{number}")
        for block in range(1, self.first_blocks + 1):
            x = self._bottleneck(x, f"stage1_block{block}")
        features = {
            "C2": self._activated(x, self.channels("C2"), 3, 1, "transition1_C2_conv"),
            "C3": self._activated(x, self.channels("C3"), 3, 2, "transition1_C3_conv"),
        }
        for stage, coarsest in ((2, "C3"), (3, "C4")):
            for module in range(1, self.modules[stage - 2] + 1):
                features = self._module(features, tuple(features), f"stage{stage}_module{module}")
            added = LEVELS[LEVELS.index(coarsest) + 1]
            features[added] = self._activated(
                features[coarsest], self.channels(added), 3, 2, f"transition{stage}_{added}_conv"
            )
        return features

    def last_stage(self, features: dict, finest_alone: bool = False) -> dict:
        """Stage 4 of what `first_stages` returns.

        Args:
            features: {"C2" … "C5"}.
            finest_alone: its last module makes C2 alone, as in the published networks for poses.
        """
        for module in range(1, self.modules[2] + 1):
            is_last = module == self.modules[2]
            made = ("C2",) if finest_alone and is_last else LEVELS
            features = self._module(features, made, f"stage4_module{module}")
        return features

    def channels(self, level: str) -> int:
        """Of a branch."""
        return self.width * 2 ** LEVELS.index(level)

    def _module(self, features: dict, made: tuple[str, ...], name: str) -> dict:
        """Blocks on every branch, then each of the branches `made` as the sum of all."""
        for block in range(1, self.blocks + 1):
            features = {
                level: self._block(x, f"{name}_{level}_block{block}")
                for level, x in features.items()
            }
        return {target: self._joined(features, target, name) for target in made}

    def _joined(self, features: dict, target: str, name: str):
        moved = [
            self._moved(x, source, target, f"{name}_{source}_to_{target}")
            for source, x in features.items()
        ]
        return layers.ReLU(name=f"{name}_{target}_relu")(
            layers.Add(name=f"{name}_{target}_add")(moved)
        )

    def _moved(self, x, source: str, target: str, name: str):
        """A branch in another one's resolution and channels, not activated."""
        halvings = LEVELS.index(target) - LEVELS.index(source)
        if halvings < 0:
            x = self._conv(x, self.channels(target), 1, 1, f"{name}_conv")
            return layers.UpSampling2D(2**-halvings, interpolation="nearest", name=f"{name}_up")(x)
        for number in range(1, halvings):
            x = self._activated(x, self.channels(source), 3, 2, f"{name}_conv{number}")
        if halvings:
            x = self._conv(x, self.channels(target), 3, 2, f"{name}_conv{halvings}")
        return x

    def _block(self, x, name: str):
        width, shortcut = x.shape[-1], x
        x = self._activated(x, width, 3, 1, f"{name}_conv1")
        x = self._conv(x, width, 3, 1, f"{name}_conv2")
        return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([x, shortcut]))

    def _bottleneck(self, x, name: str):
        width, shortcut = self.first_width, x
        if name.endswith("block1"):
            shortcut = self._conv(x, width * EXPANSION, 1, 1, f"{name}_conv_shortcut")
        x = self._activated(x, width, 1, 1, f"{name}_conv1")
        x = self._activated(x, width, 3, 1, f"{name}_conv2")
        x = self._conv(x, width * EXPANSION, 1, 1, f"{name}_conv3")
        return layers.ReLU(name=f"{name}_relu3")(layers.Add(name=f"{name}_add")([x, shortcut]))

    def _activated(self, x, filters: int, kernel: int, stride: int, name: str):
        x = self._conv(x, filters, kernel, stride, name)
        return layers.ReLU(name=name.replace("conv", "relu"))(x)

    @property
    def _conv(self) -> NormalisedConvolution:
        # The published code draws N(0, 0.001^2), which normalisation evens out.
        return NormalisedConvolution(self.momentum, self.epsilon)
