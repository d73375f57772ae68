"""ResNet-50, -101 and -152 with bottleneck blocks: features of strides 4, 8, 16 and 32.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016 (arXiv 1512.03385). Published
weights come in two arrangements, which `stride_in` tells apart: the authors' own (Caffe, also
keras.applications) halves a stage in its first 1x1 convolution, torchvision in the 3x3 one.
Every convolution is followed by batch normalisation and has no bias.

B pictures, H W rows and columns of the picture.
"""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers

from aifashion import hdf5
from aifashion.backbones.convolution import NormalisedConvolution
from aifashion.backbones.names_resnet import keras_applications_names
from aifashion.backbones.pixels import NORMALISATION, normalise
from aifashion.downloads import fetched
from aifashion.errors import Exit, Failure

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}  # depth -> stages 2 to 5
EXPANSION = 4  # a block's output channels per channel of its 3x3 convolution


@dataclass(frozen=True)
class ResNet:
    """The fields of the backbone; the defaults are the arrangement of keras.applications."""

    depth: int = 50
    stride_in: str = "1x1"  # convolution that halves a stage: "1x1" (Caffe) or "3x3" (torchvision)
    width: int = 64  # channels of the stem; stage n's 3x3 convolutions have width * 2 ** (n - 2)
    blocks: tuple[int, ...] | None = None  # of stages 2 to 5, in place of the depth's
    epsilon: float = 1.001e-5  # torchvision: 1e-5
    momentum: float = 0.9
    pixels: str = "caffe"  # what the weights expect; torchvision's: "torch"

    def __post_init__(self):
        if self.blocks is None and self.depth not in BLOCKS:
            raise ValueError(f"ResNet.depth is one of {_listed(BLOCKS)}, not {self.depth!r}")
        if len(self.stage_blocks) != 4 or min(self.stage_blocks) < 1:
            raise ValueError(f"ResNet.blocks is four numbers of blocks >= 1, not {self.blocks!r}")
        if self.stride_in not in ("1x1", "3x3"):
            raise ValueError(f"ResNet.stride_in is 1x1 or 3x3, not {self.stride_in!r}")
        if self.pixels not in NORMALISATION:
            raise ValueError(
                f"ResNet.pixels is one of {_listed(NORMALISATION)}, not {self.pixels!r}"
            )

    @property
    def stage_blocks(self) -> tuple[int, ...]:
        """Number of blocks in each of the stages 2 to 5."""
        return BLOCKS[self.depth] if self.blocks is None else tuple(self.blocks)

    def build(self, height: int | None, width: int | None) -> keras.Model:
        """The network: uint8 RGB image (B, height, width, 3) -> {"C2" … "C5"}."""
        image = keras.Input((height, width, 3), dtype="uint8", name="image")
        return keras.Model(image, self.features(normalise(image, self.pixels)), name="resnet")

    def features(self, x) -> dict:
        """The pyramid of a normalised image (B, H, W, 3).

        Returns:
            {"C2" … "C5"}: Cn is the output of stage n, (B, H / 2^n, W / 2^n, width * 2^n).
        """
        x = layers.ReLU(name="stem_relu")(self._conv(x, self.width, 7, 2, "stem_conv"))
        # The published pooling is padded with -inf. After a ReLU, zeros never win against a pixel.
        x = layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
        x = layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)
        pyramid = {}
        for stage, blocks in enumerate(self.stage_blocks, start=2):
            for block in range(1, blocks + 1):
                stride = 2 if block == 1 and stage > 2 else 1
                x = self._block(x, stage, block, stride)
            pyramid[f"C{stage}"] = x
        return pyramid

    def _block(self, x, stage: int, block: int, stride: int):
        name, width = f"stage{stage}_block{block}", self.width * 2 ** (stage - 2)
        first, second = (stride, 1) if self.stride_in == "1x1" else (1, stride)
        shortcut = x
        if block == 1:
            shortcut = self._conv(x, width * EXPANSION, 1, stride, f"{name}_conv_shortcut")
        x = layers.ReLU(name=f"{name}_relu1")(self._conv(x, width, 1, first, f"{name}_conv1"))
        x = layers.ReLU(name=f"{name}_relu2")(self._conv(x, width, 3, second, f"{name}_conv2"))
        x = self._conv(x, width * EXPANSION, 1, 1, f"{name}_conv3")
        return layers.ReLU(name=f"{name}_relu3")(layers.Add(name=f"{name}_add")([x, shortcut]))

    @property
    def _conv(self) -> NormalisedConvolution:
        return NormalisedConvolution(self.momentum, self.epsilon)


def _listed(names) -> str:
    return ", ".join(map(str, names))


# === ImageNet weights ===

_URL = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
_FILES = {  # depth -> (file without the classifier, its md5), as keras.applications publishes them
    50: (
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "4d473c1dd8becc155b73f8504c6f6626",
    ),
    101: (
        "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "88cf7a10940856eca736dc7b7e228a21",
    ),
    152: (
        "resnet152_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "ee4c566cf9a93f14d82f913c2dc6dd0c",
    ),
}


def load_imagenet(model: keras.Model, config: ResNet, folder: Path | None = None) -> None:
    """Loads keras.applications' ImageNet weights of the depth, downloading them where absent.

    Args:
        model: a network with the layers of `config.features`, at its top level.
        config: the backbone's fields.
        folder: where the file is or shall be; Keras' cache (`~/.keras/models`) by default.

    Raises:
        Failure: USAGE, the fields are not those the weights were trained with; ENVIRONMENT, the
            file cannot be had; BAD_MODEL, it does not fit the network.
    """
    wanted = {"stride_in": "1x1", "width": 64, "pixels": "caffe"}
    wrong = [f"{key}={value}" for key, value in wanted.items() if getattr(config, key) != value]
    if config.stage_blocks != BLOCKS.get(config.depth):
        wrong.append(f"blocks=None and depth one of {_listed(BLOCKS)}")
    if wrong:
        raise Failure(
            Exit.USAGE,
            f"ImageNet weights of ResNet: they need {', '.join(wrong)}. "
            "Set that, or start with --weights none.",
        )
    name, md5 = _FILES[config.depth]
    load_weight_file(model, config, fetched(_URL + name, f"md5 {md5}", folder))


def load_weight_file(model: keras.Model, config: ResNet, path: Path) -> None:
    """Loads a weight file of keras.applications' ResNet v1 layout (HDF5, no classifier).

    All variables of the backbone are set, or none. The file's biases go into the moving means.

    Raises:
        Failure: BAD_MODEL, naming what is missing, left over or of another shape.
    """
    arrays = fold_biases(hdf5.read(path))
    names = keras_applications_names(config.stage_blocks)
    variables = {v.path: v for v in model.variables if v.path in names}
    faults = [f"no {theirs}" for theirs in names.values() if theirs not in arrays]
    faults += [f"unknown {name}" for name in arrays.keys() - names.values()]
    faults += [f"no variable {ours} in the network" for ours in names if ours not in variables]
    faults += [
        f"{names[ours]} is {arrays[names[ours]].shape}, not {tuple(variable.shape)}"
        for ours, variable in variables.items()
        if names[ours] in arrays and arrays[names[ours]].shape != tuple(variable.shape)
    ]
    if faults:
        more = f" and {len(faults) - 8} more" if len(faults) > 8 else ""
        raise Failure(
            Exit.BAD_MODEL,
            f"{path}: does not fit ResNet blocks {config.stage_blocks}: "
            f"{'; '.join(sorted(faults)[:8])}{more}. Use the weights of this depth.",
        )
    for ours, variable in variables.items():
        variable.assign(arrays[names[ours]])


def fold_biases(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays of keras.applications' ResNet v1 without biases.

    Normalising x + bias by the mean m is normalising x by m - bias.
    """
    folded = dict(arrays)
    for name, bias in arrays.items():
        mean = name.replace("_conv/bias", "_bn/moving_mean")
        if mean != name and mean in arrays and arrays[mean].shape == bias.shape:
            folded[mean] = arrays[mean] - bias
            del folded[name]
    return folded
