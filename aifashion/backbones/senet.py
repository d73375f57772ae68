"""SENet-154: features of strides 4, 8, 16 and 32, each block's channels weighed by what it saw.

Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018 (arXiv 1709.01507, appendix: SENet-154),
in the arrangement of the published PyTorch weights (github.com/Cadene/pretrained-models.pytorch):
a stem of three 3x3 convolutions; blocks of a 1x1 convolution, a grouped 3x3 one that halves, and a
1x1 one; shortcuts that halve by a 3x3 convolution.

B pictures, H W rows and columns of the picture.
"""

from dataclasses import dataclass

import keras
from keras import layers

from aifashion.backbones.convolution import NormalisedConvolution
from aifashion.backbones.pixels import NORMALISATION, normalise


@dataclass(frozen=True)
class SENet:
    """The fields of the backbone; the defaults are SENet-154."""

    blocks: tuple[int, ...] = (3, 8, 36, 3)  # of stages 2 to 5
    groups: int = 64  # of the 3x3 convolutions
    reduction: int = 16  # channels of a block per channel of its squeezed vector
    width: int = 64  # of the stem; blocks of stage n: twice, four and four times width * 2 ** (n-2)
    epsilon: float = 1e-5
    momentum: float = 0.9
    pixels: str = "torch"  # what the weights expect

    def __post_init__(self):
        if len(self.blocks) != 4 or min(self.blocks) < 1:
            raise ValueError(f"SENet.blocks is four numbers of blocks >= 1, not {self.blocks!r}")
        if self.width < 1:
            raise ValueError(f"SENet.width is at least 1, not {self.width}")
        if self.groups < 1 or 2 * self.width % self.groups:
            raise ValueError(
                f"SENet.groups is a divisor of 2 * width = {2 * self.width}, not {self.groups}"
            )
        if not 1 <= self.reduction <= 4 * self.width:
            raise ValueError(
                f"SENet.reduction is 1 to 4 * width = {4 * self.width}, not {self.reduction}"
            )
        if self.pixels not in NORMALISATION:
            known = ", ".join(NORMALISATION)
            raise ValueError(f"SENet.pixels is one of {known}, not {self.pixels!r}")

    def build(self, height: int | None, width: int | None) -> keras.Model:
        """The network: uint8 RGB image (B, height, width, 3) -> {"C2" … "C5"}."""
        image = keras.Input((height, width, 3), dtype="uint8", name="image")
        return keras.Model(image, self.features(normalise(image, self.pixels)), name="senet")

    def features(self, x) -> dict:
        """The pyramid of a normalised image (B, H, W, 3).

        Returns:
            {"C2" … "C5"}: Cn is the output of stage n, (B, H / 2^n, W / 2^n, width * 2^n).
        """
        for number, (filters, stride) in enumerate(((1, 2), (1, 1), (2, 1)), start=1):
            x = self._conv(x, filters * self.width, 3, stride, f"stem_conv{number}")
            x = layers.ReLU(name=f"stem_relu{number}")(x)
        # The published pooling adds a window for a last column that is left over. After a ReLU a
        # column of zeros beside it changes no maximum.
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name="stem_pool_pad")(x)
        x = layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)
        pyramid = {}
        for stage, blocks in enumerate(self.blocks, start=2):
            for block in range(1, blocks + 1):
                x = self._block(x, stage, block)
            pyramid[f"C{stage}"] = x
        return pyramid

    def _block(self, x, stage: int, block: int):
        name, width = f"stage{stage}_block{block}", self.width * 2 ** (stage - 2)
        stride = 2 if block == 1 and stage > 2 else 1
        shortcut = x
        if block == 1:
            kernel = 1 if stage == 2 else 3
            shortcut = self._conv(x, 4 * width, kernel, stride, f"{name}_conv_shortcut")
        x = layers.ReLU(name=f"{name}_relu1")(self._conv(x, 2 * width, 1, 1, f"{name}_conv1"))
        x = self._conv(x, 4 * width, 3, stride, f"{name}_conv2", self.groups)
        x = layers.ReLU(name=f"{name}_relu2")(x)
        x = self._conv(x, 4 * width, 1, 1, f"{name}_conv3")
        x = layers.Multiply(name=f"{name}_weigh")([x, self._excitation(x, name)])
        return layers.ReLU(name=f"{name}_relu3")(layers.Add(name=f"{name}_add")([x, shortcut]))

    def _excitation(self, x, name: str):
        """A weight in 0 … 1 for each channel of each picture: (B, h, w, C) -> (B, 1, 1, C)."""
        channels = x.shape[-1]
        x = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
        x = layers.Conv2D(channels // self.reduction, 1, name=f"{name}_reduce")(x)
        x = layers.ReLU(name=f"{name}_reduce_relu")(x)
        return layers.Conv2D(channels, 1, activation="sigmoid", name=f"{name}_excite")(x)

    @property
    def _conv(self) -> NormalisedConvolution:
        # Of a group's own channels, of which a fan out knows nothing.
        return NormalisedConvolution(self.momentum, self.epsilon, fan="fan_in")
