"""The ResNet-101 of the all-in-one FashionAI network of 2018: features of strides 2 to 16.

The arrangement of the authors' own (He et al., arXiv 1512.03385) as Keras had it in 2018, converted
from Caffe: a stage halves in its first 1x1 convolution, and every batch normalisation is followed
by a learnt scale and shift of each channel, which Caffe keeps in a layer of its own. The published
network (yuanyuanli85/FashionAI_KeyPoint_Detection_Challenge_Keras, src/unet/resnet101.py) has no
stage 5, and three blocks in stage 3 where ResNet-101 has four.

B pictures, H W rows and columns of the picture.
"""

from dataclasses import dataclass

import keras
from keras import layers, ops

from aifashion.backbones.pixels import NORMALISATION, normalise
from aifashion.ops.norm import BatchNorm

EXPANSION = 4  # a block's output channels per channel of its 3x3 convolution


class Scale(layers.Layer):
    """x * gamma + beta, one learnt number of each a channel: (..., C) -> (..., C)."""

    def build(self, input_shape: tuple) -> None:
        """Makes `gamma`, ones, and `beta`, zeros, both (C,)."""
        channels = (input_shape[-1],)
        self.gamma = self.add_weight(shape=channels, initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=channels, initializer="zeros", name="beta")

    def call(self, inputs):
        """The scaled maps, in the type of the inputs."""
        return inputs * ops.cast(self.gamma, inputs.dtype) + ops.cast(self.beta, inputs.dtype)


@dataclass(frozen=True)
class ResNet2018:
    """The fields of the backbone; the defaults are the published network's."""

    blocks: tuple[int, ...] = (3, 3, 23)  # of stages 2 to 4; ResNet-101 has (3, 4, 23)
    width: int = 64  # channels of the stem; stage n's 3x3 convolutions have width * 2 ** (n - 2)
    epsilon: float = 1.1e-5
    momentum: float = 0.99
    pixels: str = "fashionai_2018"  # its ImageNet weights were made for "caffe", unscaled

    def __post_init__(self):
        if len(self.blocks) != 3 or min(self.blocks) < 1:
            raise ValueError(
                f"ResNet2018.blocks is three numbers of blocks >= 1, not {self.blocks!r}"
            )
        if self.width < 1:
            raise ValueError(f"ResNet2018.width is above 0, not {self.width}")
        if self.pixels not in NORMALISATION:
            known = ", ".join(NORMALISATION)
            raise ValueError(f"ResNet2018.pixels is one of {known}, not {self.pixels!r}")

    def build(self, height: int, width: int) -> keras.Model:
        """The network: uint8 RGB image (B, height, width, 3) -> {"C1" … "C4"}."""
        image = keras.Input((height, width, 3), dtype="uint8", name="image")
        return keras.Model(image, self.features(normalise(image, self.pixels)), name="resnet_2018")

    def features(self, x) -> dict:
        """The pyramid of a normalised image (B, H, W, 3), H and W multiples of 16.

        Returns:
            {"C1" … "C4"}: Cn (B, H / 2^n, W / 2^n, C); C1 is the stem's output, with C = width, the
            others those of stages 2 to 4, with C = width * 2^n.
        """
        x = layers.ReLU(name="stem_relu")(self._conv(x, self.width, 7, 2, "stem_conv"))
        pyramid = {"C1": x}
        # No padding here: the pooled map is one row and one column short, and stage 2 with it.
        x = layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)
        for stage, blocks in enumerate(self.blocks, start=2):
            for block in range(1, blocks + 1):
                stride = 2 if block == 1 and stage > 2 else 1
                x = self._block(x, stage, block, stride)
            pyramid[f"C{stage}"] = x
        # Only for those who read it; stage 3 goes on from the short map, to the same size.
        pyramid["C2"] = layers.ZeroPadding2D(((0, 1), (0, 1)), name="stage2_pad")(pyramid["C2"])
        return pyramid

    def _block(self, x, stage: int, block: int, stride: int):
        name, width = f"stage{stage}_block{block}", self.width * 2 ** (stage - 2)
        shortcut = x
        if block == 1:
            shortcut = self._conv(x, width * EXPANSION, 1, stride, f"{name}_conv_shortcut")
        x = layers.ReLU(name=f"{name}_relu1")(self._conv(x, width, 1, stride, f"{name}_conv1"))
        x = layers.ReLU(name=f"{name}_relu2")(self._conv(x, width, 3, 1, f"{name}_conv2"))
        x = self._conv(x, width * EXPANSION, 1, 1, f"{name}_conv3")
        return layers.ReLU(name=f"{name}_relu3")(layers.Add(name=f"{name}_add")([x, shortcut]))

    def _conv(self, x, filters: int, kernel: int, stride: int, name: str):
        """Convolution, normalisation and scale; a kernel is padded by the same on every side."""
        if stride > 1 and kernel > 1:
            # Keras' "same" pads even sizes more on the right and below.
            x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
        padding = "valid" if stride > 1 else "same"
        conv = layers.Conv2D(
            filters, kernel, strides=stride, padding=padding, use_bias=False, name=name
        )
        norm = BatchNorm(
            name=name.replace("conv", "norm"), momentum=self.momentum, epsilon=self.epsilon
        )
        return Scale(name=name.replace("conv", "scale"))(norm(conv(x)))
