"""What is printed on a chest: a sign, letters or lines, a small picture with its transparency."""

import cv2
import numpy as np

from aifashion.datasets.synthetic.fabrics.palette import NEUTRALS, any_of, matching

Rng = np.random.Generator
SIDE = 96  # pixels
_FINE = 4  # drawn this much larger, then averaged
_WORDS = ("ATHLETIC", "PARIS", "NYC", "1987", "TEAM", "SURF", "LOVE", "STUDIO", "NORTH", "CLUB",
          "SEOUL", "RIO", "SUNDAY", "HELLO", "EST 96", "COAST")  # fmt: skip
_FONTS = (cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_COMPLEX)


def motif(rng: Rng, ground: np.ndarray | None = None) -> np.ndarray:
    """A motif for a chest.

    Args:
        rng: the source of chance.
        ground: (3,) RGB of the cloth it is for: the motif stands out from it.

    Returns:
        (96, 96, 4) uint8 RGBA, the colour not multiplied by the alpha.
    """
    cloth = any_of(rng, NEUTRALS) if ground is None else ground
    colours = matching(rng, cloth, 2, 80.0)
    side = SIDE * _FINE
    layers = [np.zeros((side, side), np.uint8) for _ in colours]
    _SIGNS[rng.integers(len(_SIGNS))](layers, rng)
    first, second = (
        cv2.resize(layer, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)[..., None]
        for layer in layers
    )
    alpha = np.maximum(first, second)
    rgb = colours[0] + second / 255 * (colours[1] - colours[0])
    return np.round(np.concatenate([rgb, alpha], 2)).astype(np.uint8)


# Each draws into two layers of one colour each; the second lies over the first.


def _heart(layers: list[np.ndarray], rng: Rng) -> None:
    t = np.linspace(0, 2 * np.pi, 60)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    _fill(layers[0], 0.5 + 0.027 * np.stack([x, y], 1))
    if rng.random() < 0.4:
        _fill(layers[1], 0.5 + 0.018 * np.stack([x, y], 1))


def _star(layers: list[np.ndarray], rng: Rng) -> None:
    points = int(rng.choice((5, 5, 6, 8)))
    _fill(layers[0], 0.5 + 0.46 * _spikes(points, 0.42))
    if rng.random() < 0.4:
        _fill(layers[1], 0.5 + 0.28 * _spikes(points, 0.42))


def _number(layers: list[np.ndarray], rng: Rng) -> None:
    _letters(layers[0], str(rng.integers(1, 100)), 0.5, 0.8, rng)


def _word(layers: list[np.ndarray], rng: Rng) -> None:
    lines = rng.choice(_WORDS, int(rng.integers(1, 3)), replace=False)
    for line, layer, middle in zip(lines, layers, (0.38, 0.68), strict=False):
        _letters(layer, str(line), middle if len(lines) > 1 else 0.5, 0.28, rng)


def _round(layers: list[np.ndarray], rng: Rng) -> None:
    circle = _spikes(30, 1.0)
    _fill(layers[0], 0.5 + 0.46 * circle)
    inner = (_spikes(5, 0.42), _spikes(3, 0.5), circle, _spikes(12, 0.7))[rng.integers(4)]
    _fill(layers[1], 0.5 + rng.uniform(0.24, 0.34) * inner)


def _sunset(layers: list[np.ndarray], rng: Rng) -> None:
    _fill(layers[1], (0.5, 0.42) + 0.3 * _spikes(30, 1.0))
    heights = rng.uniform(0.3, 0.6, 3)
    for left, high in zip((0.04, 0.28, 0.5), heights, strict=True):
        hill = np.array([(left, 0.9), (left + 0.23, 0.9 - high), (left + 0.46, 0.9)])
        _fill(layers[0], hill)
        cv2.fillPoly(layers[1], [_pixels(layers[1], hill)], 0)


def _bars(layers: list[np.ndarray], rng: Rng) -> None:
    thick = rng.uniform(0.08, 0.16)
    for index, middle in enumerate(0.5 + 1.7 * thick * np.array([-1, 0, 1])):
        box = [(0.02, -0.5), (0.98, -0.5), (0.98, 0.5), (0.02, 0.5)]
        _fill(layers[index % 2], np.array(box) * (1, thick) + (0, middle))


def _bolt(layers: list[np.ndarray], rng: Rng) -> None:
    _fill(layers[0], np.array([(0.58, 0.03), (0.2, 0.56), (0.46, 0.56), (0.38, 0.97), (0.8, 0.4),
                               (0.54, 0.4), (0.7, 0.03)]))  # fmt: skip


def _smile(layers: list[np.ndarray], rng: Rng) -> None:
    _fill(layers[0], 0.5 + 0.46 * _spikes(30, 1.0))
    for x in (0.36, 0.64):
        _fill(layers[1], (x, 0.38) + (0.05, 0.09) * _spikes(12, 1.0))
    t = np.linspace(0.15 * np.pi, 0.85 * np.pi, 20)
    arc = np.stack([np.cos(t), np.sin(t)], 1)
    _fill(layers[1], 0.5 + np.concatenate([0.29 * arc, 0.22 * arc[::-1]]))


_SIGNS = (_heart, _star, _number, _word, _word, _round, _sunset, _bars, _bolt, _smile)


def _spikes(points: int, depth: float) -> np.ndarray:
    """A star (2 points, 2) of radius 1 whose inner corners lie at `depth`; 1 makes it round."""
    angle = np.arange(2 * points) * np.pi / points - np.pi / 2
    radius = np.where(np.arange(2 * points) % 2, depth, 1.0)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)


def _letters(layer: np.ndarray, text: str, middle: float, high: float, rng: Rng) -> None:
    """Writes in the layer's middle at this height, as large as fits."""
    font = int(rng.choice(_FONTS))
    (wide, tall), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = len(layer) * min(0.92 / wide, high / tall)
    thick = max(1, int(rng.uniform(1.5, 3.2) * scale))
    corner = int(0.5 * (len(layer) - wide * scale)), int(middle * len(layer) + 0.5 * tall * scale)
    cv2.putText(layer, text, corner, font, scale, 255, thick, cv2.LINE_AA)


def _fill(layer: np.ndarray, shape: np.ndarray) -> None:
    """Fills a shape (n, 2) in shares of the side."""
    cv2.fillPoly(layer, [_pixels(layer, shape)], 255)


def _pixels(layer: np.ndarray, shape: np.ndarray) -> np.ndarray:
    return np.round(shape * len(layer)).astype(np.int32)
