"""Published weight files: which system's they are, and the run or weights they become here."""

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from aifashion import checkpoints, convert, datasets, files, matching, runs
from aifashion.backbones.hrnet import HRNet
from aifashion.backbones.names_hrnet import hrnet_names
from aifashion.backbones.names_resnet import keras_applications_names, torchvision_names
from aifashion.backbones.names_resnet_2018 import resnet_2018_names
from aifashion.backbones.names_senet import senet_names
from aifashion.backbones.resnet import BLOCKS, ResNet, fold_biases
from aifashion.backbones.senet import SENet
from aifashion.datasets import fashionai
from aifashion.errors import Exit, Failure
from aifashion.keypoints.hrnet_pose import HRNetPose
from aifashion.keypoints.names_cpn_2018 import cpn_2018_names, is_cpn_2018
from aifashion.keypoints.names_garment_cpn import garment_cpn_names
from aifashion.keypoints.names_hrnet_pose import HEAD, hrnet_pose_names
from aifashion.keypoints.reading import Reading
from aifashion.progress import say
from aifashion.recipes import RECIPES, Recipe

KNOWN = (
    "the all-in-one FashionAI network (Keras 2 HDF5), the per-garment FashionAI networks, "
    "HRNet for poses (DeepFashion2's, COCO's) and of ImageNet, torchvision's ResNet, SENet-154, "
    "ResNet of keras.applications, resnet101_weights_tf.h5"
)
HRNET = "stage4.0.branches.0.0.conv1.weight"  # (width, width, 3, 3), in every HRNet
HRNET_READING = Reading(peak="neighbours", shift=-1.5, flip_shift=1)


@dataclass(frozen=True)
class Published:
    """What a file was recognised as."""

    title: str
    config: object  # a backbone, or the system of a network
    names: dict[str, str]  # our variable paths -> the file's names
    recipe_name: str | None = None  # of a network that finds a garment's keypoints
    category: str = "all"


@dataclass(frozen=True)
class Converted:
    """Weights under our names, and what did not fit."""

    published: Published
    match: matching.Match

    @property
    def weights(self) -> dict[str, np.ndarray]:
        return self.match.matched


def convert_file(path: Path, out: Path | None = None) -> Path:
    """Makes a run of a file that finds keypoints of garments, of others start weights.

    Start weights are a safetensors file for `--weights`: of a backbone, or of other poses.

    Args:
        path: the published file.
        out: the run's folder, or the file to write; by default below trained_models.

    Raises:
        Failure: BAD_MODEL for a file that is not known or not whole; USAGE where `out` holds a run,
            or is no safetensors file for start weights.
    """
    if out is not None and runs.is_run(out):
        raise Failure(Exit.USAGE, f"{out} holds a run already; name another folder with --out.")
    converted = read_published(path)
    published = converted.published
    say(f"{path}: {published.title}")
    for line in matching.describe(converted.match, str(path), most=10**6):
        say(line)
    if published.recipe_name is not None:
        folder = out or _default_folder(path)
        return folder if _is_whole(folder) else _write_run(path, converted, folder)
    out = out or runs.ROOT / "weights" / f"{path.stem}.safetensors"
    if out.suffix != ".safetensors":
        raise Failure(Exit.USAGE, f"--out {out}: start weights become a .safetensors file.")
    checkpoints.write_arrays(out, converted.weights)
    backbone = getattr(published.config, "backbone", published.config)
    say(f"For a network with this backbone: {backbone}")
    return out


def read_published(path: Path) -> Converted:
    """The weights of a published file under our names.

    Raises:
        Failure: BAD_MODEL for a file that is not known, or lacks arrays of what it is.
    """
    if not path.is_file():
        raise Failure(Exit.BAD_MODEL, f"{path}: no such file.")
    foreign = convert.read(path)
    published = recognise(foreign)
    if isinstance(published.config, ResNet) and not foreign.is_torch:
        foreign = replace(foreign, arrays=fold_biases(foreign.arrays))
    match = foreign.under(published.names, _shapes(published.config))
    lacking = match.missing + [name for name, *_ in match.reshaped]
    if lacking:
        raise Failure(
            Exit.BAD_MODEL,
            f"{path}: {published.title}, but {len(lacking)} of its arrays are missing or of "
            f"another shape: {', '.join(lacking[:5])}. Get the file again.",
        )
    bad = [name for name, array in match.matched.items() if not np.isfinite(array).all()]
    if bad:
        raise Failure(Exit.BAD_MODEL, f"{path}: {bad[0]} is not finite. Get the file again.")
    return Converted(published, match)


def _shapes(config) -> dict[str, tuple[int, ...]]:
    """Of the variables of a system's or backbone's network, by path; nothing is initialised."""
    with keras.StatelessScope(initialize_variables=False):
        is_system = hasattr(config, "loss_terms")
        network = config.build() if is_system else config.build(64, 64)
        return {v.path: tuple(v.shape) for v in network.variables}


# === Which one it is ===


def recognise(foreign: convert.Foreign) -> Published:
    """Tells a published file by the names of its arrays. Raises Failure (BAD_MODEL)."""
    found = _network(foreign) or _backbone(foreign)
    if found is None:
        first = ", ".join(list(foreign.arrays)[:3]) or "nothing"
        raise Failure(
            Exit.BAD_MODEL, f"{foreign.path}: holds {first} …, which is none of: {KNOWN}."
        )
    return found


def _network(foreign: convert.Foreign) -> Published | None:
    names = foreign.arrays
    if is_cpn_2018(names):
        system = RECIPES["cpn_v11_2018"].system
        table = cpn_2018_names(names, system.backbone.blocks)
        title = "the all-in-one FashionAI network of 2018"
        return Published(title, system, table, "cpn_v11_2018")
    if "global_net.latlayer1.weight" in names:
        return _garment_network(foreign)
    if HRNET in names and f"{HEAD}.weight" in names:
        return _pose_network(foreign)
    return None


def _backbone(foreign: convert.Foreign) -> Published | None:
    names = foreign.arrays
    if HRNET in names:
        backbone = HRNet(width=_filters(foreign, HRNET))
        return Published(f"HRNet-W{backbone.width}", backbone, hrnet_names(backbone))
    if "layer0.conv1.weight" in names:
        backbone = SENet(blocks=_blocks(foreign, r"layer(\d)\.(\d+)\.conv1\.weight"))
        return Published("SENet", backbone, senet_names(backbone.blocks))
    if "layer1.0.conv3.weight" in names:
        blocks = _blocks(foreign, r"layer(\d)\.(\d+)\.conv1\.weight")
        backbone = ResNet(_depth(foreign, blocks), "3x3", epsilon=1e-5, pixels="torch")
        return Published("ResNet of torchvision", backbone, torchvision_names(blocks))
    if "conv1_conv/kernel" in names:
        blocks = _blocks(foreign, r"conv(\d)_block(\d+)_1_conv/kernel")
        table = keras_applications_names(blocks)
        return Published("ResNet of keras.applications", ResNet(_depth(foreign, blocks)), table)
    if any(name.startswith("bn_conv1/") for name in names):
        backbone = RECIPES["cpn_v11_2018"].system.backbone
        table = resnet_2018_names(names, backbone.blocks)
        return Published("ResNet-101, converted from Caffe", backbone, table)
    return None


def _garment_network(foreign: convert.Foreign) -> Published:
    """A network of one garment, told by how many keypoints it has."""
    names = {name.removeprefix("global_net."): array for name, array in foreign.arrays.items()}
    recipe_name = "cpn_senet154" if "layer0.conv1.weight" in names else "cpn_resnet152"
    count = names["toplayer3.bias"].size if "toplayer3.bias" in names else 0
    categories = {len(own): name for name, own in fashionai.SCHEMA.categories.items()}
    if count not in categories:
        raise Failure(
            Exit.BAD_MODEL,
            f"{foreign.path}: a network of {count} keypoints; FashionAI's garments have "
            f"{', '.join(map(str, sorted(categories)))}.",
        )
    category = categories[count]
    system = RECIPES[recipe_name].system
    system = replace(system, keypoints=fashionai.SCHEMA.categories[category])
    title = f"the per-garment FashionAI network of {category}, {recipe_name}"
    table = garment_cpn_names(system.backbone)
    return Published(title, system, table, recipe_name, category)


def _pose_network(foreign: convert.Foreign) -> Published:
    """An HRNet with heat maps, told by how many there are and by its width."""
    width, count = _filters(foreign, HRNET), _filters(foreign, f"{HEAD}.weight")
    fitting = {
        name: recipe.system
        for name, recipe in RECIPES.items()
        if isinstance(recipe.system, HRNetPose) and len(recipe.system.keypoints) == count
    }
    if not fitting:
        numbers = tuple(map(str, range(1, count + 1)))
        system = HRNetPose(keypoints=numbers, backbone=HRNet(width=width))
        title = f"HRNet-W{width} for {count} keypoints that are none of a garment's"
        return Published(title, system, hrnet_pose_names(system.backbone))
    of_width = [name for name, system in fitting.items() if system.backbone.width == width]
    recipe_name = next(iter((*of_width, *fitting)))
    system = fitting[recipe_name]
    backbone = HRNet(width=width)
    system = replace(system, backbone=backbone, condition="none", reading=HRNET_READING)
    title = f"HRNet-W{width} for DeepFashion2's {count} keypoints, {recipe_name}"
    return Published(title, system, hrnet_pose_names(backbone), recipe_name)


def _filters(foreign: convert.Foreign, name: str) -> int:
    """How many outputs a convolution has."""
    shape = foreign.arrays[name].shape
    if len(shape) != 4 or min(shape) < 1:
        raise Failure(
            Exit.BAD_MODEL,
            f"{foreign.path}: {name} is {shape}, no convolution's. Get the file again.",
        )
    return shape[0]


def _blocks(foreign: convert.Foreign, pattern: str) -> tuple[int, ...]:
    """How many blocks each of four stages has, by the numbers in the names."""
    found = [re.fullmatch(pattern, name) for name in foreign.arrays]
    stages = [int(match[1]) for match in found if match]
    blocks = tuple(stages.count(stage) for stage in sorted(set(stages)))
    if len(blocks) != 4:
        raise Failure(
            Exit.BAD_MODEL,
            f"{foreign.path}: has {len(blocks)} stages of blocks, not 4. Get the file again.",
        )
    return blocks


def _depth(foreign: convert.Foreign, blocks: tuple[int, ...]) -> int:
    depths = {count: depth for depth, count in BLOCKS.items()}
    if blocks not in depths:
        known = ", ".join(map(str, depths))
        raise Failure(
            Exit.BAD_MODEL, f"{foreign.path}: a ResNet of {blocks} blocks; known are {known}."
        )
    return depths[blocks]


# === As a run ===


def best_of_2018(folder: Path) -> Path:
    """The weight file of a 2018 run with the lowest score in its val.log, compared as numbers.

    Raises:
        Failure: BAD_MODEL where val.log names no file that lies in the folder.
    """
    scores = runs.read_val_log(folder / "val.log")
    # Logged are paths from another working folder; the file lies beside the log.
    there = [(score, folder / Path(path).name) for path, score in scores]
    there = [(score, path) for score, path in there if path.is_file()]
    if not there:
        raise Failure(
            Exit.BAD_MODEL,
            f"{folder}/val.log: names no weight file that is in {folder}. Name the .hdf5 itself.",
        )
    return min(there)[1]


def run_of(path: Path) -> Path:
    """The run's folder that a published network's file becomes; made where it is not there yet.

    Raises:
        Failure: BAD_MODEL for a file that is not there, not whole, or to train from alone.
    """
    if not path.is_file():
        raise Failure(Exit.BAD_MODEL, f"{path}: no such file.")
    made = _default_folder(path)
    if _is_whole(made):
        return made
    converted = read_published(path)
    if converted.published.recipe_name is None:
        raise Failure(
            Exit.BAD_MODEL,
            f"{path}: {converted.published.title}, which finds no garment's keypoints yet. "
            f"Train from it: --weights {path}.",
        )
    say(f"{path}: converting it to {made}, which may be named from now on.")
    return _write_run(path, converted, made)


def _write_run(path: Path, converted: Converted, folder: Path) -> Path:
    published = converted.published
    recipe: Recipe = replace(RECIPES[published.recipe_name], system=published.config)
    asked = runs.Asked(
        published.category, published.recipe_name, "unknown", False, 0, command=_told(path)
    )
    # What is there already is a conversion of this file that was interrupted.
    run = runs.create(folder, asked, recipe, overwrite=True)
    # Nothing is known of its training data: the middle of the picture stands for the mean shape.
    schema = datasets.named(recipe.dataset).SCHEMA
    middle = np.full((len(schema.keypoints), 2), 0.5)
    files.write_json(run.folder / "mean_shapes.json", {name: middle for name in schema.categories})
    checkpoints.save(run.best, 0, {"weights": converted.weights}, {})
    run.set_state(runs.FINISHED)
    return folder


def _is_whole(folder: Path) -> bool:
    """Whether a run's weights are there, which are written last."""
    return runs.is_run(folder) and bool(checkpoints.steps(folder / "best"))


def _default_folder(path: Path) -> Path:
    """Of a file by its name; where another file of that name has it, by its content too."""
    folder = runs.ROOT / "published" / path.stem
    if runs.is_run(folder) and runs.load(folder).asked.command != _told(path):
        return folder.with_name(f"{path.stem}_{_sha256(path)[:8]}")
    return folder


def _told(path: Path) -> str:
    """How a run says what it was converted from."""
    return f"aifashion convert {path.name}  # sha256 {_sha256(path)}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
