"""What a training picture goes through, drawn from one generator a sample. NumPy and cv2.

The geometry is one 2x3 matrix and the colours one 3x4 matrix, so that the picture is recoloured
once and resampled once (`aifashion.images.warp`).
"""

import cv2
import numpy as np

from aifashion import affine
from aifashion.datasets.schema import ABSENT, OCCLUDED, VISIBLE
from aifashion.images import GREY, recolour
from aifashion.recipes import Augmentation

_SAME = np.eye(3)
_LUMA = np.array([0.299, 0.587, 0.114])


def generator(seed: int, epoch: int, record: int) -> np.random.Generator:
    """The sample's own randomness: the same for any order, any worker, any start."""
    key = np.array([(seed & 0xFFFFFFFF) << 32 | epoch, record], np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def draw_geometry(
    rng: np.random.Generator, augmentation: Augmentation, to_canvas: np.ndarray, size: int
) -> tuple[np.ndarray, bool]:
    """Draws the way from the picture to the canvas.

    Args:
        to_canvas: the unaugmented way, 2x3.
        size: side of the canvas, pixels.

    Returns:
        the 2x3 matrix, and whether it mirrors (left and right keypoints then change places).
    """
    flip, turn, angle, zoom, *shift = rng.random(6)
    mirrored = flip < augmentation.flip
    turned = turn < augmentation.rotation_probability
    degrees = _spread(angle, augmentation.rotation) if turned else 0.0
    smallest, largest = augmentation.scale
    middle = (size / 2, size / 2)
    matrix = affine.compose(
        to_canvas,
        *([affine.mirror(size)] if mirrored else []),
        affine.about(middle, degrees, smallest * (largest / smallest) ** zoom),
        affine.translation(*(_spread(by, augmentation.shift) * size for by in shift)),
    )
    return matrix, mirrored


def _spread(draw: float, width: float) -> float:
    """A draw of 0 … 1 as one of +- width."""
    return (2 * draw - 1) * width


def draw_colours(rng: np.random.Generator, augmentation: Augmentation) -> np.ndarray:
    """Draws contrast, saturation, channel gains and brightness: 3x4 for `images.warp`."""
    draws = rng.random(6)
    contrast = 1 + _spread(draws[0], augmentation.contrast)
    saturation = 1 + _spread(draws[1], augmentation.saturation)
    brightness = _spread(draws[2], augmentation.brightness) * 255
    gains = 1 + _spread(draws[3:], augmentation.channels)
    mix = (contrast * gains)[:, None] * (saturation * _SAME + (1 - saturation) * _LUMA)
    # Contrast turns about mid grey, so that it does not also brighten.
    return recolour(mix, brightness + 127.5 * (1 - contrast))


def draw_blur(rng: np.random.Generator, augmentation: Augmentation, image: np.ndarray) -> None:
    """Sometimes smooths the picture (H, W, 3) in place, as a lens out of focus would."""
    chance, sigma = rng.random(2)
    if chance < augmentation.blur:
        cv2.GaussianBlur(image, (5, 5), 0.5 + sigma, dst=image)


def draw_erasing(
    rng: np.random.Generator,
    augmentation: Augmentation,
    image: np.ndarray,
    points: np.ndarray,
    visibility: np.ndarray,
) -> None:
    """Masked-keypoint augmentation: hides the surroundings of some visible keypoints, in place.

    The hidden ones become occluded, and so does every keypoint that lies under a patch.

    Args:
        image: (H, W, 3) uint8.
        points: (K, 2) in its pixels.
        visibility: (K,).
    """
    if rng.random() >= augmentation.erase:
        return
    visible = np.flatnonzero(visibility == VISIBLE)
    count = rng.integers(1, augmentation.erase_most + 1)
    for k in rng.permutation(visible)[:count]:
        half = rng.uniform(*augmentation.erase_size) * image.shape[1] / 2
        centre = points[k] + rng.uniform(-0.5, 0.5, 2) * half
        left, top = np.maximum(np.round(centre - half), 0).astype(int)
        right, bottom = np.round(centre + half).astype(int)
        image[top:bottom, left:right] = GREY if rng.random() < 0.5 else rng.integers(0, 256, 3)
        inside = ((points >= (left, top)) & (points < (right, bottom))).all(axis=1)
        visibility[inside & (visibility != ABSENT)] = OCCLUDED
