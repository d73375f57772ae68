"""Looking at a whole data set without stopping at its first fault: findings, and the pictures.

What one dataset's annotations can get wrong stands beside its reader (`fashionai/check.py`). Here
is what any dataset of pictures shares: names that lead astray, files that are none, files that are
no pictures. No name is opened before it is known to lie below the data folder.
"""

import hashlib
import os
import stat
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from aifashion import images
from aifashion.datasets.duplicates import look_of
from aifashion.datasets.schema import KeypointRecord
from aifashion.datasets.tables import shown, stays_inside
from aifashion.errors import Failure
from aifashion.image_headers import opened
from aifashion.progress import track

ERROR, WARNING, NOTE = "error", "warning", "note"


@dataclass(frozen=True)
class Finding:
    """One thing found, and where."""

    code: str  # stable: short words with hyphens
    severity: str
    file: Path
    row: int | None  # the header is row 1; None: the file as a whole
    field: str | None
    message: str
    remedy: str

    @property
    def is_fault(self) -> bool:
        """Whether it is more than a note."""
        return self.severity != NOTE


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file, before it is known which rows name it."""

    code: str
    severity: str
    message: str
    remedy: str

    def at(self, file: Path, row: int | None = None, field: str | None = None) -> Finding:
        """The finding at a place."""
        return Finding(self.code, self.severity, file, row, field, self.message, self.remedy)


@dataclass(frozen=True)
class Picture:
    """What was learnt of a picture; the size is None where it could not be."""

    faults: tuple[Fault, ...] = ()
    size: tuple[int, int] | None = None  # width and height as shown
    turned: bool = False  # EXIF exchanges width and height
    digest: str | None = None  # SHA-256 of the file
    look: np.ndarray | None = None  # of `duplicates.look_of`
    spelling: str | None = None  # the name as the disk has it, where it differs


def examine_all(names: Sequence[tuple[Path, str]], fast: bool) -> dict[tuple, Picture]:
    """Looks at pictures, each a data folder and a name below it, in as many threads as cores.

    Args:
        names: may repeat; each is looked at once.
        fast: headers alone: no digest, no look, and damage behind the header is not seen.
    """
    names = list(dict.fromkeys(names))
    listings = {}
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        looks = pool.map(lambda name: examine(*name, fast, listings), names)
        return dict(zip(names, track(looks, len(names), "pictures"), strict=True))
    finally:
        pool.shutdown(cancel_futures=True)


def examine(root: Path, name: str, fast: bool = False, listings: dict | None = None) -> Picture:
    """Looks at the picture that `name` means below `root`.

    Args:
        listings: folders listed so far; hand the same dict in again to list each once.
    """
    fault, spelling = _locate(root, name, {} if listings is None else listings)
    if fault:
        return Picture((fault,), spelling=spelling)
    path = root / name
    try:
        if fast:
            return _described(path, images.read_header(path), None)
        with opened(path) as (descriptor, size):
            if size > images.MAX_BYTES:
                return Picture((_too_large(f"{size >> 20} MiB"),))
            data = os.read(descriptor, size)
    except Failure as failure:
        return Picture((_refused(str(failure).removeprefix(f"{path}: ")),))
    return _decoded(path, data)


# === Names ===

_RENAME = "Write it as a path below the data folder, with / between its parts."
_LOCATE = "Fetch the file, or remove the row."


def _locate(root: Path, name: str, listings: dict) -> tuple[Fault | None, str | None]:
    """What keeps the name from being a file below root; and the name as the disk spells it."""
    if not stays_inside(name):
        message = f"{shown(name)} does not name a picture below the data folder"
        return Fault("path-outside", ERROR, message, _RENAME), None
    path = root / name
    try:
        is_link = stat.S_ISLNK(path.lstat().st_mode)
    except OSError as error:
        return _missing(root, name, listings, error.strerror or "no such file")
    if not is_inside(root, path):
        message = f"{shown(name)} is a link that leads out of the data folder"
        return Fault("path-link-outside", ERROR, message, "Put the file itself there."), None
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if is_link:
            message = f"{shown(name)} is a link to nothing"
            return Fault("picture-link-broken", ERROR, message, "Put the file itself there."), None
        return _missing(root, name, listings, error.strerror or "cannot be read")
    if stat.S_ISDIR(mode):
        message = f"{shown(name)} is a folder"
        return Fault("picture-folder", ERROR, message, "Name a file in it."), None
    if not stat.S_ISREG(mode):
        message = f"{shown(name)} is not a regular file"
        return Fault("picture-not-file", ERROR, message, _LOCATE), None
    return None, None


def is_inside(root: Path, path: Path) -> bool:
    """Whether a path is below a folder once links are followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _missing(root: Path, name: str, listings: dict, why: str) -> tuple[Fault, str | None]:
    """A missing file, or one that is spelt otherwise: the usual fault of lists made on Windows."""
    spelling = _respell(root, name, listings)
    if spelling is None:
        message = f"{shown(name)}: no such file" if "long" not in why else f"{shown(name)}: {why}"
        return Fault("picture-missing", ERROR, message, _LOCATE), None
    message = f"{shown(name)}: no such file; did you mean {shown(spelling)}?"
    remedy = "Spell it as the disk does, capitals and accents too."
    return Fault("path-spelling", ERROR, message, remedy), spelling


def _respell(root: Path, name: str, listings: dict) -> str | None:
    """The one file below root whose name differs in case or in the accents' encoding alone."""
    at, parts = root, []
    for part in Path(name).parts:
        if not is_inside(root, at):
            return None
        if at not in listings:
            listings[at] = _listing(at)
        spelt = listings[at].get(_plain(part), ())
        found = part if part in spelt else min(spelt, default=None)
        if found is None:
            return None
        at, parts = at / found, [*parts, found]
    return "/".join(parts) if at.is_file() and is_inside(root, at) else None


def _listing(folder: Path) -> dict[str, list[str]]:
    """What a folder holds, by plain spelling."""
    found = {}
    try:
        for entry in os.listdir(folder):  # noqa: PTH208  (names alone, of large folders)
            found.setdefault(_plain(entry), []).append(entry)
    except OSError:
        pass
    return found


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


# === Contents ===

_FETCH = "Fetch the picture again, or remove its rows."
# What the header's reader says -> code. A test holds each.
_REFUSALS = (
    ("the file is empty", "picture-empty"),
    ("a web page or XML", "picture-web-page"),
    ("not a picture that can be read", "picture-unknown"),
    ("ends within", "picture-truncated"),
    ("cut short", "picture-truncated"),
    ("than the limit", "picture-too-large"),
    ("larger than", "picture-too-large"),
    ("cannot be read", "picture-unreadable"),
    ("read. Save it", "picture-unsupported"),
)
_SUFFIXES = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"), "png": (".png", ".apng"), "webp": (".webp",),
    "gif": (".gif",), "bmp": (".bmp", ".dib"), "tiff": (".tif", ".tiff"), "avif": (".avif",),
}  # fmt: skip


def _refused(said: str) -> Fault:
    code = next((code for words, code in _REFUSALS if words in said), "picture-damaged")
    message, _, remedy = said.partition(". ")
    return Fault(code, ERROR, message.rstrip("."), remedy or _FETCH)


def _too_large(what: str) -> Fault:
    limits = f"{images.MAX_PIXELS // 10**6} million pixels and {images.MAX_BYTES >> 20} MiB"
    return Fault("picture-too-large", ERROR, f"{what}; the limits are {limits}", "Scale it down.")


def _decoded(path: Path, data: bytes) -> Picture:
    """A picture's bytes, header first: nothing large is decoded."""
    try:
        header = images.read_header(data)
    except Failure as failure:
        return Picture((_refused(str(failure)),))
    picture = partial(_described, path, header, hashlib.sha256(data).hexdigest())
    if header.width * header.height > images.MAX_PIXELS:
        return picture()
    try:
        image = images.decode(data)
    except Failure as failure:
        fault = _refused(str(failure))
        cut = header.format == "jpeg" and b"\xff\xd9" not in data[-64:]
        if fault.code == "picture-truncated" and not cut:  # it says "damaged or cut short"
            fault = Fault("picture-damaged", fault.severity, fault.message, fault.remedy)
        return picture(extra=(fault,))
    notes = () if header.format in ("jpeg", "bmp") else _frames(path)
    return picture(look=look_of(image), extra=notes)


def _described(
    path: Path, header: images.Header, digest: str | None, look=None, extra: tuple[Fault, ...] = ()
) -> Picture:
    """The picture with what its header says of it."""
    faults = list(extra)
    size = (header.width, header.height)
    if header.width * header.height > images.MAX_PIXELS:
        faults.append(_too_large(f"{header.width} x {header.height} pixels"))
    if path.suffix.lower() not in _SUFFIXES[header.format]:
        message = f"a {header.format} by its content, {path.suffix or 'without suffix'} by its name"
        remedy = "It is read by its content here; other programs may not."
        faults.append(Fault("picture-suffix", NOTE, message, remedy))
    if header.orientation != 1:
        message = f"turned upright by EXIF orientation {header.orientation}"
        remedy = "Keypoints must lie on the upright picture."
        faults.append(Fault("picture-turned", NOTE, message, remedy))
    return Picture(tuple(faults), size, header.orientation >= 5, digest, look)


def _frames(path: Path) -> tuple[Fault, ...]:
    try:
        count = cv2.imcount(str(path))
    except cv2.error:
        return ()
    if count < 2:
        return ()
    message = f"an animation or a stack of {count} pictures"
    return (Fault("picture-animated", NOTE, message, "The first one is taken."),)


# === The whole ===


@dataclass(frozen=True)
class Report:
    """What a check of a data set found."""

    findings: list[Finding]
    train: list[KeypointRecord]  # the sound rows of all labelled parts
    test: list[KeypointRecord]  # of the test lists, with truth where it is known
    files: int
    pictures: int
    scans: tuple  # what the dataset's own `fix` needs

    @property
    def faults(self) -> list[Finding]:
        """The errors and warnings."""
        return [finding for finding in self.findings if finding.is_fault]
