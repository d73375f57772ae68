"""CPN2018: the all-in-one FashionAI network as it was published in 2018.

A global net climbs from stride 16 to stride 2 by transposed convolutions, and two stacks refine
its maps by 1x1 convolutions of three levels. The garment's category masks the maps and is not seen
by the features. From yuanyuanli85/FashionAI_KeyPoint_Detection_Challenge_Keras (Keras 2), files
src/unet/refinenet_mask_v3.py and refinenet.py; its weights predict here what they predict there.

B: pictures; K: keypoints; S: the input's side; a level C1 … C4 has stride 2 … 16.
"""

import math
from dataclasses import dataclass, field

import keras
from keras import layers, ops

from aifashion.backbones.pixels import normalise
from aifashion.backbones.resnet_2018 import ResNet2018
from aifashion.datasets.fashionai import KEYPOINTS
from aifashion.keypoints import losses
from aifashion.keypoints.reading import Reading
from aifashion.ops import heatmaps
from aifashion.ops.norm import BatchNorm

STRIDE = 2
STACKS = ("stack_0", "stack_1")


@dataclass(frozen=True)
class CPN2018:
    """The fields of the system; `build()` makes its network."""

    size: int = 512  # side of the square input, pixels; a multiple of 16
    keypoints: tuple[str, ...] = KEYPOINTS
    backbone: ResNet2018 = field(default_factory=ResNet2018)
    width: int = 256  # channels of the heads at stride 16; a half or a quarter of it below
    fwhm: float = 20.0  # of the Gaussians, their width at half their height, input pixels
    hard_keypoints: int = 8  # mined in the last stack's loss
    reading: Reading = field(default_factory=Reading)  # of no matter to training

    def __post_init__(self):
        if self.size < 32 or self.size % 16:
            raise ValueError(f"CPN2018.size is a multiple of 16 from 32 on, not {self.size}")
        if self.width < 4 or self.width % 4:
            raise ValueError(f"CPN2018.width is a multiple of 4 above 0, not {self.width}")
        for name in ("fwhm", "hard_keypoints"):
            if not getattr(self, name) > 0:
                raise ValueError(f"CPN2018.{name} is above 0, not {getattr(self, name)}")

    # === Network ===

    def build(self) -> keras.Model:
        """The network: inputs `image`, `keypoint_mask` -> {"global", "stack_0", "stack_1"}.

        Each is (B, S / 2, S / 2, K) float32, multiplied by the mask. The published network takes a
        second mask for the last stack, which at prediction is the same one.
        """
        image = keras.Input((self.size, self.size, 3), dtype="uint8", name="image")
        mask = keras.Input((len(self.keypoints),), dtype="float32", name="keypoint_mask")

        features = self.backbone.features(normalise(image, self.backbone.pixels))
        levels = self._global_net(features)
        outputs = {"global": levels[-1]}
        for name in STACKS:
            levels = self._stack(levels, name)
            outputs[name] = levels[-1]

        visible = layers.Reshape((1, 1, len(self.keypoints)), dtype="float32")(mask)
        outputs = {name: maps * visible for name, maps in outputs.items()}
        return keras.Model({"image": image, "keypoint_mask": mask}, outputs, name="cpn_2018")

    def _global_net(self, features: dict) -> tuple:
        """(features of stride 8, maps of stride 4, maps of stride 2); maps have K channels."""
        x = _conv(features["C4"], self.width, 3, "global_C4_conv")
        climbed = {}
        for level, width in (
            ("C3", self.width // 2),
            ("C2", self.width // 4),
            ("C1", self.width // 4),
        ):
            up = layers.Conv2DTranspose(
                x.shape[-1], 3, strides=2, padding="same", activation="relu",
                name=f"global_{level}_up",
            )  # fmt: skip
            x = layers.Concatenate(name=f"global_{level}_join")([up(x), features[level]])
            climbed[level] = x = _conv(x, width, 3, f"global_{level}_conv")
        maps = {level: self._maps(x, f"global_{level}_maps") for level, x in climbed.items()}
        maps["C2"] = _upsample(maps["C3"], 2, "global_C3_upsample") + maps["C2"]
        maps["C1"] = _upsample(maps["C2"], 2, "global_C2_upsample") + maps["C1"]
        return climbed["C3"], maps["C2"], maps["C1"]

    def _stack(self, levels: tuple, name: str) -> tuple:
        """(stride 8, stride 4, stride 2) -> features, features and K maps of the same strides."""
        coarse, middle, fine = levels
        coarse = _conv(coarse, self.width, 1, f"{name}_C3_conv1")
        coarse = _conv(coarse, self.width // 2, 1, f"{name}_C3_conv2")
        middle = _conv(middle, self.width // 2, 1, f"{name}_C2_conv")
        fine = _conv(fine, self.width // 2, 1, f"{name}_C1_conv")
        joined = layers.Concatenate(name=f"{name}_join")(
            [
                _upsample(coarse, 4, f"{name}_C3_upsample"),
                _upsample(middle, 2, f"{name}_C2_upsample"),
                fine,
            ]
        )
        return coarse, middle, self._maps(joined, f"{name}_maps")

    def _maps(self, x, name: str):
        """One linear map a keypoint, float32 under every dtype policy."""
        return layers.Conv2D(len(self.keypoints), 1, dtype="float32", name=name)(x)

    # === Loss ===

    def loss_terms(self, outputs, inputs, targets) -> dict:
        """{output: (sum, weight)}: the loss is the sum over the outputs of sum / weight.

        One device's term is the published one: the root of the sum of squared errors over all
        pictures, cells and keypoints of the batch. A root does not split: R replicas get the mean
        of their own roots by pictures, about 1 / sqrt(R) of what one device has for them all.

        The last stack's sum is over the `hard_keypoints` of each picture with the largest error in
        this same forward pass. Maps outside the category are zero, as are their targets: they cost
        nothing, whether mined or not. (The published network mines with a second pass, and drives
        the last stack's maps of a skirt's or trousers' foreign keypoints to zero besides.)
        """
        mask = ops.cast(inputs["keypoint_mask"], "float32")
        each = ops.ones_like(mask[:, 0])
        wanted = self._targets(targets) * mask[:, None, None, :]
        terms = {}
        for name, maps in outputs.items():
            error = ops.sum(ops.square(ops.cast(maps, "float32") - wanted), axis=(1, 2))  # (B, K)
            if name == STACKS[-1]:
                error = error * losses.hardest(error, self.hard_keypoints * each)
            pictures = ops.sum(each)
            terms[name] = (_root(ops.sum(error)) * pictures, pictures)
        return terms

    def _targets(self, targets):
        """Gaussians of peak 1, (B, h, w, K); none where a keypoint is absent.

        The published ones are cut at 50 pixels, where a Gaussian of 20 is 3e-8: no window here.
        """
        side = self.size // STRIDE
        sigma = self.fwhm / math.sqrt(8 * math.log(2)) / STRIDE  # in cells
        maps = heatmaps.encode(targets["keypoints"], (side, side), STRIDE, sigma)
        present = ops.cast(ops.cast(targets["visibility"], "int32") > 0, "float32")
        return maps * present[:, None, None, :]

    # === Decoding ===

    @property
    def frame(self) -> tuple[int, int]:
        """Width and height of the input, pixels."""
        return self.size, self.size

    @property
    def stride(self) -> int:
        """Input pixels per cell of `heatmaps`."""
        return STRIDE

    def heatmaps(self, outputs):
        """The maps predictions are read from, (B, h, w, K), about 1 at a sure peak, never < 0.

        The mean of the three outputs: the published sum has its peak at the same place. With the
        global head, the global net's alone. (The
        published masks lack `bottom_right_out` by mistake, so that published weights have never
        learnt it but in the last output.)
        """
        heads = ("global",) if self.reading.head == "global" else ("global", *STACKS)
        maps = [ops.cast(outputs[head], "float32") for head in heads]
        return ops.maximum(sum(maps) / len(maps), 0.0)

    def decode(self, outputs, inputs) -> dict:
        """{"keypoints": (B, K, 2) in input pixels, "confidence": (B, K) in 0 … 1}."""
        return self.read(self.heatmaps(outputs), inputs["keypoint_mask"])

    def read(self, maps, mask) -> dict:
        """Keypoints and confidence from maps (B, h, w, K), one network's or the mean of many."""
        return self.reading.read(maps, mask, self.stride)


def _root(total):
    """The square root, whose gradient at 0 is 0 and not infinite."""
    is_positive = total > 0
    return ops.where(is_positive, ops.sqrt(ops.where(is_positive, total, 1.0)), 0.0)


def _conv(x, width: int, kernel: int, name: str):
    """Convolution, ReLU, then normalisation, as published; a 3x3 kernel is dilated by 2."""
    dilation = 2 if kernel > 1 else 1
    x = layers.Conv2D(
        width, kernel, dilation_rate=dilation, padding="same", activation="relu", name=name
    )(x)
    norm = name.replace("conv", "norm")
    return BatchNorm(name=norm, momentum=0.99, epsilon=1e-3)(x)  # Keras' own defaults


def _upsample(x, factor: int, name: str):
    # In its own type: float32 maps would else be rounded where features are in half precision.
    return layers.UpSampling2D(factor, interpolation="nearest", dtype=x.dtype, name=name)(x)
