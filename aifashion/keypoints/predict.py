"""Prediction of keypoints: views of a picture, one or many networks, joined on one map.

A picture's views lie next to each other in the batch; each network's maps of every view are turned
back into the frame of the first one and averaged there before the peak is read.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from aifashion import affine
from aifashion.datasets.schema import flip_permutation
from aifashion.ops.affine import warp


@dataclass(frozen=True)
class Views:
    """Test-time augmentation: each angle, and with `flip` each one mirrored too."""

    angles: tuple[float, ...] = (0.0,)  # degrees; the first is the common frame
    flip: bool = False


Forward = Callable[[Iterable[dict]], Iterable[dict]]

PLAIN = Views()
FLIP = Views(flip=True)
AUGMENTED = Views(angles=(0.0, -20.0, -10.0, 10.0, 20.0), flip=True)


@dataclass(frozen=True)
class Prediction:
    """One picture's keypoints, in its own pixels, the network's K of them."""

    record: int
    keypoints: np.ndarray  # (K, 2)
    confidence: np.ndarray  # (K,), 0 outside the category


class Predictor:
    """A system and the compiled network that averages over the views of a picture.

    Args:
        system: reads maps (`heatmaps`, `read`).
        network: the system's, trained.
        views: of each picture that are averaged.
        forward: makes of the averaging network a function from batches of inputs to their outputs,
            in order; None: Keras' own, batch by batch.
    """

    def __init__(
        self,
        system,
        network: keras.Model,
        views: Views = PLAIN,
        forward: Callable[[keras.Model], Forward] | None = None,
    ):
        self.system, self.views = system, views
        self.network = _build(system, network, views)
        self._forward = forward(self.network) if forward else self._one_by_one

    def _one_by_one(self, batches: Iterable[dict]) -> Iterable[dict]:
        return map(self.network.predict_on_batch, batches)

    def __call__(self, batches: Iterable) -> Iterable[Prediction]:
        """Predictions of batches (inputs, notes), in their order; filled-up rows are left out."""
        under_way = deque()

        def given() -> Iterable[dict]:
            for inputs, notes in batches:
                under_way.append((inputs, notes))
                yield self._given(inputs, notes)

        for answer in self._forward(given()):
            yield from self._predictions(*under_way.popleft(), answer)

    def batch(self, inputs: dict, notes: dict) -> Sequence[Prediction]:
        """Predictions of one batch of rows = pictures x angles."""
        return list(self([(inputs, notes)]))

    def _given(self, inputs: dict, notes: dict) -> dict:
        return {
            "image": np.asarray(inputs["image"]),
            "keypoint_mask": np.asarray(inputs["keypoint_mask"]),
            "to_view": self._map_frames(self._ways(notes)).astype(np.float32),
        }

    def _ways(self, notes: dict) -> np.ndarray:
        """Each picture's way into its views, (B, V, 2, 3)."""
        ways = np.asarray(notes["to_input"], np.float64)
        return ways.reshape(-1, len(self.views.angles), 2, 3)

    def _predictions(self, inputs: dict, notes: dict, answer: dict) -> Iterable[Prediction]:
        ways = self._ways(notes)
        for row, record in enumerate(np.asarray(inputs["record"])[:: ways.shape[1]]):
            if record >= 0:
                points = affine.apply(affine.invert(ways[row, 0]), answer["keypoints"][row])
                yield Prediction(int(record), points, answer["confidence"][row])

    def _map_frames(self, to_input: np.ndarray) -> np.ndarray:
        """(B, V, 2, 3) picture -> input, as (B V, 2, 3) from the first view's cells to each's."""
        to_cells = affine.scaling(1 / self.system.stride)
        to_pixels = affine.scaling(self.system.stride)
        return np.array(
            [
                affine.compose(to_pixels, affine.invert(views[0]), view, to_cells)
                for views in to_input
                for view in views
            ]
        )


def _build(system, network: keras.Model, views: Views) -> keras.Model:
    """image, keypoint_mask (B V, …), to_view (B V, 2, 3) -> keypoints, confidence (B, …)."""
    image, mask = network.input["image"], network.input["keypoint_mask"]
    to_view = keras.Input((2, 3), dtype="float32", name="to_view")
    maps = system.heatmaps(network({"image": image, "keypoint_mask": mask}))
    if views.flip:
        maps = (maps + _mirrored_maps(system, network, image, mask)) / 2
    count = len(views.angles)
    if count > 1:
        _, h, w, k = maps.shape
        maps = warp(maps, to_view, (h, w), smooth=True)
        maps = ops.mean(ops.reshape(maps, (-1, count, h, w, k)), axis=1)
    pictures = ops.reshape(mask, (-1, count, mask.shape[-1]))[:, 0]
    answer = system.read(maps, pictures)
    return keras.Model({"image": image, "keypoint_mask": mask, "to_view": to_view}, answer)


def _mirrored_maps(system, network: keras.Model, image, mask):
    """The maps of the mirrored picture, mirrored back, left and right in their own places."""
    permutation = flip_permutation(system.keypoints)
    outputs = network(
        {
            "image": ops.flip(image, axis=2),
            "keypoint_mask": ops.take(mask, permutation, axis=-1),
        }
    )
    return ops.take(ops.flip(system.heatmaps(outputs), axis=2), permutation, axis=-1)
