"""What a report holds: plain values, no networks and no files.

Errors are distances over the picture's unit: fractions, 0.05 is 5 %. Names ending in `_percent`
are percents. Texts are as they come: the page escapes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class History:
    """One value an epoch in each column; None where it is unknown."""

    epochs: Sequence[float] = ()
    terms: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    loss: Sequence[float | None] = ()  # the sum of the terms
    validation_percent: Sequence[float | None] = ()
    learning_rate: Sequence[float | None] = ()
    seconds: Sequence[float | None] = ()


@dataclass(frozen=True)
class Bin:
    """The keypoints whose confidence lies in low … high."""

    low: float
    high: float
    keypoints: int
    ne_percent: float | None
    within: float | None  # the share of them within 0.05


@dataclass(frozen=True)
class Swaps:
    """Of a category's left/right pairs: how many could be judged and how many were exchanged."""

    judged: Mapping[str, int]  # pair -> pictures
    swapped: Mapping[str, int]


@dataclass(frozen=True)
class Scores:
    """How good the predictions are."""

    ne_percent: float | None
    unit: str  # what NE is measured in, in words
    visible: int  # keypoints scored
    pictures: int  # with a keypoint scored
    swap_rate: float | None
    per_category: Mapping[str, float]  # percent
    per_keypoint: Mapping[str, float]  # percent
    cells: Mapping[str, Mapping[str, float]]  # category -> keypoint -> percent
    errors: Sequence[float]  # of every keypoint scored
    pck: Mapping[float, float]  # distance -> share of keypoints within it, distances rising
    bins: Sequence[Bin]
    swaps: Mapping[str, Swaps]  # category -> its pairs
    oks: float | None = None  # mean similarity, where the data have sigmas


@dataclass(frozen=True)
class Point:
    """A keypoint of a picture; coordinates are fractions of its width and height."""

    name: str
    prediction: tuple[float, float]
    confidence: float
    colour: tuple[int, int, int]  # RGB
    truth: tuple[float, float] | None = None  # None where it is absent
    occluded: bool = False
    error: float | None = None  # None where it is not scored


@dataclass(frozen=True)
class Edge:
    """A line of a garment's skeleton, between two of its keypoints."""

    start: str
    end: str
    colour: tuple[int, int, int]  # RGB


@dataclass(frozen=True)
class Shown:
    """A picture to look at."""

    name: str
    category: str
    jpeg: bytes
    size: tuple[int, int]  # width and height of the JPEG
    error: float  # the mean of its keypoints'
    points: Sequence[Point]
    edges: Sequence[Edge]


@dataclass(frozen=True)
class ReportData:
    """The whole of a report."""

    title: str
    subtitle: str
    drawn: bool  # the data were drawn
    facts: Sequence[tuple[str, str]]
    history: History
    scored_on: str  # a sentence: which pictures the scores are of, or why there are none
    scores: Scores | None = None
    worst: Sequence[Shown] = ()
    best: Sequence[Shown] = ()
    skipped: Sequence[tuple[str, str]] = ()  # picture, why it could not be read
    unscored: Sequence[str] = ()  # pictures whose unit is undefined
    commands: Sequence[tuple[str, str]] = ()  # what it does, the command
    machine: Sequence[tuple[str, str]] = ()
