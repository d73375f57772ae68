"""Prediction of keypoints: views of a picture, one or many networks, joined on one map.

A picture's views lie next to each other in the batch; each network's maps of every view are moved
into the frame of the first network's first view and averaged there before the peak is read.

B: pictures of a batch; V: views of each; K: keypoints that all networks know; h, w: cells.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
from keras import ops

from aifashion import affine
from aifashion.datasets.schema import flip_permutation
from aifashion.ops.affine import warp
from aifashion.ops.heatmaps import moved_right


@dataclass(frozen=True)
class View:
    """How a picture is shown to a network: turned and scaled about the middle of the input."""

    angle: float = 0.0  # degrees
    scale: float = 1.0


@dataclass(frozen=True)
class Views:
    """Test-time augmentation: each view, and with `flip` each one mirrored too."""

    each: tuple[View, ...] = (View(),)  # the first is the common frame
    flip: bool = False


Forward = Callable[[Iterable[dict]], Iterable[dict]]

PLAIN = Views()
FLIP = Views(flip=True)
SCALED = Views((View(), View(scale=0.8), View(scale=1.2)), flip=True)
TURNED = Views((View(), *(View(angle) for angle in (-20.0, -10.0, 10.0, 20.0))), flip=True)


@dataclass(frozen=True)
class Member:
    """A network that predicts, alone or together with others."""

    system: object  # reads maps (`heatmaps`, `read`)
    network: keras.Model  # the system's, trained

    @property
    def cells(self) -> tuple[int, int]:
        """Width and height of its maps."""
        width, height = self.system.frame
        return width // self.system.stride, height // self.system.stride


@dataclass(frozen=True)
class Prediction:
    """One picture's keypoints, in its own pixels, K of them."""

    record: int
    keypoints: np.ndarray  # (K, 2)
    confidence: np.ndarray  # (K,), 0 outside the category
    heights: np.ndarray  # (K,), how sure it is of every keypoint, of other categories' too


class Predictor:
    """The compiled network that averages over the members and over the views of a picture.

    Its `keypoints` are the K that every member knows, in the first one's order; its `frames` are
    the widths and heights of the members' inputs, each once.

    Args:
        members: the first one's input and cells are the common frame, and it reads the maps.
        views: of each picture that are averaged.
        forward: makes of the averaging network a function from batches of inputs to their outputs,
            in order; None: Keras' own, batch by batch.
    """

    def __init__(
        self,
        members: Sequence[Member],
        views: Views = PLAIN,
        forward: Callable[[keras.Model], Forward] | None = None,
    ):
        self.members, self.views = tuple(members), views
        self.keypoints = shared_keypoints(members)
        self.frames = tuple(dict.fromkeys(member.system.frame for member in members))
        self.network = _build(self.members, self.keypoints, views)
        self._forward = forward(self.network) if forward else self._one_by_one

    def _one_by_one(self, batches: Iterable[dict]) -> Iterable[dict]:
        return map(self.network.predict_on_batch, batches)

    def __call__(self, batches: Iterable[Sequence[tuple]]) -> Iterable[Prediction]:
        """Predictions in the batches' order; filled-up rows are left out.

        Args:
            batches: of each, (inputs, notes) at every one of `frames`; B V rows, masks of K.
        """
        under_way = deque()

        def given() -> Iterable[dict]:
            for batch in batches:
                under_way.append(batch)
                yield self._given(batch)

        for answer in self._forward(given()):
            yield from self._predictions(under_way.popleft(), answer)

    def batch(self, *batch: tuple) -> Sequence[Prediction]:
        """Predictions of one batch: (inputs, notes) at every one of `frames`."""
        return list(self([batch]))

    def _given(self, batch: Sequence[tuple]) -> dict:
        given = {"keypoint_mask": np.asarray(batch[0][0]["keypoint_mask"])}
        for frame, (inputs, _) in zip(self.frames, batch, strict=True):
            given[_image_name(frame)] = np.asarray(inputs["image"])
        for number, member in enumerate(self.members):
            if _moves(self.members, self.views):
                given[_way_name(number)] = self._way_from_frame(member, batch)
        return given

    def _ways(self, frame: tuple[int, int], batch: Sequence[tuple]) -> np.ndarray:
        """Each picture's way into its views in this frame, (B, V, 2, 3)."""
        _, notes = batch[self.frames.index(frame)]
        ways = np.asarray(notes["to_input"], np.float64)
        return ways.reshape(-1, len(self.views.each), 2, 3)

    def _way_from_frame(self, member: Member, batch: Sequence[tuple]) -> np.ndarray:
        """From cells of the common frame to the member's cells in each view, (B V, 2, 3)."""
        common = self.members[0].system
        from_common = affine.invert(self._ways(common.frame, batch)[:, :1])
        into_view = self._ways(member.system.frame, batch)
        to_cells = affine.scaling(1 / member.system.stride)
        way = affine.compose(affine.scaling(common.stride), from_common, into_view, to_cells)
        return way.reshape(-1, 2, 3).astype(np.float32)

    def _predictions(self, batch: Sequence[tuple], answer: dict) -> Iterable[Prediction]:
        ways = self._ways(self.frames[0], batch)
        for row, record in enumerate(np.asarray(batch[0][0]["record"])[:: ways.shape[1]]):
            if record >= 0:
                points = affine.apply(affine.invert(ways[row, 0]), answer["keypoints"][row])
                sure = (answer[name][row] for name in ("confidence", "heights"))
                yield Prediction(int(record), points, *sure)


def shared_keypoints(members: Sequence[Member]) -> tuple[str, ...]:
    """The keypoints that every member knows, in the first one's order."""
    known = [member.system.keypoints for member in members]
    return tuple(name for name in known[0] if all(name in names for names in known))


# === The averaging network ===


def _build(members: Sequence[Member], keypoints: tuple[str, ...], views: Views) -> keras.Model:
    """Pictures at each size, keypoint_mask (B V, …), ways -> keypoints, confidence (B, …)."""
    mask = keras.Input((len(keypoints),), dtype="float32", name="keypoint_mask")
    inputs, all_maps = {"keypoint_mask": mask}, []
    for number, member in enumerate(members):
        name, (width, height) = _image_name(member.system.frame), member.system.frame
        if name not in inputs:
            inputs[name] = keras.Input((height, width, 3), dtype="uint8", name=name)
        network = member.network  # two of one name could not be parts of one network
        network = keras.Model(network.input, network.output, name=f"network_{number}")
        own = replace(member, network=network)
        maps = _member_maps(own, inputs[name], mask, keypoints, views.flip)
        if _moves(members, views):
            way = keras.Input((2, 3), dtype="float32", name=_way_name(number))
            inputs[_way_name(number)] = way
            maps = warp(maps, way, members[0].cells[::-1], smooth=True)
        all_maps.append(maps)
    maps = sum(all_maps) / len(all_maps)
    count = len(views.each)
    if count > 1:
        _, h, w, k = maps.shape
        maps = ops.mean(ops.reshape(maps, (-1, count, h, w, k)), axis=1)
    pictures = ops.reshape(mask, (-1, count, len(keypoints)))[:, 0]
    found = members[0].system.read(maps, ops.ones_like(pictures))
    heights = found["confidence"]
    return keras.Model(inputs, {**found, "confidence": heights * pictures, "heights": heights})


def _image_name(frame: tuple[int, int]) -> str:
    width, height = frame
    return f"image_{width}x{height}"


def _way_name(number: int) -> str:
    return f"way_{number}"


def _moves(members: Sequence[Member], views: Views) -> bool:
    """Whether maps are moved into the common frame. If so all are: each is blurred alike."""
    frames = {(member.system.frame, member.system.stride) for member in members}
    return len(views.each) > 1 or len(frames) > 1


def _member_maps(member: Member, image, mask, keypoints: tuple[str, ...], flip: bool):
    """A member's maps of the shared keypoints, (B V, h, w, K), with those of the mirrored image."""
    own = member.system.keypoints
    place = np.array([[float(name == mine) for mine in own] for name in keypoints], "float32")
    own_mask = mask if own == keypoints else ops.matmul(mask, place)
    maps = _maps(member, image, own_mask)
    if flip:
        maps = (maps + _mirrored_maps(member, image, own_mask)) / 2
    if own == keypoints:
        return maps
    return ops.take(maps, [own.index(name) for name in keypoints], axis=-1)


def _maps(member: Member, image, mask):
    outputs = member.network({"image": image, "keypoint_mask": mask})
    return member.system.heatmaps(outputs)


def _mirrored_maps(member: Member, image, mask):
    """The maps of the mirrored picture, mirrored back, left and right in their own places."""
    permutation = flip_permutation(member.system.keypoints)
    maps = _maps(member, ops.flip(image, axis=2), ops.take(mask, permutation, axis=-1))
    maps = moved_right(ops.flip(maps, axis=2), member.system.reading.flip_shift)
    return ops.take(maps, permutation, axis=-1)
