"""The menu of experiments: a recipe is a system, its data and how it is trained."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from types import UnionType
from typing import get_args, get_origin, get_type_hints

from aifashion.backbones.hrnet import HRNet
from aifashion.backbones.resnet import ResNet
from aifashion.backbones.senet import SENet
from aifashion.datasets.deepfashion2.landmarks import CHANNELS
from aifashion.errors import Exit, Failure
from aifashion.keypoints.cpn import CPN
from aifashion.keypoints.cpn_2018 import CPN2018
from aifashion.keypoints.garment_cpn import GarmentCPN
from aifashion.keypoints.hrnet_pose import HRNetPose
from aifashion.training import Training


@dataclass(frozen=True)
class Augmentation:
    """What a training picture goes through; each draw is a function of (seed, epoch, record)."""

    flip: float = 0.5  # probability
    rotation: float = 30.0  # degrees, uniform in +-
    rotation_probability: float = 0.6
    scale: tuple[float, float] = (0.75, 1.25)
    shift: float = 0.08  # of the canvas, uniform in +-, each axis
    brightness: float = 0.15  # of 255, uniform in +-
    contrast: float = 0.2  # uniform in 1 +-
    saturation: float = 0.3  # uniform in 1 +-
    channels: float = 0.05  # each channel's own gain, uniform in 1 +-
    blur: float = 0.15  # probability
    erase: float = 0.3  # probability of masked-keypoint augmentation
    erase_size: tuple[float, float] = (0.05, 0.15)  # side of an erased square, of the canvas
    erase_most: int = 3  # keypoints erased at once


DEFAULT_DATASET = "fashionai"  # of recipes and commands that name none


@dataclass(frozen=True)
class Recipe:
    """One experiment; a run's folder holds its resolved form."""

    system: CPN | GarmentCPN | CPN2018 | HRNetPose
    training: Training
    dataset: str = DEFAULT_DATASET  # key of `aifashion.datasets.DATASETS`
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    weights: str = "none"  # the network starts from: "none", "imagenet" (backbone) or a file
    own_keypoints: bool = True  # a network of one category has that category's keypoints alone


# === The menu ===

# As the per-garment networks were trained: turned always, mirrored half the time, nothing else.
TURNED_AND_MIRRORED = Augmentation(
    rotation_probability=1.0,
    scale=(1.0, 1.0),
    shift=0.0,
    brightness=0.0,
    contrast=0.0,
    saturation=0.0,
    channels=0.0,
    blur=0.0,
    erase=0.0,
)
PER_GARMENT = Training(
    epochs=100,
    batch_size=24,
    optimizer="sgd",
    learning_rate=1e-3,
    schedule="plateau",
    weight_decay=1e-4,
)

# As the landmark networks were trained: a garment's box turned and stretched. Theirs are normal
# draws, cut at two (angle) and one standard deviation (scale); ours are uniform, about as wide.
BOXED = replace(
    TURNED_AND_MIRRORED,
    flip=0.0,
    rotation=45.0,
    rotation_probability=0.6,
    scale=(0.75, 1.25),
)
LANDMARKS = Training(
    epochs=12, batch_size=32, learning_rate=1e-3, schedule="step", milestones=(7, 10)
)

# Of narrow networks on drawn data, on two CPU cores.
IN_MINUTES = Training(
    epochs=7,
    batch_size=16,
    optimizer="adamw",
    learning_rate=2.5e-3,
    schedule="cosine",
    warmup=0.3,
    weight_decay=1e-4,
)

RECIPES = {
    # FashionAI, all five garments in one network, 512 px. The published all-in-one system scored
    # 4.77 % on round-2 test (its README: "0.477", rank 46 of 2322).
    "cpn_resnet101": Recipe(
        system=CPN(backbone=ResNet(depth=101)),
        training=Training(epochs=30, batch_size=8, learning_rate=1e-4),
        weights="imagenet",
    ),
    # The same on the smaller backbone: the first to try on one GPU.
    "cpn_resnet50": Recipe(
        system=CPN(backbone=ResNet(depth=50)),
        training=Training(epochs=30, batch_size=16, learning_rate=2e-4),
        weights="imagenet",
    ),
    # FashionAI, a network for each garment (--category each, or one of them), as published by the
    # competition's rank 17: NE of the five 4.18 % (its validation set), on round-2 test together
    # with the next one 3.82 %.
    "cpn_resnet152": Recipe(
        system=GarmentCPN(),
        training=PER_GARMENT,
        augmentation=TURNED_AND_MIRRORED,
        weights="imagenet",
    ),
    # The same on SENet-154: 3.93 % on its validation set.
    "cpn_senet154": Recipe(
        system=GarmentCPN(backbone=SENet(pixels="fashionai")),
        training=replace(PER_GARMENT, batch_size=12),
        augmentation=TURNED_AND_MIRRORED,
        weights="imagenet",
    ),
    # The all-in-one network as it was in 2018, for its published weights; `cpn_resnet101` is its
    # better successor.
    "cpn_v11_2018": Recipe(
        system=CPN2018(),
        training=Training(epochs=30, batch_size=3, learning_rate=1e-4),
        augmentation=replace(
            TURNED_AND_MIRRORED, flip=0.0, rotation=40.0, rotation_probability=0.5
        ),
    ),
    # DeepFashion2, all categories in one network of the 81 keypoints that they share: the first
    # step of the 2020 challenge's winner, which scored AP 0.615 on the validation set and 0.590 on
    # the test set (arXiv 2005.00419) with the next recipe on top, on a detector's boxes. It began
    # from COCO's pose weights: --weights pose_hrnet_w48_384x288.pth.
    "hrnet_w48_agg81": Recipe(
        system=HRNetPose(),
        training=LANDMARKS,
        dataset="deepfashion2",
        augmentation=BOXED,
        own_keypoints=False,
    ),
    # The second step: each category's own network (--category each, or one of them), from the first
    # one's weights: --weights RUN.
    "hrnet_w48_agg81_finetune": Recipe(
        system=HRNetPose(),
        training=replace(LANDMARKS, batch_size=16, learning_rate=1e-4),
        dataset="deepfashion2",
        augmentation=replace(BOXED, flip=0.5),
        own_keypoints=False,
    ),
    # Both steps with two thirds of the channels.
    "hrnet_w32_agg81": Recipe(
        system=HRNetPose(backbone=HRNet(width=32)),
        training=LANDMARKS,
        dataset="deepfashion2",
        augmentation=BOXED,
        own_keypoints=False,
    ),
    # One network that is told the category, in place of thirteen.
    "hrnet_w48_joint": Recipe(
        system=HRNetPose(condition="add"),
        training=LANDMARKS,
        dataset="deepfashion2",
        augmentation=replace(BOXED, flip=0.5),
        own_keypoints=False,
    ),
    # Each category's keypoints on their own, 294: what the winner began from.
    "hrnet_w48": Recipe(
        system=HRNetPose(keypoints=CHANNELS),
        training=LANDMARKS,
        dataset="deepfashion2",
        augmentation=BOXED,
        own_keypoints=False,
    ),
    # Drawn landmarks on two CPU cores in minutes: small pictures, a narrow network.
    "hrnet_quick": Recipe(
        system=HRNetPose(
            height=128,
            width=96,
            backbone=HRNet(
                width=16,
                modules=(1, 1, 1),
                blocks=1,
                stem_width=16,
                first_blocks=1,
                first_width=16,
            ),
            sigma=1.5,
            condition="add",
        ),
        training=replace(IN_MINUTES, epochs=8),
        dataset="deepfashion2",
        augmentation=replace(BOXED, flip=0.5, rotation=15.0),
        own_keypoints=False,
    ),
    # Drawn data on two CPU cores in minutes: small pictures, a narrow network, soft-max maps.
    "quick": Recipe(
        system=CPN(
            size=128,
            backbone=ResNet(blocks=(1, 1, 2, 1), width=32, stride_in="3x3"),
            width=64,
            loss="softmax",
            sigma=1.0,
        ),
        training=IN_MINUTES,
        # Drawn garments already lie at every angle, size and place; few epochs want little more.
        augmentation=Augmentation(
            rotation=15.0,
            rotation_probability=0.5,
            scale=(0.85, 1.15),
            shift=0.04,
            erase=0.1,
        ),
    ),
}

ALIASES = {"v11": "cpn_resnet101"}  # what published commands call them
REFUSED = {f"v{n}" for n in range(2, 10)}  # published names of networks that were never released


def resolve(name: str) -> Recipe:
    """The recipe of a name or published alias. Raises Failure (USAGE) with the menu."""
    name = ALIASES.get(name, name)
    if name in REFUSED:
        raise Failure(
            Exit.USAGE,
            f"--network {name}: an early network of the published system that it did not keep; "
            f"its final one is v11. Use one of {', '.join(RECIPES)}.",
        )
    if name not in RECIPES:
        raise Failure(
            Exit.USAGE, f"--network {name}: unknown. Use one of {', '.join((*RECIPES, *ALIASES))}."
        )
    return RECIPES[name]


def input_size(system) -> str:
    """Of a system's input in pixels, for people: "512", or width and height: "384x512"."""
    width, height = system.frame
    return str(width) if width == height else f"{width}x{height}"


# === Overrides ===


def override(config, setting: str):
    """A config with one field changed: "training.epochs=3", "model.backbone.depth=50".

    `model` names the system. Values are JSON (tuples as lists, None as null), or else text.

    Raises:
        Failure: USAGE for a wrong name (listing the right ones) or a wrong value.
    """
    path, separator, text = setting.partition("=")
    if not separator:
        raise Failure(Exit.USAGE, f"--set {setting}: write it as field=value.")
    names = path.strip().split(".")
    if names[0] == "model":
        names[0] = "system"
    try:
        return _replace_at(config, names, text.strip())
    except ValueError as error:
        raise Failure(Exit.USAGE, f"--set {setting}: {error}.") from None


def _replace_at(config, names: list[str], text: str):
    name, *rest = names
    kinds = get_type_hints(type(config)) if is_dataclass(config) else {}
    if name not in kinds:
        right = f"there are {', '.join(kinds)}" if kinds else f"{config!r} has none"
        raise ValueError(f"no field {name!r}; {right}")
    old = getattr(config, name)
    value = _replace_at(old, rest, text) if rest else _read(text, name, kinds[name], old)
    return replace(config, **{name: value})


def _read(text: str, name: str, kind, old):
    """The value that a text stands for in a field of this type; ValueError where there is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    value = tuple(value) if isinstance(value, list) else value
    if _fits(value, kind):
        whole = type(value) is int and float in (kind, *get_args(kind))
        return float(value) if whole else value
    if kind is str:  # a text that happens to be JSON: the file 2018
        return text
    if is_dataclass(old):
        raise ValueError(f"name one of its fields: {', '.join(f.name for f in fields(old))}")
    wanted = kind.__name__ if isinstance(kind, type) and not get_args(kind) else kind
    raise ValueError(f"{text!r} does not fit; {name} is {wanted}, now {old!r}")


def _fits(value, kind) -> bool:
    """Whether a value is of a field's type: a number, text, truth value, a tuple or union of it."""
    if isinstance(kind, UnionType):
        return any(_fits(value, one) for one in get_args(kind))
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        if not isinstance(value, tuple):
            return False
        if kinds[-1] is Ellipsis:
            kinds = (kinds[0],) * len(value)
        return len(value) == len(kinds) and all(map(_fits, value, kinds))
    if kind is float:
        return type(value) in (int, float) and abs(value) <= sys.float_info.max
    return type(value) is kind


# === Differences ===


def differences(old: Recipe, new: Recipe) -> list[tuple[str, object, object]]:
    """What differs between two recipes, in the order of their fields.

    Returns:
        (path, old value, new value) of each field: ("training.batch_size", 8, 16). Where a config
        is of another type, or is None, the two whole configs stand at its path.
    """
    return list(_differences("", old, new))


def _differences(path: str, old, new) -> Iterator[tuple[str, object, object]]:
    if is_dataclass(old) and type(old) is type(new):
        for f in fields(old):
            inner = f"{path}.{f.name}" if path else f.name
            yield from _differences(inner, getattr(old, f.name), getattr(new, f.name))
    elif old != new:
        yield path, old, new
