"""All annotations of a raw folder as a few arrays, kept in one file so that they open at once.

`annos_index.npz` beside `annos/` is used again while the names, sizes and times of the folder's
files are the same; else the folder is read anew. It holds plain numbers, never pickles.
"""

import functools
import hashlib
import io
import multiprocessing
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from aifashion.datasets.deepfashion2 import dense, raw
from aifashion.datasets.deepfashion2.landmarks import CATEGORIES, NUMBERS
from aifashion.datasets.processes import no_main
from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Exit, Failure
from aifashion.files import replace_file
from aifashion.progress import say, track

MANY = 2000  # files from which starting processes, half a second each, is worth it
CHUNK = 500  # files that a process reads at a time
_VERSION = "1"  # of the arrays below
_NAMES = np.array(["", *CATEGORIES])


@dataclass(frozen=True)
class Index:
    """The N items of a folder, in the order of its pictures and in the files' own."""

    picture: np.ndarray  # (N,) int32: its number
    item: np.ndarray  # (N,) int16: n of item<n>
    category: np.ndarray  # (N,) int8: 1 … 13
    box: np.ndarray  # (N, 4) float64
    points: np.ndarray  # (M, 2) float32: own keypoints behind one another, as the files have them
    visibility: np.ndarray  # (M,) int8
    pair_id: np.ndarray  # (N,) int32
    source: np.ndarray  # (N,) int8: position in raw.SOURCES
    style: np.ndarray  # (N,) int32
    scale: np.ndarray  # (N,) int8, and so on; 0 where the file does not say
    occlusion: np.ndarray
    zoom_in: np.ndarray
    viewpoint: np.ndarray

    def records(self, images: Path) -> list[KeypointRecord]:
        """A record of each item; pictures are in the folder `images`."""
        keypoints, visibility = dense.spread(self.category, self.points, self.visibility)
        numbers = self.picture.tolist()
        paths = {number: images / raw.picture_name(number) for number in dict.fromkeys(numbers)}
        items, categories = self.item.tolist(), _NAMES[self.category].tolist()
        truth = zip(categories, keypoints, visibility, self.box, strict=True)
        return [
            KeypointRecord(f"{number}/{item}", paths[number], *known)
            for number, item, known in zip(numbers, items, truth, strict=True)
        ]


_TYPES = {
    "picture": np.int32, "item": np.int16, "category": np.int8, "box": np.float64,
    "points": np.float32, "visibility": np.int8, "pair_id": np.int32, "source": np.int8,
    "style": np.int32, "scale": np.int8, "occlusion": np.int8, "zoom_in": np.int8,
    "viewpoint": np.int8,
}  # fmt: skip
_WIDTHS = {"box": 4, "points": 2}
# What NumPy and zipfile raise of a file that is not there or not whole.
_DAMAGED = (
    OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read(annos: Path) -> Index:
    """The annotations of a folder, from its index where that still holds.

    Raises:
        Failure: BAD_DATA, naming file, item and field.
    """
    names, listing = _list(annos)
    file = annos.with_name(f"{annos.name}_index.npz")
    kept = _load(file, listing)
    if kept is not None:
        return kept
    index = _read_files([annos / name for name in names])
    _save(file, index, listing)
    return index


def annotation_files(annos: Path) -> list[str]:
    """The names of a folder's annotation files in order. Raises Failure (BAD_DATA)."""
    return _list(annos)[0]


def _list(annos: Path) -> tuple[list[str], str]:
    """The annotation files by name, and a digest of their names, sizes and times."""
    try:
        with os.scandir(annos) as entries:
            found = [entry for entry in entries if _is_annotation(entry.name)]
            facts = sorted((e.name, e.stat().st_size, e.stat().st_mtime_ns) for e in found)
    except OSError as error:
        raise Failure(
            Exit.BAD_DATA, f"{annos}: cannot be read ({error.strerror or error}). Check the path."
        ) from None
    lines = "\n".join(f"{name} {size} {time}" for name, size, time in facts)
    digest = hashlib.sha256(f"{_VERSION}\n{lines}".encode(errors="surrogateescape")).hexdigest()
    return [name for name, _, _ in facts], digest


def _is_annotation(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")  # ._ files come from Macs


# === The kept file ===


def _load(file: Path, listing: str) -> Index | None:
    """The kept index; None where there is none, it is damaged, or the folder has changed."""
    try:
        with np.load(file, allow_pickle=False) as kept:
            if str(kept["listing"]) != listing:
                return None
            return Index(**{name: kept[name] for name in _TYPES})
    except _DAMAGED:
        return None


def _save(file: Path, index: Index, listing: str) -> None:
    arrays = {field.name: getattr(index, field.name) for field in fields(index)}
    packed = io.BytesIO()
    np.savez(packed, listing=np.array(listing), **arrays)
    try:
        replace_file(file, packed.getvalue())
    except Failure as failure:
        _say_once(f"No index of the annotations is kept, each start reads them all: {failure}")


@functools.cache
def _say_once(message: str) -> None:
    say(message)


# === The files ===


def _read_files(files: Sequence[Path]) -> Index:
    chunks = [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]
    parts, faults = [_arrays([])], []
    for part, refused in track(_each_chunk(chunks, len(files)), len(chunks), "reading annotations"):
        parts.append(part)
        faults += refused
    if faults:
        others = f" And {len(faults) - 1} more of {len(files)} files: check names them all."
        more = others if faults[1:] else ""
        raise Failure(Exit.BAD_DATA, faults[0] + more, faults)
    return Index(**{name: np.concatenate([part[name] for part in parts]) for name in _TYPES})


def _each_chunk(chunks: list[Sequence[Path]], files: int) -> Iterator[tuple[dict, list[str]]]:
    if files < MANY or (os.cpu_count() or 1) == 1:
        yield from map(_read_chunk, chunks)
        return
    context = multiprocessing.get_context("spawn")  # not fork: TensorFlow's threads may run
    with no_main(), ProcessPoolExecutor(None, context) as pool:
        yield from pool.map(_read_chunk, chunks)


def _read_chunk(files: Sequence[Path]) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays of some files, and what is wrong with those that are malformed."""
    pictures, faults = [], []
    for file in files:
        try:
            pictures.append(raw.read_file(file))
        except Failure as failure:  # which does not travel between processes
            faults.append(str(failure))
    return _arrays(pictures), faults


def _arrays(pictures: Sequence[raw.Picture]) -> dict[str, np.ndarray]:
    pairs = [(picture, item) for picture in pictures for item in picture.items]
    landmarks = np.concatenate([np.empty((0, 3)), *(item.landmarks for _, item in pairs)])
    columns = {
        "picture": [picture.number for picture, _ in pairs],
        "item": [item.number for _, item in pairs],
        "category": [NUMBERS[item.category] for _, item in pairs],
        "box": [item.box for _, item in pairs],
        "points": landmarks[:, :2],
        "visibility": landmarks[:, 2],
        "pair_id": [picture.pair_id for picture, _ in pairs],
        "source": [raw.SOURCES.index(picture.source) for picture, _ in pairs],
    }
    columns |= {name: [item.descriptions[name] for _, item in pairs] for name in raw.DESCRIPTIONS}
    return {
        name: np.array(columns[name], dtype).reshape(-1, *_shape(name))
        for name, dtype in _TYPES.items()
    }


def _shape(name: str) -> tuple[int, ...]:
    return (_WIDTHS[name],) if name in _WIDTHS else ()
