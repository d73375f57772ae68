"""What is known of a fabric, before it is drawn at any size."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Fabric:
    """A cloth: what it is made of, its pattern and its colours."""

    kind: str  # one of `fabrics.KINDS`
    colours: np.ndarray  # (n, 3) float64 RGB, 0 to 255, n at least 2; the first is the ground's
    period: float = 0.1  # of the pattern, in garment units
    pattern: str = "plain"  # what a person would call it, a word of `vocabulary`
    material: str = "cotton"  # what it is made of, a word of `vocabulary`
    design: str = "plain"  # which of `prints.DESIGNS` draws the pattern
    weave: str = "plain"  # which of `weaves.WEAVES` draws the threads
    gauge: float = 0.04  # width of a stitch, rib, cable or wale, in garment units
    turn: float = 0.0  # radians the pattern is turned by against the threads, a multiple of 45°
    seed: int = 0  # decides where flowers and blots lie: of the cloth, so every picture agrees
    gloss: float = 0.1  # 0 wool, 1 polished
    stiffness: float = 0.5  # 0 flows, 1 keeps few and sharp creases
    thread: np.ndarray = field(default_factory=lambda: np.full(3, 200.0))  # of stitches, buttons
