"""Trained networks from disk: a run, a checkpoint or a safetensors file."""

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType

import keras
import numpy as np

from aifashion import affine, checkpoints, datasets, images, matching, runs, training
from aifashion.backbones.resnet import load_imagenet
from aifashion.errors import Exit, Failure
from aifashion.keypoints.predict import FLIP, Prediction, Predictor, Views
from aifashion.progress import say
from aifashion.recipes import Recipe


@dataclass(frozen=True)
class Model:
    """A trained network and the run it comes from."""

    run: runs.Run
    network: keras.Model

    @property
    def system(self):
        return self.run.recipe.system

    @property
    def dataset(self) -> ModuleType:
        """The module of the dataset whose names it speaks."""
        return datasets.named(self.run.recipe.dataset)

    @cached_property
    def _predictor(self) -> Predictor:
        return self.predictor(FLIP)

    def predictor(self, views: Views, jit: bool = False) -> Predictor:
        """A predictor that averages over these views, on all of this process's devices.

        With `jit` compiled by XLA, on one device: else it raises Failure (USAGE).
        """
        forward = partial(training.Forward, cluster=training.devices(), jit_compile=jit)
        return Predictor(self.system, self.network, views, forward)

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories it was trained on."""
        asked = self.run.asked.category
        return tuple(self.dataset.SCHEMA.categories) if asked == "all" else (asked,)

    def tried(self, category: str | None) -> tuple[str, ...]:
        """The categories a picture is predicted as: the one given, else all the network knows.

        Raises:
            Failure: USAGE for one it does not know.
        """
        if category is None:
            return self.categories
        if category not in self.categories:
            raise Failure(
                Exit.USAGE,
                f"category {category}: {self.run.folder} does not know it. Use one of "
                f"{', '.join(self.categories)}.",
            )
        return (category,)

    def predict(self, image: np.ndarray, category: str | None = None) -> tuple[str, Prediction]:
        """The keypoints of one picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            category: the garment's; where it is not given every one is tried, and the one whose
                keypoints are the surest on average is taken.

        Returns:
            the category and the prediction, in the picture's pixels.

        Raises:
            Failure: USAGE for a category the network does not know.
        """
        categories = self.tried(category)
        size = self.system.size
        matrix = affine.letterbox(image.shape[1], image.shape[0], size, size)
        canvas = images.warp(image, matrix, (size, size))
        own = self.dataset.SCHEMA.categories
        masks = np.array([np.isin(self.system.keypoints, own[name]) for name in categories])
        count = len(categories)
        inputs = {
            "image": np.repeat(canvas[None], count, axis=0),
            "keypoint_mask": masks.astype(np.float32),
            "record": np.arange(count),
        }
        predictions = self._predictor.batch(inputs, {"to_input": np.repeat(matrix[None], count, 0)})
        sureness = [p.confidence.sum() / masks[p.record].sum() for p in predictions]
        best = int(np.argmax(sureness))
        return categories[best], predictions[best]


def load(path: Path | str | None = None) -> Model:
    """Loads a run's best weights, a checkpoint's, or those of a safetensors file inside a run.

    Args:
        path: a run's folder, a checkpoint's folder or a .safetensors file; None: the newest
            finished run.

    Raises:
        Failure: BAD_MODEL, saying which file is wrong and why.
    """
    if path is None:
        run = runs.newest_finished()
        if run is None:
            raise Failure(
                Exit.BAD_MODEL,
                f"no finished run below {runs.ROOT}: train one (python train.py --category all) "
                "or name one with --model-path.",
            )
        path = run.folder
    path = Path(path)
    run, arrays = _open(path)
    network = training.build(run.recipe.system, training.Training(), training.devices())
    try:
        training.set_weights(network, arrays)
    except Failure as failure:
        raise Failure(failure.exit_code, f"{path}: {failure}") from None
    return Model(run, network)


def _open(path: Path) -> tuple[runs.Run, dict[str, np.ndarray]]:
    if not path.exists():
        raise Failure(Exit.BAD_MODEL, f"{path}: no such file or folder. See: aifashion list.")
    _refuse_2018(path)
    return _run_of(path), read_weights(path)


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The weights, averaged ones where there are any, of whatever they lie in.

    Args:
        path: a run (its best weights), a folder of checkpoints (the newest), a checkpoint's folder
            or a safetensors file.

    Raises:
        Failure: BAD_MODEL, saying which file is wrong and why.
    """
    if path.is_file():
        return checkpoints.read_arrays(path)
    if runs.is_run(path):
        run = runs.load(path)
        checkpoint = checkpoints.newest(run.best) or checkpoints.newest(run.checkpoints)
        if checkpoint is None:
            raise Failure(Exit.BAD_MODEL, f"{path}: this run has no checkpoint yet; train on.")
    else:
        checkpoint = checkpoints.newest(path) or checkpoints.load(path)
    return checkpoint.groups.get("ema") or checkpoint.groups["weights"]


def _refuse_2018(path: Path) -> None:
    old_run = (path / "val.log").exists() and not runs.is_run(path)
    if old_run or path.suffix in (".h5", ".hdf5"):
        raise Failure(
            Exit.BAD_MODEL,
            f"{path}: weights of the 2018 system (Keras 2 HDF5) cannot be read by this version.",
        )


def _run_of(path: Path) -> runs.Run:
    """The run that a checkpoint or a weight file lies in."""
    folder = runs.above(path)
    if folder is None:
        raise Failure(
            Exit.BAD_MODEL,
            f"{path}: no recipe.json in the folders above it, so its network is unknown. "
            "Keep weights inside their run's folder.",
        )
    return runs.load(folder)


def check_start(recipe: Recipe) -> None:
    """Refuses start weights that are not there or cannot be read, before a run is made."""
    if recipe.weights in ("none", "imagenet"):
        return
    path = Path(recipe.weights)
    if not path.exists():
        raise Failure(
            Exit.BAD_MODEL, f"--weights {path}: no such file. Give none, imagenet or a file."
        )
    _refuse_2018(path)
    read_weights(path)


def start_weights(network: keras.Model, recipe: Recipe) -> None:
    """Gives a new network the weights its recipe starts from: none, ImageNet's or a file's.

    Of a file whatever fits is taken; what does not is said.

    Raises:
        Failure: BAD_MODEL where nothing fits.
    """
    if recipe.weights == "none":
        return
    if recipe.weights == "imagenet":
        load_imagenet(network, recipe.system.backbone)
        return
    path = Path(recipe.weights)
    arrays = read_weights(path)
    own = training.weights_of(network)
    match = matching.match({name: array.shape for name, array in own.items()}, arrays)
    for line in matching.describe(match, str(path)):
        say(line)
    if not match.matched:
        raise Failure(
            Exit.BAD_MODEL, f"{path}: none of its arrays fit this network. Check --network."
        )
    for name, array in match.matched.items():
        if not np.isfinite(array).all():
            raise Failure(Exit.BAD_MODEL, f"{path}: {name} is not finite. Take other weights.")
    training.set_weights(network, {**own, **match.matched})
