"""The choices that are measured: a row has a base and variants of it, each told by its commands.

Everything is small enough for two CPU cores: drawn pictures of 96 px, the quick recipe's network.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Drawn:
    """Data that networks are trained and tested on, and the words that draw them."""

    folder: str
    drawing: tuple[str, ...]


FASHIONAI = Drawn(
    "data/ablations",
    (
        "draw", "fashionai", "data/ablations",
        "--images", "1200", "--test-images", "400", "--size", "128", "--seed", "7",
    ),
)  # fmt: skip
DEEPFASHION2 = Drawn(
    "data/ablations_deepfashion2",
    (
        "draw", "deepfashion2", "data/ablations_deepfashion2",
        "--images", "1300", "--test-images", "0", "--size", "160", "--seed", "7",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """One way of doing it: flags of train.py and of test.py beside the base's."""

    label: str
    name: str  # of the folders of its runs and scores
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    trained_as: str | None = None  # the variant whose networks it only tests otherwise
    start: str | None = None  # the variant whose network of the same seed it starts from
    data: Drawn = FASHIONAI


@dataclass(frozen=True)
class Row:
    """A choice: its base, the variants compared with it, and the effect that was published."""

    title: str
    base: Variant
    variants: tuple[Variant, ...]
    published: str  # with its source
    command: str = ""  # of a choice that is not measured here: how to


def _set(*settings: str) -> tuple[str, ...]:
    return tuple(part for setting in settings for part in ("--set", setting))


QUICK = ("--network", "quick", "--epochs", "8", *_set("model.size=96"))
# The per-garment networks' system, as small.
GARMENT = (
    "--network", "cpn_resnet152", "--weights", "none", "--epochs", "8",
    "--batch-size", "16", "--learning-rate", "0.0025",
    *_set(
        "model.size=96", "model.width=64", "model.sigma=1.0",
        "model.backbone.blocks=[1,1,2,1]", "model.backbone.width=32",
        "training.optimizer=adamw", "training.schedule=cosine", "training.warmup=0.3",
    ),
)  # fmt: skip
PLAIN = ("--augment", "none")

# The landmarks' system, as small; NE is over the root of the box's area.
LANDMARKS = ("--network", "hrnet_quick")
UNTOLD = (*LANDMARKS, *_set("model.condition=none"))
EIGHT = ("--epochs", "8")

TOLD = Variant("told", "landmarks_told", (*LANDMARKS, *EIGHT), PLAIN, data=DEEPFASHION2)
BASE = Variant("as the quick recipe has it", "base", QUICK, PLAIN)
GARMENT_BASE = Variant("each picture's own hardest half", "l1_sample", GARMENT, PLAIN)


def _trained(label: str, name: str, *settings: str) -> Variant:
    """The base's network, trained otherwise."""
    return Variant(label, name, (*QUICK, *_set(*settings)), PLAIN)


def _read(label: str, name: str, *settings: str) -> Variant:
    """The base's networks, read otherwise."""
    return Variant(label, name, (), (*PLAIN, *_set(*settings)), trained_as="base")


def _shown(label: str, name: str, *flags: str) -> Variant:
    """The base's networks, shown the pictures otherwise."""
    return Variant(label, name, (), flags, trained_as="base")


S3 = "per-garment system, its experiment sheet"
ROWS = (
    # === Reading: one network, read in several ways ===
    Row(
        "Where the peak is read (base: unbiased, DARK)",
        BASE,
        (
            _read("largest cell", "peak_cell", "model.reading.peak=cell"),
            _read("a quarter towards the second largest", "peak_quarter",
                  "model.reading.peak=quarter"),
            _read("the same, with the published + 2 pixels", "peak_quarter_2",
                  "model.reading.peak=quarter", "model.reading.shift=0.5"),
            _read("the same, without", "peak_quarter_0",
                  "model.reading.peak=quarter", "model.reading.shift=-1.5"),
        ),
        f"best offset of each garment rather than + 2: 4.222 → 4.048 % ({S3})",
    ),
    Row(
        "Blur of the maps (base: none)",
        BASE,
        (
            _read("sigma 0.5 cells", "blur_05", "model.reading.blur=0.5"),
            _read("sigma 1 cell", "blur_1", "model.reading.blur=1"),
        ),
        "helps with flipping (per-garment system), hurts (HiKapok's notes)",
    ),
    Row(
        "Bicubic enlargement of the final maps (base: none)",
        BASE,
        (
            _read("twice", "enlarge_2", "model.reading.enlarge=2"),
            _read("twice, then the largest cell", "enlarge_2_cell",
                  "model.reading.enlarge=2", "model.reading.peak=cell"),
        ),
        "7.69 → 7.05 % over bilinear, with the largest cell (luoyetx's notes)",
    ),
    Row(
        "Head that is read (base: refine)",
        BASE,
        (_read("global", "head_global", "model.reading.head=global"),),
        f"4.284 % global, 4.272 % refine ({S3})",
    ),
    Row(
        "Views of a picture (base: one)",
        BASE,
        (
            _shown("mirrored too", "views_flip", "--augment", "flip"),
            _shown("three scales, mirrored too", "views_scales", "--augment", "scales"),
            _shown("five angles, mirrored too", "views_full", "--augment", "full"),
            _shown("then what was found, closer by", "views_crop", "--augment", "none", "--crop"),
        ),
        "flips and scales together 7.05 → 5.48 % (luoyetx); crop 4.17 → 4.05, both 3.95 % "
        "(abeardear)",
    ),
    # === Training ===
    Row(
        "Input size (base: 96 px)",
        BASE,
        (
            _trained("64 px", "size_64", "model.size=64"),
            _trained("128 px", "size_128", "model.size=128"),
        ),
        f"256 → 512 px: 9.71 → 7.17 % ({S3})",
    ),
    Row(
        "Range of rotation (base: ± 15°, half of the pictures)",
        BASE,
        (
            _trained("none", "rotation_0", "augmentation.rotation=0"),
            _trained("± 30°", "rotation_30", "augmentation.rotation=30"),
            _trained("± 40°", "rotation_40", "augmentation.rotation=40"),
        ),
        f"± 30° is better than ± 40° and than none ({S3})",
    ),
    Row(
        "Flip in training (base: half of the pictures)",
        BASE,
        (_trained("never", "flip_0", "augmentation.flip=0"),),
        "off in the all-in-one system, on in the per-garment one; no figure",
    ),
    Row(
        "Masked-keypoint augmentation (base: 0.1 of the pictures)",
        BASE,
        (
            _trained("none", "erase_0", "augmentation.erase=0"),
            _trained("0.3 of the pictures", "erase_3", "augmentation.erase=0.3"),
        ),
        "in neither system; coarse dropout + 0.4 AP on COCO (mmpose tables)",
    ),
    Row(
        "Weight of occluded keypoints (base: 0.5)",
        BASE,
        (
            _trained("0: left out", "occluded_0", "model.occluded_weight=0"),
            _trained("1: as visible ones", "occluded_1", "model.occluded_weight=1"),
        ),
        f"as further positives 4.27 → 4.22 % ({S3}); left out is better (luoyetx, HqWei)",
    ),
    Row(
        "Hard keypoint mining in the all-in-one CPN (base: half of the category's own)",
        BASE,
        (_trained("none", "mining_none", "model.hard_keypoints=24"),),
        f"all, half, a fifth: 8.66, 8.11, 9.04 % ({S3})",
    ),
    Row(
        "Mining by picture or by batch, L1 loss (base: by picture)",
        GARMENT_BASE,
        (
            Variant("by batch, as published", "l1_batch",
                    (*GARMENT, *_set("model.mining=batch")), PLAIN),
        ),
        "no figure",
    ),
    Row(
        "Moving average of the weights (base: none)",
        BASE,
        (_trained("decay 0.99", "ema_99", "training.ema=0.99"),),
        "in neither system",
    ),
    Row(
        "The mask as a feature at C5 (base: it multiplies the maps only)",
        BASE,
        (_trained("added too", "condition_add", "model.condition=add"),),
        "in neither system",
    ),
    Row(
        "One network for all or one a garment (base: for all)",
        BASE,
        (
            Variant(
                "a network for each garment, all steps together as many", "each",
                ("--category", "each", *QUICK), PLAIN,
            ),
        ),
        "one joint ResNet-50 at 3.64 % beats five networks of each of two kinds at 3.78 % "
        "(luoyetx; per-garment system)",
    ),
    Row(
        "One network that is told the category, or thirteen (DeepFashion2; base: one)",
        TOLD,
        (
            Variant(
                "one that is not told", "landmarks_81", (*UNTOLD, *EIGHT), PLAIN,
                data=DEEPFASHION2,
            ),
            Variant(
                "the same, then one for each category for two epochs more", "landmarks_each",
                ("--category", "each", *UNTOLD, "--epochs", "2", "--learning-rate", "0.00025"),
                PLAIN, start="landmarks_81", data=DEEPFASHION2,
            ),
        ),
        "AP 0.615 for thirteen (arXiv 2005.00419), 0.579 for one of 294 keypoints (SVIP Lab), on "
        "boxes of different detectors",
    ),
    # === Not on two cores ===
    Row(
        "Depth of the backbone",
        Variant("ResNet-50", "depth_50"),
        (Variant("ResNet-152", "depth_152"),),
        f"ResNet-152 4.18 %, SENet-154 3.93 % ({S3})",
        "python train.py --network cpn_resnet152 --category each --set model.backbone.depth=50",
    ),
    Row(
        "512 px",
        Variant("256 px", "large_256"),
        (Variant("512 px", "large_512"),),
        f"9.71 → 7.17 % ({S3})",
        "python train.py --network cpn_resnet50 --set model.size=256",
    ),
)  # fmt: skip


def measured() -> tuple[Row, ...]:
    """The rows that two cores can resolve."""
    return tuple(row for row in ROWS if not row.command)


def variants() -> dict[str, Variant]:
    """Every variant that is measured, by name; those that are only tested otherwise come last."""
    found = {v.name: v for row in measured() for v in (row.base, *row.variants)}
    return dict(sorted(found.items(), key=lambda item: item[1].trained_as is not None))
