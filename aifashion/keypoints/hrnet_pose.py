"""HRNetPose: heat maps from HRNet's finest branch by a convolution of 1x1.

Sun et al., "Deep High-Resolution Representation Learning for Human Pose Estimation", CVPR 2019
(arXiv 1902.09212), as trained for DeepFashion2's landmarks (github.com/lzhbrian/
deepfashion2-kps-agg-finetune, arXiv 2005.00419): a network of 294 keypoints, every category's own,
or of 81, which the categories share.

B: pictures; K: keypoints; h, w: cells of the maps, a quarter of the input's height and width.
"""

from dataclasses import dataclass, field

import keras
from keras import layers, ops

from aifashion.backbones.hrnet import HRNet
from aifashion.backbones.pixels import normalise
from aifashion.datasets.deepfashion2.landmarks import KEYPOINTS
from aifashion.keypoints import losses
from aifashion.keypoints.reading import Reading
from aifashion.ops import heatmaps

STRIDE = 4


@dataclass(frozen=True)
class HRNetPose:
    """The fields of the system; `build()` makes its network.

    The head starts from N(0, 0.001^2), as published, so that fresh maps are next to nothing. The
    other convolutions start with He's spread, where the published code draws N(0, 0.001^2) too:
    each is normalised, and from scratch both train alike.
    """

    height: int = 512  # of the input, pixels; multiples of 32
    width: int = 384
    keypoints: tuple[str, ...] = KEYPOINTS
    backbone: HRNet = field(default_factory=HRNet)
    sigma: float = 3.0  # of the Gaussians, in cells
    targets: str = "unbiased"  # or "msra": rounded centres, cut at 3 sigma
    condition: str = "none"  # "add": the mask enters the features, before stage 4
    occluded_weight: float = 1.0  # of an occluded keypoint's error; a visible one's is 1
    hard_keypoints: int | None = None  # mined in each picture; None: all count
    reading: Reading = field(default_factory=Reading)  # of no matter to training; it has one head

    def __post_init__(self):
        for name, known in (("condition", ("none", "add")), ("targets", ("unbiased", "msra"))):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f"HRNetPose.{name} is one of {', '.join(known)}, not {value!r}")
        for name in ("height", "width"):
            value = getattr(self, name)
            if value < 32 or value % 32:
                raise ValueError(f"HRNetPose.{name} is a multiple of 32, not {value}")
        for name in ("sigma", "hard_keypoints"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"HRNetPose.{name} is above 0, not {value}")
        if not self.occluded_weight >= 0:
            raise ValueError(f"HRNetPose.occluded_weight is at least 0, not {self.occluded_weight}")

    # === Network ===

    def build(self) -> keras.Model:
        """The network: inputs `image`, `keypoint_mask` -> {"heatmaps": (B, h, w, K)}, float32.

        As in the published network the mask does not multiply the maps: those of other categories'
        keypoints are not trained.
        """
        image = keras.Input((self.height, self.width, 3), dtype="uint8", name="image")
        mask = keras.Input((len(self.keypoints),), dtype="float32", name="keypoint_mask")

        features = self.backbone.first_stages(normalise(image, self.backbone.pixels))
        if self.condition == "add":
            features = {level: _conditioned(x, mask, level) for level, x in features.items()}
        finest = self.backbone.last_stage(features, finest_alone=True)["C2"]
        head = layers.Conv2D(
            len(self.keypoints),
            1,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
            dtype="float32",
            name="head_maps",
        )
        inputs = {"image": image, "keypoint_mask": mask}
        return keras.Model(inputs, {"heatmaps": head(finest)}, name="hrnet_pose")

    # === Loss ===

    def loss_terms(self, outputs, inputs, targets) -> dict:
        """{"heatmaps": (sum, weight)}: the loss is sum / weight, the published one.

        A keypoint's is half the mean over the cells of (w (map - Gaussian))^2; w is 0 of one that
        is absent or not the category's, which counts in the mean nevertheless: of pictures and
        keypoints, or of pictures and their `hard_keypoints` largest.
        """
        mask = ops.cast(inputs["keypoint_mask"], "float32")
        weights = mask * self._weight_of(targets["visibility"])
        drawn = heatmaps.encode(targets["keypoints"], self._cells, STRIDE, self.sigma, self.targets)
        error = losses.mean_squared_error(outputs["heatmaps"], drawn)
        loss = 0.5 * ops.square(weights) * error  # (B, K)
        counted = ops.ones_like(loss)
        if self.hard_keypoints is not None:
            counted = losses.hardest(loss, self.hard_keypoints * counted[:, 0])
        return {"heatmaps": (ops.sum(loss * counted), ops.sum(counted))}

    def _weight_of(self, visibility):
        weights = ops.convert_to_tensor((0.0, self.occluded_weight, 1.0), "float32")
        return ops.take(weights, ops.cast(visibility, "int32"))

    # === Decoding ===

    @property
    def frame(self) -> tuple[int, int]:
        """Width and height of the input, pixels."""
        return self.width, self.height

    @property
    def stride(self) -> int:
        """Input pixels per cell of `heatmaps`."""
        return STRIDE

    @property
    def _cells(self) -> tuple[int, int]:
        """(h, w)."""
        return self.height // STRIDE, self.width // STRIDE

    def heatmaps(self, outputs):
        """The maps predictions are read from, (B, h, w, K), about 1 at a sure peak, 0 elsewhere.

        As they are: somewhat below 0 in places, and of the keypoints outside the category too.
        """
        return ops.cast(outputs["heatmaps"], "float32")

    def decode(self, outputs, inputs) -> dict:
        """{"keypoints": (B, K, 2) in input pixels, "confidence": (B, K) in 0 … 1}."""
        return self.read(self.heatmaps(outputs), inputs["keypoint_mask"])

    def read(self, maps, mask) -> dict:
        """Keypoints and confidence from maps (B, h, w, K), one network's or the mean of many."""
        return self.reading.read(maps, mask, self.stride)


def _conditioned(x, mask, level: str):
    """Adds a projection of the mask, zero at first, so that converted weights predict unchanged.

    Next to the head, which is linear, it would move a whole map up or down and no peak.
    """
    channels = x.shape[-1]
    project = layers.Dense(
        channels, use_bias=False, kernel_initializer="zeros", name=f"condition_{level}"
    )
    return x + layers.Reshape((1, 1, channels))(project(mask))
