"""Colours and fabrics: what a cloth looks like at any point of the picture, without its light."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

Rng = np.random.Generator
_LUMA = np.array([0.3, 0.59, 0.11])  # how much the eye makes of red, green and blue
KINDS = ("plain", "stripes", "checks", "dots", "denim", "melange", "print")
_SHARES = (0.44, 0.13, 0.1, 0.08, 0.1, 0.08, 0.07)


@dataclass(frozen=True)
class Fabric:
    """A cloth: two colours, and how they alternate."""

    kind: str  # one of KINDS
    colours: np.ndarray  # (2, 3) float64 RGB, 0 to 255
    period: float = 0.1  # of the pattern, in units of the garment


# === Colours ===


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """How far two RGB colours are apart, 0 to 255, brightness counting as the eye sees it."""
    return float(np.sqrt((_LUMA * (one - other) ** 2).sum()))


def colour(rng: Rng, vivid: float = 1.0) -> np.ndarray:
    """A colour clothes have: a third of them white, grey, black or beige. (3,) float64 RGB."""
    if rng.random() < 0.34:
        return rng.uniform(25, 245) * np.array([1, rng.uniform(0.93, 1), rng.uniform(0.84, 1)])
    hue, saturation, value = rng.random(), vivid * rng.uniform(0.25, 0.95), rng.uniform(0.3, 0.98)
    # HSV to RGB: each channel falls from `value` by how far the hue is from its own.
    away = np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1
    return 255 * value * (1 - saturation * (1 - np.clip(away, 0, 1)))


def contrasting(
    rng: Rng, others: Sequence[np.ndarray], least: float, vivid: float = 1.0
) -> np.ndarray:
    """A colour at least so far from all the others, or the farthest of 24 tries. (3,) RGB."""
    best, far = colour(rng, vivid), -1.0
    for _ in range(24):
        candidate = colour(rng, vivid)
        nearest = min((distance(candidate, other) for other in others), default=least)
        if nearest > far:
            best, far = candidate, nearest
        if far >= least:
            break
    return best


# === Fabrics ===


def fabric(rng: Rng) -> Fabric:
    """A garment's main fabric."""
    kind = KINDS[rng.choice(len(KINDS), p=_SHARES)]
    if kind == "denim":
        blue = np.array([60, 85, 130]) * rng.uniform(0.5, 1.5)
        return Fabric(kind, np.stack([blue, blue * 1.25 + 10]))
    first = colour(rng)
    second = np.clip(first * rng.uniform(0.72, 0.85), 0, 255)
    if kind in ("stripes", "checks", "dots", "print"):
        second = contrasting(rng, [first], 45.0)
    return Fabric(kind, np.stack([first, second]), rng.uniform(0.08, 0.24))


def plain(rgb: np.ndarray) -> Fabric:
    """A cloth of one colour."""
    return Fabric("plain", np.stack([rgb, rgb]))


def texture(cloth: Fabric, u: np.ndarray, v: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """The fabric at each point.

    Args:
        cloth: the fabric.
        u, v: (h, w) float32, across and along the threads, in units of the garment.
        noise: (h, w) float32, standard normal, the picture's grain.

    Returns:
        (h, w, 3) float32 RGB, 0 to 255.
    """
    share = _SHARE_OF_SECOND[cloth.kind](u / cloth.period, v / cloth.period, noise)
    first, second = cloth.colours.astype(np.float32)
    return first + share[..., None] * (second - first)


def _wave(t: np.ndarray) -> np.ndarray:
    """Alternates between 0 and 1 with period 1, with soft edges that do not alias."""
    return np.clip(0.5 + 2.5 * np.sin(2 * np.pi * t), 0, 1)


def _dots(u: np.ndarray, v: np.ndarray, noise: np.ndarray) -> np.ndarray:
    row = np.floor(v)
    x, y = (u + 0.5 * (row % 2)) % 1 - 0.5, v - row - 0.5
    return np.clip(4 - 16 * np.hypot(x, y), 0, 1)


def _print(u: np.ndarray, v: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Blots of irregular size: waves that bend one another."""
    bent = np.sin(2.1 * u + 2.0 * np.sin(1.3 * v)) + np.sin(2.7 * v + 2.0 * np.sin(1.7 * u))
    return np.clip(3 * bent - 1.2, 0, 1)


_SHARE_OF_SECOND = {
    "plain": lambda u, v, noise: np.zeros_like(u),
    "stripes": lambda u, v, noise: _wave(u),
    "checks": lambda u, v, noise: 0.5 * (_wave(u) + _wave(v)),
    "dots": _dots,
    "denim": lambda u, v, noise: 0.5 + 0.3 * noise,
    "melange": lambda u, v, noise: 0.5 + 0.5 * cv2.blur(noise, (2, 2)),
    "print": _print,
}
