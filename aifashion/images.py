"""The reference decoder and the affine warp: cv2 and NumPy, one meaning of a file for everyone.

Pictures are (H, W, 3) uint8, RGB, upright. Coordinates are continuous, the centre of the first
pixel at (0.5, 0.5). Colour profiles are ignored, as the published systems ignore them.
"""

import math
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np

from aifashion.errors import Exit, Failure
from aifashion.image_headers import Header, bad, opened, read_header

__all__ = (
    "GREY", "MAX_BYTES", "MAX_PIXELS", "Header", "decode", "encode_jpeg", "read", "read_header",
    "read_shown_size", "recolour", "warp", "write",
)  # fmt: skip

GREY = 128  # what lies outside a picture
MAX_PIXELS = 50_000_000
MAX_BYTES = 50 * 2**20

# What cv2 would log is what the Failure says; libpng and libjpeg may still print a line themselves.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

# The orientation is applied here for every format: cv2 misses EXIF chunks of WebP that begin with
# "Exif", and applies none where alpha is kept. Alpha is kept by IMREAD_UNCHANGED only, which JPEG
# and BMP do not need.
_FLAGS_OPAQUE = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
_OPAQUE = ("jpeg", "bmp")

# EXIF orientation -> (swap the axes first, then cv2's flip: 1 left-right, 0 up-down, -1 both)
_UPRIGHT = {
    2: (False, 1), 3: (False, -1), 4: (False, 0), 5: (True, None),
    6: (True, 1), 7: (True, -1), 8: (True, 0),
}  # fmt: skip

_EIGHT_BITS = ((np.arange(65536) + 128) // 257).astype(np.uint8)  # 16-bit level / 257, rounded


# === Reading ===


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decodes a picture to (H, W, 3) uint8, RGB, upright.

    Alpha is laid on white; grey and CMYK become RGB; 16 bits become 8 (divided by 257, rounded);
    of an animation the first frame is taken. Damage that leaves the JPEG's end in place cannot be
    told from a picture.

    Args:
        data: the bytes of the file, at most MAX_BYTES.
        max_pixels: larger pictures are refused before a pixel is allocated.

    Raises:
        Failure: BAD_DATA with the reason.
    """
    _check_bytes(len(data))
    header = read_header(data)
    if header.width * header.height > max_pixels:
        raise bad(
            f"{header.width} x {header.height} pixels are more than the limit of {max_pixels}. "
            "Scale the picture down."
        )
    image = _pixels(data, header.format)
    stored = (header.height, header.width)
    if image.shape[:2] != (stored if header.orientation < 5 else stored[::-1]):
        raise bad(f"{header.format}: the pixels are not of the size its header says")
    return image if header.orientation == 1 else _turn(image, header.orientation)


def read(path: Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Reads and decodes a file, (H, W, 3) uint8, as `decode`; a Failure begins with the path."""
    path = Path(path)
    with opened(path) as (descriptor, size):
        _check_bytes(size)
        return decode(os.read(descriptor, size), max_pixels)


def read_shown_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture as it is shown, from its header alone."""
    header = read_header(path)
    return header.width, header.height


def _check_bytes(size: int) -> None:
    if size > MAX_BYTES:
        raise bad(f"the file is larger than {MAX_BYTES >> 20} MiB. Scale the picture down.")


def _pixels(data: bytes, format: str) -> np.ndarray:
    """Stored pixels as RGB, not yet turned."""
    opaque = format in _OPAQUE
    try:
        flags = _FLAGS_OPAQUE if opaque else cv2.IMREAD_UNCHANGED
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise bad(f"{format}: the pixels are damaged or cut short. Fetch the file again.")
    return image if opaque else _rgb(image, format)


def _rgb(image: np.ndarray, format: str) -> np.ndarray:
    """Grey, BGR or BGRA of 8 or 16 bits -> (H, W, 3) uint8 RGB, alpha laid on white."""
    if image.dtype == np.uint16 and format != "avif":  # AVIF keeps 10 or 12 bits in these 16
        image = _EIGHT_BITS[image]
    if image.dtype != np.uint8:
        raise bad(f"{format}: deeper than can be read. Save it with 8 bits.")
    if image.ndim == 2:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    if image.shape[2] == 3:
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    rgb = cv2.cvtColor(image, cv2.COLOR_BGRA2RGB)
    alpha = image[:, :, 3:].astype(np.uint16)
    if alpha.min() == 255:
        return rgb
    # c·a + 255·(255 - a) + 127 <= 65152: it fits 16 bits, and // 255 then rounds to nearest.
    return ((rgb * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _turn(image: np.ndarray, orientation: int) -> np.ndarray:
    swap, flip = _UPRIGHT[orientation]
    if swap:
        image = cv2.transpose(image)
    return image if flip is None else cv2.flip(image, flip)


# === Warping ===


def recolour(mix: np.ndarray, offset: float | np.ndarray) -> np.ndarray:
    """The matrix that gives each pixel `mix @ rgb + offset` when `warp` takes it.

    Args:
        mix: (..., 3, 3).
        offset: a number, or whatever fits (..., 3).

    Returns:
        (..., 3, 4).
    """
    matrix = np.empty((*mix.shape[:-1], 4))
    matrix[..., :3], matrix[..., 3] = mix, offset
    return matrix


def warp(
    image: np.ndarray,
    matrix: np.ndarray,
    size: tuple[int, int],
    colours: np.ndarray | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Recolours and resamples a picture: bilinear, GREY outside of it whatever the colours.

    A picture that shrinks 1.5 times or more is first reduced by the nearest whole factor with area
    averaging, and the matrix takes that up: otherwise bilinear sampling would skip pixels.

    Args:
        image: (H, W, 3) uint8.
        matrix: (2, 3), from the picture's continuous coordinates to the output's.
        size: (width, height) of the output.
        colours: what `recolour` returns; None keeps them.
        out: (height, width, 3) uint8 to write into.

    Returns:
        (height, width, 3) uint8.

    Raises:
        ValueError: the matrix is singular or not finite.
    """
    matrix = np.asarray(matrix, np.float64)
    (a, b, x), (c, d, y) = matrix.tolist()
    if not math.isfinite(x + y) or not abs(a * d - b * c) >= 1e-12:  # NaN is no >= either
        raise ValueError(f"the matrix cannot be inverted: {matrix.tolist()}")
    image, matrix = _reduce(image, matrix, (math.hypot(a, c), math.hypot(b, d)))
    indexed = matrix.copy()
    indexed[:, 2] += 0.5 * matrix[:, :2].sum(axis=1) - 0.5  # centres at +0.5 -> cv2's integers
    with _scratch() as memory:
        return _resample(image, indexed, size, colours, out, memory)


def _resample(image, matrix, size, colours, out, memory: "_Memory") -> np.ndarray:
    """`warp` with cv2's matrix.

    cv2 has vector code for warps of four channels and none for three, and for transforms of three
    and none for four: 2 and 18 times as fast.
    """
    height, width = image.shape[:2]
    if colours is not None:
        image = cv2.transform(image, colours, dst=memory.array("recoloured", (height, width, 3)))
    four = memory.array("four", (height, width, 4))
    four = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA, dst=four)
    warped = memory.array("warped", (size[1], size[0], 4))
    border = (GREY,) * 4
    cv2.warpAffine(four, matrix, size, warped, cv2.INTER_LINEAR, borderValue=border)
    return cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB, dst=out)


class _Memory:
    """Memory used for one picture after the other: arrays of whatever content, by name."""

    def __init__(self):
        self.blocks = {}

    def array(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """A uint8 array, the caller's until this name is asked for again."""
        size = math.prod(shape)
        if name not in self.blocks or self.blocks[name].size < size:
            self.blocks[name] = np.empty(size, np.uint8)
        return self.blocks[name][:size].reshape(shape)


_idle: list[_Memory] = []


@contextmanager
def _scratch() -> Iterator[_Memory]:
    """Memory nobody else uses meanwhile; there is as much of it as threads ever met here.

    A megabyte taken fresh from the system costs 256 page faults, and threads of one process wait
    for each other at every one. It is not kept by thread: TensorFlow calls Python from threads
    that are new to it at every call.
    """
    try:
        memory = _idle.pop()  # looking first whether there is one would let two take the same
    except IndexError:
        memory = _Memory()
    try:
        yield memory
    finally:
        _idle.append(memory)


def _reduce(
    image: np.ndarray, matrix: np.ndarray, scales: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Area-averages the picture where the matrix shrinks it; returns both, still fitting.

    `scales` are the output's pixels per pixel of the picture, along its x and its y.
    """
    across, down = (max(1, math.floor(1 / scale + 0.5)) for scale in scales)
    if across == down == 1:
        return image, matrix
    height, width = image.shape[:2]
    small = (math.ceil(width / across), math.ceil(height / down))
    reduced = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    # Area averaging maps the whole extent on the whole extent, also where the factor leaves a rest.
    return reduced, matrix * np.array([width / small[0], height / small[1], 1])


# === Writing ===


def encode_jpeg(image: np.ndarray, quality: int = 95) -> bytes:
    """Encodes an (H, W, 3) uint8 RGB picture, quality 1..100."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def write(path: Path, image: np.ndarray) -> None:
    """Writes an (H, W, 3) uint8 RGB picture as its suffix says, .jpg or .png, making the folder.

    Written aside and renamed: the name never holds half a picture.

    Raises:
        Failure: USAGE for another suffix, ENVIRONMENT where the disk refuses.
    """
    path = Path(path)
    data = _encode(path, image)
    aside = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(data)
        aside.replace(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        raise Failure(
            Exit.ENVIRONMENT, f"{path}: cannot be written ({error.strerror or error})"
        ) from None


def _encode(path: Path, image: np.ndarray) -> bytes:
    suffix = path.suffix.lower()
    if suffix in (".jpg", ".jpeg"):
        return encode_jpeg(image)
    if suffix == ".png":
        return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
    raise Failure(Exit.USAGE, f"{path}: pictures are written as .jpg or .png. Change the suffix.")
