"""CPN: the cascaded pyramid network for keypoints, all garments in one network.

A global net on the backbone's pyramid finds the easy keypoints at every level; a refine net on the
joined levels learns from the hard ones. Chen et al., "Cascaded Pyramid Network for Multi-Person
Pose Estimation", CVPR 2018 (arXiv 1711.07319), with the all-in-one FashionAI system's input masks:
a garment's category says which of the heat maps exist.

B: pictures; K: keypoints; H, W: the input's side; a level P2 … P5 has stride 4 … 32.
"""

import math
from dataclasses import dataclass, field

import keras
from keras import ops

from aifashion.backbones.pixels import normalise
from aifashion.backbones.resnet import ResNet
from aifashion.datasets.fashionai import KEYPOINTS
from aifashion.keypoints import losses
from aifashion.keypoints.reading import Reading
from aifashion.ops import heatmaps
from aifashion.ops.norm import BatchNorm

STRIDES = {"P2": 4, "P3": 8, "P4": 16, "P5": 32}
REFINE_STRIDE = STRIDES["P2"]
READ_FROM = {"refine": "refine", "global": "P2"}  # both of the refine net's stride


@dataclass(frozen=True)
class CPN:
    """The fields of the system; `build()` makes its network."""

    size: int = 512  # side of the square input, pixels; a multiple of 32
    keypoints: tuple[str, ...] = KEYPOINTS
    backbone: ResNet = field(default_factory=lambda: ResNet(depth=101))
    width: int = 256  # channels of the pyramid
    condition: str = "multiply"  # "add": the mask also enters the features, at C5
    loss: str = "mse"  # "mse", or "softmax": spatial soft-max cross-entropy
    amplitude: float = 10.0  # of the Gaussians under "mse"
    sigma: float = 2.0  # of the Gaussians, in cells of each level
    targets: str = "unbiased"  # or "msra": rounded centres, cut at 3 sigma
    occluded_weight: float = 0.5  # of an occluded keypoint's loss; a visible one's is 1
    absent_weight: float = 0.0  # the published all-in-one network trains absent ones to zero: 1
    hard_keypoints: int | None = None  # mined in the refine loss; None: half the category's own
    reading: Reading = field(default_factory=Reading)  # of no matter to training

    def __post_init__(self):
        for name, value, known in (
            ("condition", self.condition, ("multiply", "add")),
            ("loss", self.loss, ("mse", "softmax")),
            ("targets", self.targets, ("unbiased", "msra")),
        ):
            if value not in known:
                raise ValueError(f"CPN.{name} is one of {', '.join(known)}, not {value!r}")
        if self.size < 32 or self.size % 32:
            raise ValueError(f"CPN.size is a multiple of 32, not {self.size}")
        for name in ("width", "sigma", "amplitude", "hard_keypoints"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"CPN.{name} is above 0, not {value}")
        if self.absent_weight and self.loss == "softmax":
            raise ValueError("CPN.absent_weight needs loss='mse': a soft-max map cannot be zero")

    # === Network ===

    def build(self) -> keras.Model:
        """The network: inputs `image`, `keypoint_mask` -> {"P2" … "P5", "refine"}.

        "P2" … "P5" are the global net's maps (B, H / stride, W / stride, K), "refine" the refine
        net's at stride 4; float32, each multiplied by the mask.
        """
        image = keras.Input((self.size, self.size, 3), dtype="uint8", name="image")
        mask = keras.Input((len(self.keypoints),), dtype="float32", name="keypoint_mask")

        features = self.backbone.features(normalise(image, self.backbone.pixels))
        if self.condition == "add":
            features["C5"] = _add_condition(features["C5"], mask)
        pyramid = _global_net(features, self.width)
        outputs = {level: self._head(x, f"global_{level}") for level, x in pyramid.items()}
        outputs["refine"] = self._head(_refine_net(pyramid, self.width), "refine")

        visible = keras.layers.Reshape((1, 1, len(self.keypoints)), dtype="float32")(mask)
        outputs = {level: maps * visible for level, maps in outputs.items()}
        return keras.Model({"image": image, "keypoint_mask": mask}, outputs, name="cpn")

    def _head(self, x, name: str):
        """A level's heat maps, (B, h, w, K) float32."""
        x = _conv(x, self.width, 1, f"{name}_project")
        conv = keras.layers.Conv2D(
            len(self.keypoints), 3, padding="same", dtype="float32", name=f"{name}_maps"
        )
        return conv(x)

    # === Loss ===

    def loss_terms(self, outputs, inputs, targets) -> dict:
        """{level: (sum, weight)}: the loss is the sum over the levels of sum / weight.

        Each global level averages over the category's keypoints, an occluded one counting
        `occluded_weight`; "refine" averages over the hardest of each picture alone.
        """
        mask = ops.cast(inputs["keypoint_mask"], "float32")
        weights = mask * self._weight_of(targets["visibility"])
        terms = {}
        for level, maps in outputs.items():
            loss = self._loss(maps, self._targets(targets, level)) * weights
            chosen = ops.ones_like(weights)
            if level == "refine":
                chosen = losses.hardest(loss, losses.hard_counts(mask, self.hard_keypoints))
            terms[level] = (ops.sum(loss * chosen), ops.sum(weights * chosen))
        return terms

    def _weight_of(self, visibility):
        weights = ops.convert_to_tensor((self.absent_weight, self.occluded_weight, 1.0), "float32")
        return ops.take(weights, ops.cast(visibility, "int32"))

    def _targets(self, targets, level: str):
        stride = STRIDES.get(level, REFINE_STRIDE)
        size = (self.size // stride, self.size // stride)
        maps = heatmaps.encode(targets["keypoints"], size, stride, self.sigma, self.targets)
        present = ops.cast(ops.cast(targets["visibility"], "int32") > 0, "float32")
        return maps * present[:, None, None, :]

    def _loss(self, maps, target):
        if self.loss == "softmax":
            return losses.spatial_cross_entropy(maps, target)
        error = losses.mean_squared_error(maps, target * self.amplitude)
        # A level's loss is its share of the Gaussian's energy, pi sigma^2 amplitude^2 over all
        # cells: a map of zeros costs 1 whatever the level. Else coarse levels, of which a Gaussian
        # fills more, would outweigh the fine ones a hundred times.
        cells = maps.shape[1] * maps.shape[2]
        return error * cells / (math.pi * (self.sigma * self.amplitude) ** 2)

    # === Decoding ===

    @property
    def frame(self) -> tuple[int, int]:
        """Width and height of the input, pixels."""
        return self.size, self.size

    @property
    def stride(self) -> int:
        """Input pixels per cell of `heatmaps`."""
        return REFINE_STRIDE

    def heatmaps(self, outputs):
        """The maps predictions are read from, (B, h, w, K), about 1 at a sure peak, never < 0."""
        maps = ops.cast(outputs[READ_FROM[self.reading.head]], "float32")
        if self.loss == "mse":
            return ops.maximum(maps / self.amplitude, 0.0)
        # A Gaussian that sums to 1 peaks at 1 / (2 pi sigma^2).
        peak = 1 / (2 * math.pi * self.sigma**2)
        return ops.exp(maps - ops.logsumexp(maps, axis=(1, 2), keepdims=True)) / peak

    def decode(self, outputs, inputs) -> dict:
        """{"keypoints": (B, K, 2) in input pixels, "confidence": (B, K) in 0 … 1}."""
        return self.read(self.heatmaps(outputs), inputs["keypoint_mask"])

    def read(self, maps, mask) -> dict:
        """Keypoints and confidence from maps (B, h, w, K), one network's or the mean of many."""
        return self.reading.read(maps, mask, self.stride)


def _add_condition(x, mask):
    """Adds a projection of the mask, zero at first, so that converted weights predict unchanged."""
    channels = x.shape[-1]
    project = keras.layers.Dense(
        channels, use_bias=False, kernel_initializer="zeros", name="condition"
    )
    return x + keras.layers.Reshape((1, 1, channels))(project(mask))


def _global_net(features: dict, width: int) -> dict:
    """Top-down pyramid: {"C2" … "C5"} -> {"P2" … "P5"}, each of `width` channels."""
    pyramid = {}
    above = None
    for level in sorted(features, reverse=True):
        x = _conv(features[level], width, 1, f"lateral_{level}")
        if above is not None:
            x = x + _conv(_upsample(above, 2), width, 1, f"topdown_{level}", activation=None)
        name = level.replace("C", "P")
        pyramid[name] = above = x
    return dict(sorted(pyramid.items()))


def _refine_net(pyramid: dict, width: int):
    """Bottlenecks, more of them the coarser the level; joined at stride 4, (B, H/4, W/4, width)."""
    joined = []
    for count, (level, x) in enumerate(pyramid.items()):
        for block in range(count):
            x = _bottleneck(x, width, f"refine_{level}_block{block + 1}")
        joined.append(_upsample(x, STRIDES[level] // REFINE_STRIDE))
    return _bottleneck(keras.layers.Concatenate()(joined), width, "refine_join")


def _bottleneck(x, width: int, name: str):
    shortcut = x
    if x.shape[-1] != width:
        shortcut = _conv(x, width, 1, f"{name}_shortcut", activation=None)
    x = _conv(x, width // 2, 1, f"{name}_conv1")
    x = _conv(x, width // 2, 3, f"{name}_conv2")
    x = _conv(x, width, 1, f"{name}_conv3", activation=None)
    return keras.layers.ReLU(name=f"{name}_relu")(x + shortcut)


def _conv(x, width: int, kernel: int, name: str, activation: str | None = "relu"):
    x = keras.layers.Conv2D(width, kernel, padding="same", use_bias=False, name=name)(x)
    x = BatchNorm(name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x) if activation else x


def _upsample(x, factor: int):
    if factor == 1:
        return x
    # In float32, as TensorFlow interpolates anyway: XLA's gradient of the half-precision one has
    # the wrong type and does not compile.
    return keras.layers.UpSampling2D(factor, interpolation="bilinear", dtype="float32")(x)
