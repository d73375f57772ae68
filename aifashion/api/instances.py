"""How many garments and keypoints a data set has: counts, the table of them and its figure."""

from collections.abc import Sequence

import cv2
import numpy as np

from aifashion.datasets.schema import ABSENT, OCCLUDED, VISIBLE, KeypointRecord, KeypointSchema

STATES = {"visible": VISIBLE, "occluded": OCCLUDED, "absent": ABSENT}
_COLOURS = {"visible": (40, 150, 90), "occluded": (240, 170, 40), "absent": (205, 205, 205)}  # RGB
_INK, _FONT = (30, 30, 30), cv2.FONT_HERSHEY_SIMPLEX
_LINE, _TOP, _LEFT, _BAR, _WIDTH = 24, 70, 230, 760, 1240  # pixels of the figure


def count(records: Sequence[KeypointRecord], schema: KeypointSchema) -> dict:
    """Counts garments and the states of their categories' own keypoints.

    Returns:
        category -> {"instances": all of them, "labelled": those with truth,
        "keypoints": name -> {"visible", "occluded", "absent"}}, ready for JSON.
    """
    counts = {}
    for category, names in schema.categories.items():
        own = [record for record in records if record.category == category]
        known = [record.visibility for record in own if record.visibility is not None]
        table = np.array(known).reshape(-1, len(schema.keypoints))[:, schema.indices(names)]
        sums = {state: (table == value).sum(axis=0).tolist() for state, value in STATES.items()}
        counts[category] = {
            "instances": len(own),
            "labelled": len(known),
            "keypoints": {
                name: {state: sums[state][k] for state in STATES} for k, name in enumerate(names)
            },
        }
    return counts


def totals(counts: dict) -> dict[str, int]:
    """Keypoints in each state, over all of a category's."""
    return {state: sum(k[state] for k in counts["keypoints"].values()) for state in STATES}


def table(train: dict, test: dict, both: dict) -> str:
    """The counts of training, test and all data as lines of text, a category a line."""
    head = ("category", "train", "test", "labelled", "keypoints", *STATES)
    rows = []
    for name, counts in both.items():
        states = totals(counts)
        pictures = (train[name]["instances"], test[name]["instances"], counts["labelled"])
        rows.append((name, *pictures, sum(states.values()), *states.values()))
    sums = ("all", *(sum(column) for column in list(zip(*rows, strict=True))[1:]))
    width = max(12, *(len(name) + 1 for name in both))
    return "\n".join(
        f"{name:<{width}}" + "".join(f"{value:>11}" for value in values)
        for name, *values in (head, *rows, sums)
    )


def draw(counts: dict) -> np.ndarray:
    """A bar a keypoint, as long as its category is large, in the colours of its states.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    lines = sum(len(category["keypoints"]) + 2 for category in counts.values())
    image = np.full((_TOP + lines * _LINE, _WIDTH, 3), 255, np.uint8)
    for place, (state, colour) in enumerate(_COLOURS.items()):
        left = _LEFT + 150 * place
        cv2.rectangle(image, (left, 20), (left + 20, 40), colour, -1)
        _write(image, state, left + 28, 36)
    most = max((category["labelled"] for category in counts.values()), default=0)
    y = _TOP
    for name, category in counts.items():
        _write(image, f"{name}: {category['labelled']} of {category['instances']} labelled", 20, y)
        for keypoint, states in category["keypoints"].items():
            y += _LINE
            _bar(image, y, keypoint, states, most)
        y += 2 * _LINE
    return image


def _bar(image: np.ndarray, y: int, name: str, states: dict[str, int], most: int) -> None:
    _write(image, name, 40, y)
    ends = np.cumsum([0, *states.values()]) * _BAR / max(most, 1) + _LEFT
    for state, start, end in zip(states, ends[:-1], ends[1:], strict=True):
        if end > start:
            corners = (round(start), y - 14), (round(end) - 1, y + 2)
            cv2.rectangle(image, *corners, _COLOURS[state], -1)
    for place, state in enumerate(STATES):
        _write(image, str(states[state]), _LEFT + _BAR + 16 + 75 * place, y)


def _write(image: np.ndarray, text: str, x: int, y: int) -> None:
    cv2.putText(image, text, (x, y), _FONT, 0.5, _INK, 1, cv2.LINE_AA)
