"""What training pictures go through, drawn for a whole batch before any of it is read. NumPy, cv2.

The geometry is one 2x3 matrix a picture and the colours one 3x4 matrix, so that it is recoloured
once and resampled once (`aifashion.images.warp`). Drawing for all at once keeps Python out of the
way of the threads that decode: they share its lock.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from aifashion import affine
from aifashion.datasets.schema import ABSENT, OCCLUDED, VISIBLE
from aifashion.images import GREY, recolour
from aifashion.recipes import Augmentation

# === Randomness ===

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_30, _27, _31, _11 = np.array([30, 27, 31, 11], np.uint64)


def uniforms(seed: int, epoch: int, records: np.ndarray, count: int) -> np.ndarray:
    """Numbers of 0 <= u < 1, (B, count): each sample's own, for any order, any worker, any start.

    A SplitMix64 sequence a sample (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
    Generators, 2014, figure 17), begun where seed, epoch and record together say.
    """
    key = _mix(np.array([(seed & 0xFFFFFFFF) << 32 | epoch], np.uint64))
    start = _mix(key + records.astype(np.uint64))
    numbers = _mix(start[:, None] + np.arange(1, count + 1, dtype=np.uint64) * _GAMMA)
    return (numbers >> _11) * 2.0**-53


def _mix(z: np.ndarray) -> np.ndarray:
    """Scatters 64-bit numbers over all 64 bits, one to one."""
    z = (z ^ (z >> _30)) * _FACTORS[0]
    z = (z ^ (z >> _27)) * _FACTORS[1]
    return z ^ (z >> _31)


def seeds(seed: int, epoch: int, records: np.ndarray) -> np.ndarray:
    """A number for whatever else is drawn for a sample, on the device say, (B,) int32."""
    return (uniforms(seed, epoch, records, 1)[:, 0] * 2**31).astype(np.int32)


def _spread(draw: np.ndarray, width: float) -> np.ndarray:
    """Draws of 0 ... 1 as ones of +- width."""
    return (2 * draw - 1) * width


# === Drawing ===

_PATCH = 8  # draws each: which keypoint, side, place (2), grey or coloured, its colour (3)


@dataclass(frozen=True)
class Changes:
    """What happens to the B pictures of a batch."""

    matrices: np.ndarray  # (B, 2, 3) from the unaugmented canvas to the augmented one
    mirrored: np.ndarray  # (B,) bool: left and right keypoints then change places
    colours: np.ndarray  # (B, 3, 4) for `images.warp`
    blurs: np.ndarray  # (B,) sigma in pixels, 0 where there is none
    erasing: np.ndarray  # (B, …) draws for `erase`


def draw(
    augmentation: Augmentation,
    frame: tuple[int, int],
    seed: int,
    epoch: int,
    records: np.ndarray,
) -> Changes:
    """Draws the changes of these records (B,); `frame` is the canvas' width and height."""
    # The first of a sample's numbers has become its seed.
    draws = uniforms(seed, epoch, records, 15 + 2 + _PATCH * augmentation.erase_most)
    geometry, colours, blur = draws[:, 1:7], draws[:, 7:13], draws[:, 13:15]
    mirrored = geometry[:, 0] < augmentation.flip
    return Changes(
        matrices=_matrices(augmentation, frame, mirrored, geometry[:, 1:]),
        mirrored=mirrored,
        colours=_colours(augmentation, colours),
        blurs=np.where(blur[:, 0] < augmentation.blur, 0.5 + blur[:, 1], 0.0),
        erasing=draws[:, 15:],
    )


def _matrices(
    augmentation: Augmentation, frame: tuple[int, int], mirrored: np.ndarray, draws: np.ndarray
) -> np.ndarray:
    """Mirrors or not, turns and scales about the middle, shifts: (B, 2, 3) from draws (B, 5)."""
    turn, angle, zoom, *shift = draws.T
    width, height = frame
    turned = turn < augmentation.rotation_probability
    smallest, largest = augmentation.scale
    return affine.compose(
        np.where(mirrored[:, None, None], affine.mirror(width), affine.IDENTITY),
        affine.about(
            (width / 2, height / 2),
            np.where(turned, _spread(angle, augmentation.rotation), 0.0),
            smallest * (largest / smallest) ** zoom,
        ),
        affine.translation(
            *(_spread(by, augmentation.shift) * side for by, side in zip(shift, frame, strict=True))
        ),
    )


_LUMA = np.array([0.299, 0.587, 0.114])


def _colours(augmentation: Augmentation, draws: np.ndarray) -> np.ndarray:
    """Contrast, saturation, channel gains and brightness: (B, 3, 4) from draws (B, 6)."""
    contrast = 1 + _spread(draws[:, :1], augmentation.contrast)
    saturation = 1 + _spread(draws[:, 1, None, None], augmentation.saturation)
    brightness = _spread(draws[:, 2:3], augmentation.brightness) * 255
    gains = 1 + _spread(draws[:, 3:], augmentation.channels)
    mix = (contrast * gains)[:, :, None] * (saturation * np.eye(3) + (1 - saturation) * _LUMA)
    # Contrast turns about mid grey, so that it does not also brighten.
    return recolour(mix, brightness + 127.5 * (1 - contrast))


# === One picture's ===


def blur(image: np.ndarray, sigma: float) -> None:
    """Smooths a picture (H, W, 3) in place, as a lens out of focus would; not at all at 0."""
    if sigma > 0:
        cv2.GaussianBlur(image, (5, 5), sigma, dst=image)


def erase(
    draws: np.ndarray,
    augmentation: Augmentation,
    image: np.ndarray,
    points: np.ndarray,
    visibility: np.ndarray,
) -> None:
    """Masked-keypoint augmentation: hides the surroundings of some visible keypoints, in place.

    The hidden ones become occluded, and so does every keypoint that lies under a patch.

    Args:
        draws: the picture's row of `Changes.erasing`.
        image: (H, W, 3) uint8.
        points: (K, 2) in its pixels.
        visibility: (K,).
    """
    if draws[0] >= augmentation.erase:
        return
    count = 1 + int(draws[1] * augmentation.erase_most)
    visible = np.flatnonzero(visibility == VISIBLE).tolist()
    for which, side, *place, grey, red, green, blue in draws[2:].reshape(-1, _PATCH)[:count]:
        if not visible:
            return
        k = visible.pop(int(which * len(visible)))
        smallest, largest = augmentation.erase_size
        half = (smallest + side * (largest - smallest)) * image.shape[1] / 2
        centre = points[k] + _spread(np.array(place), 0.5) * half
        left, top = np.maximum(np.round(centre - half), 0).astype(int)
        right, bottom = np.round(centre + half).astype(int)
        colour = GREY if grey < 0.5 else (256 * np.array([red, green, blue])).astype(np.uint8)
        image[top:bottom, left:right] = colour
        inside = ((points >= (left, top)) & (points < (right, bottom))).all(axis=1)
        visibility[inside & (visibility != ABSENT)] = OCCLUDED
