"""Trained networks from disk, alone or together: runs, checkpoints or safetensors files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import ModuleType

import keras
import numpy as np

from aifashion import affine, checkpoints, convert, datasets, images, matching, runs, training
from aifashion.api import published
from aifashion.api.imagenet import start_from_imagenet
from aifashion.datasets.schema import KeypointSchema
from aifashion.errors import Exit, Failure
from aifashion.keypoints.heads import carry_over
from aifashion.keypoints.predict import FLIP, Member, Prediction, Predictor, Views, shared_keypoints
from aifashion.progress import say
from aifashion.recipes import Recipe, override

READING = (["model", "reading"], ["system", "reading"])


@dataclass(frozen=True)
class Trained:
    """A trained network and the run it comes from."""

    run: runs.Run
    network: keras.Model

    @property
    def system(self):
        return self.run.recipe.system

    def read_as(self, setting: str) -> "Trained":
        """The same, with one setting of how its maps are read."""
        recipe = override(self.run.recipe, setting)
        return replace(self, run=replace(self.run, recipe=recipe))

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories it was trained on."""
        asked = self.run.asked.category
        known = datasets.named(self.run.recipe.dataset).SCHEMA.categories
        return tuple(known) if asked == "all" else (asked,)


@dataclass(frozen=True)
class Model:
    """What predicts: a trained network, or several, each for the categories that it knows.

    Networks that know the same category are averaged: their heat maps, before a peak is read.
    """

    trained: tuple[Trained, ...]
    _predictors: dict = field(default_factory=dict, repr=False, compare=False)

    @property
    def run(self) -> runs.Run:
        """The run of the first network."""
        return self.trained[0].run

    @property
    def is_one(self) -> bool:
        """Whether it is a single network: then its scores and curves are its run's."""
        return len(self.trained) == 1

    @property
    def name(self) -> str:
        """Of the folders that hold what it predicts."""
        if self.is_one:
            return f"{self.run.asked.category}_{self.run.folder.name}"
        return f"{len(self.trained)}_networks_{self.run.folder.name}"

    @property
    def folders(self) -> str:
        """Where its networks come from, for people."""
        return ", ".join(str(trained.run.folder) for trained in self.trained)

    @property
    def parameters(self) -> int:
        """Of all its networks together."""
        return sum(each.network.count_params() for each in self.trained)

    @property
    def dataset(self) -> ModuleType:
        """The module of the dataset whose names it speaks."""
        return datasets.named(self.run.recipe.dataset)

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that at least one network knows, in the schema's order."""
        known = {name for trained in self.trained for name in trained.categories}
        return tuple(name for name in self.dataset.SCHEMA.categories if name in known)

    def read_as(self, settings: Iterable[str]) -> "Model":
        """The same networks, their heat maps read otherwise: "model.reading.blur=1".

        Raises:
            Failure: USAGE for a setting that is not of the reading.
        """
        trained = self.trained
        for setting in settings:
            if setting.partition("=")[0].strip().split(".")[:2] not in READING:
                raise Failure(
                    Exit.USAGE,
                    f"--set {setting}: what is trained cannot be set here, how maps are read can: "
                    "model.reading.FIELD=VALUE.",
                )
            trained = tuple(each.read_as(setting) for each in trained)
        return Model(trained)

    def tried(self, category: str | None) -> tuple[str, ...]:
        """The categories a picture is predicted as: the one given, else all that are known.

        Raises:
            Failure: USAGE for one that no network knows.
        """
        if category is None:
            return self.categories
        category = self.dataset.SCHEMA.named(category)
        if category not in self.categories:
            raise Failure(
                Exit.USAGE,
                f"category {category}: {self.folders} does not know it. Use one of "
                f"{', '.join(self.categories)}.",
            )
        return (category,)

    def groups(self, categories: Iterable[str]) -> dict[tuple[Trained, ...], list[str]]:
        """Which networks predict which of these categories."""
        groups = {}
        for category in categories:
            knowing = tuple(t for t in self.trained if category in t.categories)
            groups.setdefault(knowing, []).append(category)
        return groups

    def predictor(self, knowing: Sequence[Trained], views: Views, jit: bool = False) -> Predictor:
        """The predictor of some of its networks, on all of this process's devices; kept.

        With `jit` compiled by XLA, on one device: else it raises Failure (USAGE).
        """
        key = (tuple(map(id, knowing)), views, jit)
        if key not in self._predictors:
            members = [Member(trained.system, trained.network) for trained in knowing]
            if not shared_keypoints(members):
                raise Failure(
                    Exit.USAGE,
                    f"{', '.join(str(trained.run.folder) for trained in knowing)}: know no "
                    "keypoint in common, so their heat maps cannot be averaged. Test them apart.",
                )
            forward = partial(training.Forward, cluster=training.devices(), jit_compile=jit)
            self._predictors[key] = Predictor(members, views, forward)
        return self._predictors[key]

    def predict(
        self, image: np.ndarray, category: str | None = None, box: np.ndarray | None = None
    ) -> tuple[str, Prediction]:
        """The keypoints of the garment in a picture, or in a box of it.

        Args:
            image: (H, W, 3) uint8 RGB.
            category: the garment's; where it is not given every one is tried, and the one whose
                keypoints are the surest on average is taken.
            box: x1, y1, x2, y2 around the garment; None: it fills the picture.

        Returns:
            the category and the prediction, in the picture's pixels and the schema's order; the
            confidence outside the category is 0.

        Raises:
            Failure: USAGE for a category that no network knows.
        """
        found = {}
        for knowing, names in self.groups(self.tried(category)).items():
            predictor = self.predictor(knowing, FLIP)
            schema, keypoints = self.dataset.SCHEMA, predictor.keypoints
            masks = np.array([schema.has(name, keypoints) for name in names], np.float32)
            batch = [_alone(image, box, masks, frame) for frame in predictor.frames]
            for prediction in predictor.batch(*batch):
                name = names[prediction.record]
                found[name] = in_order(prediction, name, keypoints, schema)
        sizes = {name: len(self.dataset.SCHEMA.categories[name]) for name in found}
        best = max(found, key=lambda name: found[name].confidence.sum() / sizes[name])
        return best, found[best]


def _alone(
    image: np.ndarray, box: np.ndarray | None, masks: np.ndarray, frame: tuple[int, int]
) -> tuple[dict, dict]:
    """(inputs, notes) of one picture, once for each category's mask."""
    matrix = affine.into_frame(image.shape[1::-1], box, frame)
    canvas = images.warp(image, matrix, frame)
    pictures, ways = (np.repeat(array[None], len(masks), axis=0) for array in (canvas, matrix))
    inputs = {"image": pictures, "keypoint_mask": masks, "record": np.arange(len(masks))}
    return inputs, {"to_input": ways}


def in_order(
    prediction: Prediction, category: str, keypoints: tuple[str, ...], schema: KeypointSchema
) -> Prediction:
    """A network's prediction of a category as one of the schema's keypoints; others are 0.

    Args:
        keypoints: the network's, which the prediction is of.
    """
    own = np.flatnonzero(schema.has(category, keypoints))
    index = schema.indices(keypoints)[own]
    points, confidence = np.zeros((len(schema.keypoints), 2)), np.zeros(len(schema.keypoints))
    points[index], confidence[index] = prediction.keypoints[own], prediction.confidence[own]
    return replace(prediction, keypoints=points, confidence=confidence)


def load(*paths: Path | str) -> Model:
    """Loads the networks of runs (their best weights), checkpoints or safetensors files in runs.

    Args:
        paths: of each a run's folder, a folder of runs (all of them), a checkpoint's folder or a
            .safetensors file; none: the newest finished run.

    Raises:
        Failure: BAD_MODEL, saying which file is wrong and why; USAGE where they speak of different
            datasets.
    """
    if not paths:
        newest = runs.newest_finished()
        if newest is None:
            raise Failure(
                Exit.BAD_MODEL,
                f"no finished run below {runs.ROOT}: train one (python train.py --category all) "
                "or name one with --model-path.",
            )
        paths = (newest,)
    found = [inner for path in paths for inner in _runs_at(Path(path))]
    trained = tuple(_load_one(path) for path in dict.fromkeys(found))
    if len(names := {each.run.recipe.dataset for each in trained}) > 1:
        raise Failure(Exit.USAGE, f"networks of different datasets: {', '.join(sorted(names))}.")
    return Model(trained)


def _runs_at(path: Path) -> list[Path]:
    """The runs in a folder of runs; a published network's; what else is named is meant itself."""
    if convert.is_foreign(path):
        return [published.run_of(path)]
    if (path / "val.log").exists() and not runs.is_run(path):
        return [published.run_of(published.best_of_2018(path))]
    inner = sorted(found.parent for found in path.glob("*/recipe.json"))
    return inner if inner and not runs.is_run(path) else [path]


def _load_one(path: Path) -> Trained:
    run, arrays = _open(path)
    network = training.build(run.recipe.system, training.Training(), training.devices())
    try:
        training.set_weights(network, arrays)
    except Failure as failure:
        raise Failure(failure.exit_code, f"{path}: {failure}") from None
    return Trained(run, network)


def _open(path: Path) -> tuple[runs.Run, dict[str, np.ndarray]]:
    if not path.exists():
        raise Failure(Exit.BAD_MODEL, f"{path}: no such file or folder. See: aifashion list.")
    return _run_of(path), read_weights(path)


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The weights, averaged ones where there are any, of whatever they lie in.

    Args:
        path: a run (its best weights), a folder of checkpoints (the newest), a checkpoint's folder
            or a safetensors file; a published weight file.

    Raises:
        Failure: BAD_MODEL, saying which file is wrong and why.
    """
    if convert.is_foreign(path):
        return published.read_published(path).weights
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
    read_weights(path)


def start_weights(network: keras.Model, recipe: Recipe) -> None:
    """Gives a new network the weights its recipe starts from: none, ImageNet's or a file's.

    Of a file whatever fits is taken; what does not is said. Where the file's network has other
    keypoints, those of the same name are carried over.

    Raises:
        Failure: BAD_MODEL where nothing fits.
    """
    if recipe.weights == "none":
        return
    if recipe.weights == "imagenet":
        start_from_imagenet(network, recipe.system.backbone)
        return
    path = Path(recipe.weights)
    arrays = read_weights(path)
    own = training.weights_of(network)
    match = matching.match({name: array.shape for name, array in own.items()}, arrays)
    head = []
    if match.reshaped:
        names = _keypoints_of(path), recipe.system.keypoints
        match, head = carry_over(match, arrays, own, names)
    for line in (*matching.describe(match, str(path)), *head):
        say(line)
    if not match.matched:
        raise Failure(
            Exit.BAD_MODEL, f"{path}: none of its arrays fit this network. Check --network."
        )
    for name, array in match.matched.items():
        if not np.isfinite(array).all():
            raise Failure(Exit.BAD_MODEL, f"{path}: {name} is not finite. Take other weights.")
    training.set_weights(network, {**own, **match.matched})


def _keypoints_of(path: Path) -> tuple[str, ...] | None:
    """The keypoints of the network whose weights lie there, in its order; None: not known."""
    if convert.is_foreign(path):
        found = published.recognise(convert.read(path))
        return found.config.keypoints if found.recipe_name else None
    folder = runs.above(path)
    return runs.load(folder).recipe.system.keypoints if folder else None
