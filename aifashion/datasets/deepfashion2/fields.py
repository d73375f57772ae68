"""JSON files, and the checks that the raw annotations and the COCO files share."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from aifashion.datasets.deepfashion2.landmarks import CATEGORIES, NUMBERS
from aifashion.datasets.tables import shown
from aifashion.errors import Exit, Failure, one_line

_CATEGORY_OF = {number: name for name, number in NUMBERS.items()}
LARGEST = 2**31 - 1  # of ids: what their columns hold
FARTHEST = 1_000_000  # of a box's edges and of keypoints, pixels


class Malformed(Exception):
    """A field is not what it has to be: `field: what is wrong. Remedy.`"""


@contextmanager
def entry(path: Path, where: str) -> Iterator[None]:
    """Turns Malformed into the Failure that also names the file and the entry in it."""
    try:
        yield
    except Malformed as fault:
        raise Failure(Exit.BAD_DATA, f"{path}: {where}: {fault}") from None


def load(path: Path, hook: Callable[[dict], Any] | None = None) -> Any:
    """What a JSON file holds; `hook` sees each object as it is read.

    Raises:
        Failure: BAD_DATA where there is no such file, or it is no JSON.
    """
    try:
        return json.loads(path.read_bytes(), object_hook=hook)
    except OSError as error:
        problem = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise Failure(Exit.BAD_DATA, f"{path}: {problem}. Check the path.") from None
    except (ValueError, RecursionError) as error:
        raise Failure(
            Exit.BAD_DATA, f"{path}: not JSON ({one_line(error)}). Fetch or write the file again."
        ) from None


def short(value: Any) -> str:
    """A value out of a file as one line can show it."""
    if isinstance(value, str):
        return shown(value)
    return shown(json.dumps(value, default=str)).strip("'")


def integer(holder: dict, name: str, low: int = 0, high: int = LARGEST) -> int:
    """The field `name`, a whole number from `low` to `high`."""
    value = required(holder, name)
    if type(value) is not int or not low <= value <= high:
        ends = f"from {low} on" if high == LARGEST else f"from {low} to {high}"
        raise Malformed(f"{name}: {short(value)} is no whole number {ends}. Correct it.")
    return value


def required(holder: dict, name: str) -> Any:
    """The field `name`, whatever it holds."""
    if name not in holder:
        raise Malformed(f"{name}: no such field. Add it, or take the entry out.")
    return holder[name]


def number(holder: dict, name: str) -> float:
    """The field `name`, a finite number."""
    value = required(holder, name)
    if type(value) not in (int, float) or not math.isfinite(value):
        raise Malformed(f"{name}: {short(value)} is no finite number. Correct it.")
    return value


def numbers(holder: dict, name: str, counts: Sequence[int], meaning: str) -> np.ndarray:
    """The field `name`, a list of so many finite numbers, float64; `meaning` says what of."""
    value = required(holder, name)
    array = value if isinstance(value, np.ndarray) else packed(value)
    if array is None:
        raise Malformed(f"{name}: not a list of numbers. Write {meaning}.")
    if len(array) not in counts:
        wanted = " or ".join(map(str, counts))
        raise Malformed(f"{name}: {len(array)} numbers, not {wanted}. Write {meaning}.")
    if not np.isfinite(array).all():
        place = int(np.argmin(np.isfinite(array)))
        raise Malformed(f"{name}: number {place + 1} is not finite. Correct it.")
    return array


def packed(value: Any) -> np.ndarray | None:
    """A list of numbers in a twelfth of its memory, (n,) float64; None for anything else."""
    if not isinstance(value, list) or not set(map(type, value)) <= {int, float}:
        return None
    try:
        return np.array(value, np.float64)
    except OverflowError:  # an integer of hundreds of digits
        return None


def category(holder: dict) -> str:
    """Our name of the field `category_id`."""
    return _CATEGORY_OF[integer(holder, "category_id", 1, len(CATEGORIES))]


def box(holder: dict, name: str, sizes: bool) -> list:
    """The field `name` as x1, y1, x2, y2; with `sizes` the file has x, y, width, height."""
    meaning = "x, y, width, height" if sizes else "x1, y1, x2, y2"
    numbers(holder, name, (4,), meaning)
    x1, y1, x2, y2 = holder[name]  # the integers of the file stay integers
    if sizes:
        x2, y2 = x1 + x2, y1 + y2
    if x2 < x1 or y2 < y1:
        raise Malformed(f"{name}: {short(holder[name])} ends before it begins. Write {meaning}.")
    if max(map(abs, (x1, y1, x2, y2))) > FARTHEST:
        raise Malformed(f"{name}: {short(holder[name])} is larger than any picture. Correct it.")
    return [x1, y1, x2, y2]


def check_near(name: str, points: np.ndarray) -> None:
    """Coordinates that no picture has are refused; points of any shape."""
    farthest = float(points.flat[np.argmax(np.abs(points))])
    if abs(farthest) > FARTHEST:
        raise Malformed(f"{name}: {farthest:g} is farther out than any picture. Correct it.")


def rounded(values: Iterable[float]) -> list[int | float]:
    """Numbers for a file, without the dust of adding and taking away halves."""
    return plain(np.round(np.asarray(values, np.float64), 6))


def plain(values: np.ndarray) -> list[int | float]:
    """Numbers as a file should have them: 12 for 12.0."""
    if (values == np.trunc(values)).all() and (np.abs(values) < 2**53).all():
        return values.astype(np.int64).tolist()  # the usual case, and 882 at a time
    return [int(value) if value.is_integer() else value for value in values.tolist()]
