"""GarmentCPN: a cascaded pyramid network for the keypoints of one garment.

The published networks of FashionAI's rank 17, one for each garment, ResNet-152 or SENet-154
(github.com/gathierry/FashionAI-KeyPointsDetectionOfApparel). After Chen et al., CVPR 2018 (arXiv
1711.07319), with differences: the global net's finest level is the heat maps themselves, the only
ones trained; the refine net starts from them and magnifies by learnt convolutions; the loss is L1.

B: pictures; K: keypoints; H, W: the input's side; a level P2 … P5 has stride 4 … 32.
"""

from dataclasses import dataclass, field

import keras
from keras import ops

from aifashion.backbones.pixels import normalise
from aifashion.backbones.resnet import ResNet
from aifashion.backbones.senet import SENet
from aifashion.datasets.fashionai import KEYPOINTS
from aifashion.keypoints import losses
from aifashion.keypoints.reading import Reading
from aifashion.ops import heatmaps
from aifashion.ops.norm import BatchNorm

STRIDE = 4  # of both outputs
RESNET_152 = ResNet(depth=152, stride_in="3x3", epsilon=1e-5, pixels="fashionai")


@dataclass(frozen=True)
class GarmentCPN:
    """The fields of the system; `build()` makes its network."""

    size: int = 512  # side of the square input, pixels; a multiple of 32
    keypoints: tuple[str, ...] = KEYPOINTS
    backbone: ResNet | SENet = RESNET_152
    width: int = 256  # channels of the pyramid; a multiple of 4
    amplitude: float = 100.0  # of the Gaussians
    sigma: float = 8.0  # of the Gaussians, in cells
    targets: str = "unbiased"  # or "msra": rounded centres, cut at 3 sigma
    mining: str = "sample"  # "batch": the published loss, over all pictures of a batch at once
    hard_keypoints: int | None = None  # mined in the refine loss; None: half the category's own
    occluded_weight: float = 1.0  # of an occluded keypoint's loss; a visible one's is 1
    reading: Reading = field(default_factory=Reading)  # of no matter to training

    def __post_init__(self):
        for name, known in (("mining", ("sample", "batch")), ("targets", ("unbiased", "msra"))):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f"GarmentCPN.{name} is one of {', '.join(known)}, not {value!r}")
        for name, step in (("size", 32), ("width", 4)):
            value = getattr(self, name)
            if value < step or value % step:
                raise ValueError(f"GarmentCPN.{name} is a multiple of {step}, not {value}")
        for name in ("sigma", "amplitude", "hard_keypoints"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"GarmentCPN.{name} is above 0, not {value}")
        weight = self.occluded_weight
        if not weight >= 0 or (self.mining == "batch" and weight != 1):
            raise ValueError(
                "GarmentCPN.occluded_weight is at least 0, and 1 with mining='batch' (the "
                f"published loss counts occluded keypoints like visible ones), not {weight}"
            )

    # === Network ===

    def build(self) -> keras.Model:
        """The network: inputs `image`, `keypoint_mask` -> {"global", "refine"}.

        Both are heat maps (B, H / 4, W / 4, K), float32, each multiplied by the mask.
        """
        image = keras.Input((self.size, self.size, 3), dtype="uint8", name="image")
        mask = keras.Input((len(self.keypoints),), dtype="float32", name="keypoint_mask")

        features = self.backbone.features(normalise(image, self.backbone.pixels))
        pyramid = _global_net(features, self.width, len(self.keypoints))
        joined = _refine_net(pyramid, self.width)
        refined = _maps(joined, len(self.keypoints), 1, "refine_maps")

        visible = keras.layers.Reshape((1, 1, len(self.keypoints)), dtype="float32")(mask)
        outputs = {"global": pyramid["P2"] * visible, "refine": refined * visible}
        return keras.Model({"image": image, "keypoint_mask": mask}, outputs, name="garment_cpn")

    # === Loss ===

    def loss_terms(self, outputs, inputs, targets) -> dict:
        """{"global" and "refine": (sum, weight)}: the loss is the sum of both sums / weights.

        Mined by "sample", a mean over the present keypoints of every picture, in "refine" over the
        hardest of each picture. Mined by "batch", the published value of this replica's batch;
        replicas are averaged by their pictures, and each has its own hardest keypoints.
        """
        mask = ops.cast(inputs["keypoint_mask"], "float32")
        weights = mask * self._weight_of(targets["visibility"])
        drawn = self._drawn(targets, mask)
        terms = {}
        for name, maps in outputs.items():
            if self.mining == "batch":
                loss = self._loss_of_batch(maps, drawn, weights, mined=name == "refine")
                pictures = ops.cast(ops.shape(mask)[0], "float32")
                terms[name] = (loss * pictures, pictures)
                continue
            loss = weights * losses.balanced(*losses.rectified_l1(maps, drawn, self.amplitude))
            chosen = ops.ones_like(weights)
            if name == "refine":
                chosen = losses.hardest(loss, losses.hard_counts(mask, self.hard_keypoints))
            terms[name] = (ops.sum(loss * chosen), ops.sum(weights * chosen))
        return terms

    def _weight_of(self, visibility):
        weights = ops.convert_to_tensor((0.0, self.occluded_weight, 1.0), "float32")
        return ops.take(weights, ops.cast(visibility, "int32"))

    def _drawn(self, targets, mask):
        """What the maps should be, (B, h, w, K): zero for a keypoint that is absent."""
        size = (self.size // STRIDE, self.size // STRIDE)
        maps = heatmaps.encode(targets["keypoints"], size, STRIDE, self.sigma, self.targets)
        present = mask * ops.cast(ops.cast(targets["visibility"], "int32") > 0, "float32")
        return self.amplitude * maps * present[:, None, None, :]

    def _loss_of_batch(self, maps, drawn, valid, mined: bool):
        """The published loss: each keypoint's over all pictures, then the mean of the keypoints'.

        The amplitude is the largest of the drawn maps. A keypoint that is valid in no picture costs
        0 and counts in the mean.
        """
        sums, counts = losses.rectified_l1(maps, drawn, ops.max(drawn, initial=0.0))
        sums, counts = (ops.sum(valid * x, axis=1) for x in (sums, counts))  # (2, K)
        loss = losses.balanced(sums, counts)[None]  # (1, K)
        chosen = ops.ones_like(loss)
        if mined:
            chosen = losses.hardest(loss, losses.hard_counts(chosen, self.hard_keypoints))
        return ops.sum(loss * chosen) / ops.sum(chosen)

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
        """The maps predictions are read from, (B, h, w, K), about 1 at a sure peak, never < 0."""
        return ops.relu(ops.cast(outputs[self.reading.head], "float32")) / self.amplitude

    def decode(self, outputs, inputs) -> dict:
        """{"keypoints": (B, K, 2) in input pixels, "confidence": (B, K) in 0 … 1}."""
        return self.read(self.heatmaps(outputs), inputs["keypoint_mask"])

    def read(self, maps, mask) -> dict:
        """Keypoints and confidence from maps (B, h, w, K), one network's or the mean of many."""
        return self.reading.read(maps, mask, self.stride)


def _global_net(features: dict, width: int, keypoints: int) -> dict:
    """{"C2" … "C5"} -> {"P2" … "P5"}: P2 is the heat maps (B, H / 4, W / 4, keypoints), float32."""
    lateral = {
        level: keras.layers.Conv2D(width, 1, name=f"lateral_{level}")(x)
        for level, x in features.items()
    }
    p5 = lateral["C5"]
    p4 = _conv3(_doubled(p5) + lateral["C4"], width, "topdown_P4")
    p3 = _conv3(_doubled(p4) + lateral["C3"], width, "topdown_P3")
    p2 = _maps(_doubled(p3) + lateral["C2"], keypoints, 3, "global_maps")
    return {"P2": p2, "P3": p3, "P4": p4, "P5": p5}


def _refine_net(pyramid: dict, width: int):
    """Bottlenecks, more of them the coarser the level; joined at stride 4, (B, H/4, W/4, width)."""
    joined = []
    for level, blocks, factor in (("P2", 1, 1), ("P3", 1, 2), ("P4", 2, 4), ("P5", 3, 8)):
        x = pyramid[level]
        for block in range(1, blocks + 1):
            x = _bottleneck(x, width, f"refine_{level}_block{block}")
        joined.append(_magnified(x, factor, f"refine_{level}_up"))
    return _bottleneck(keras.layers.Concatenate()(joined), width, "refine_join")


def _bottleneck(x, width: int, name: str):
    shortcut = x
    if x.shape[-1] != width:
        shortcut = _conv(x, width, 1, f"{name}_conv_shortcut")
    x = keras.layers.ReLU(name=f"{name}_relu1")(_conv(x, width // 4, 1, f"{name}_conv1"))
    x = keras.layers.ReLU(name=f"{name}_relu2")(_conv(x, width // 4, 3, f"{name}_conv2"))
    x = _conv(x, width, 1, f"{name}_conv3")
    return keras.layers.ReLU(name=f"{name}_relu3")(x + shortcut)


def _conv(x, width: int, kernel: int, name: str):
    """Convolution without bias, and normalisation."""
    x = keras.layers.Conv2D(width, kernel, padding="same", use_bias=False, name=name)(x)
    return BatchNorm(name=name.replace("conv", "norm"))(x)


def _conv3(x, width: int, name: str):
    return keras.layers.Conv2D(width, 3, padding="same", name=name)(x)


def _maps(x, keypoints: int, kernel: int, name: str):
    """Heat maps (B, h, w, keypoints), float32 under every dtype policy."""
    return keras.layers.Conv2D(keypoints, kernel, padding="same", dtype="float32", name=name)(x)


def _magnified(x, factor: int, name: str):
    """A learnt magnification, of a kernel twice as wide as a step, without activation."""
    if factor == 1:
        return x
    return keras.layers.Conv2DTranspose(
        x.shape[-1], 2 * factor, strides=factor, padding="same", name=name
    )(x)


def _doubled(x):
    # In float32, as TensorFlow interpolates anyway: XLA's gradient of the half-precision one has
    # the wrong type and does not compile.
    return keras.layers.UpSampling2D(2, interpolation="bilinear", dtype="float32")(x)
