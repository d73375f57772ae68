"""What a report holds, collected: scores, curves, pictures, facts about the run and the machine."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from aifashion import images, visualize
from aifashion.api.models import Model
from aifashion.api.predictions import Predictions, PredictOptions
from aifashion.api.report_facts import commands_of, day, facts_of, machine_facts
from aifashion.datasets.schema import ABSENT, OCCLUDED, KeypointRecord, KeypointSchema
from aifashion.errors import Failure
from aifashion.keypoints import metrics
from aifashion.report import Bin, Edge, History, Point, ReportData, Scores, Shown, Swaps

WORST, BEST = 12, 6  # pictures shown
SIDE = 320  # pixels of a shown picture's longer side
QUALITY = 82
CURVE = tuple(round(0.005 * k, 3) for k in range(101))  # 0 … 0.5, where the PCK curve is drawn
BINS = tuple(round(0.1 * k, 1) for k in range(11))  # of confidence
WITHIN = 0.05
# NE's unit in words, by whether the data name pairs of keypoints for it.
PAIRS = "the width of the garment (between the armpits, or the ends of the waistband)"
AREA = "the root of the area of the garment's box"


@dataclass(frozen=True)
class Evaluated:
    """The predictions a report is about."""

    model: Model
    folder: Path  # the data folder
    predictions: Predictions | None  # None where no picture's truth is known
    said: str  # which pictures these are, or why there are none
    predicting: PredictOptions
    category: str = "all"
    anyway: bool = False  # the mean shapes of unreadable pictures count

    @cached_property
    def truth(self) -> metrics.Truth:
        return metrics.truth_of(self.predictions.records)

    @cached_property
    def keypoints(self) -> np.ndarray:
        """What is scored, (N, K, 2): NaN where a picture could not be read."""
        return self.predictions.keypoints if self.anyway else self.predictions.readable

    @cached_property
    def errors(self) -> np.ndarray:
        """Normalised errors, (N, K)."""
        return metrics.normalised_errors(self.truth, self.keypoints, self.model.dataset.SCHEMA)


def collect(evaluated: Evaluated) -> ReportData:
    """The whole report of an evaluation."""
    run, predictions = evaluated.model.run, evaluated.predictions
    asked = run.asked
    drawn = asked.drawn or evaluated.model.dataset.is_drawn(evaluated.folder)
    is_one = evaluated.model.is_one
    history = read_history(run.folder / "history.csv") if is_one else History()
    scores = worst = best = skipped = unscored = ()
    if predictions is not None:
        records = predictions.records
        scores = _scores(evaluated)
        worst, best = _extremes(evaluated)
        skipped = [(records[row].image_id, why) for row, why in predictions.faults.items()]
        units = metrics.units(evaluated.truth, evaluated.model.dataset.SCHEMA)
        unscored = [records[row].image_id for row in np.flatnonzero(np.isnan(units))]
    model = evaluated.model
    known = model.categories
    whole = len(known) == len(model.dataset.SCHEMA.categories)
    garments = "every garment" if whole else ", ".join(known)
    name = f"{evaluated.folder}{' (drawn)' if drawn else ''}"
    parameters = f"{model.parameters / 1e6:.2f} million parameters"
    return ReportData(
        title=_title(model),
        subtitle=" · ".join((f"Keypoints of {garments}", name, parameters, day(run.folder))),
        drawn=drawn,
        facts=facts_of(evaluated, history),
        history=history,
        scored_on=evaluated.said,
        scores=scores or None,
        worst=worst,
        best=best,
        skipped=skipped,
        unscored=unscored,
        commands=commands_of(evaluated),
        machine=machine_facts(),
    )


def _title(model: Model) -> str:
    names = " + ".join(dict.fromkeys(each.run.asked.recipe_name for each in model.trained))
    return names if model.is_one else f"{names}: {len(model.trained)} networks"


# === Scores ===


def _scores(evaluated: Evaluated) -> Scores:
    schema, errors, truth = evaluated.model.dataset.SCHEMA, evaluated.errors, evaluated.truth
    score = metrics.evaluate(truth, evaluated.keypoints, schema)
    bins = metrics.by_confidence(errors, evaluated.predictions.confidence, BINS, WITHIN)
    curve = metrics.pck(errors, CURVE)
    return Scores(
        ne_percent=score["ne_percent"],
        unit=PAIRS if schema.normalisers else AREA,
        visible=score["visible"],
        pictures=int(np.isfinite(errors).any(axis=1).sum()),
        swap_rate=score["swap_rate"],
        per_category=score["per_category"],
        per_keypoint=score["per_keypoint"],
        cells=metrics.per_cell(truth, errors, schema),
        errors=errors[np.isfinite(errors)].tolist(),
        pck={} if score["ne_percent"] is None else dict(zip(CURVE, curve, strict=True)),
        bins=[Bin(**values) for values in bins],
        swaps=_swaps(evaluated),
        oks=score.get("oks"),
    )


def _swaps(evaluated: Evaluated) -> dict[str, Swaps]:
    schema = evaluated.model.dataset.SCHEMA
    pairs = metrics.swaps(evaluated.truth, evaluated.keypoints, schema)
    categories = np.array(evaluated.truth.categories)
    found = {}
    for category in schema.categories:
        own = {
            left.replace("left", "left/right"): values[categories == category]
            for (left, _), values in pairs.items()
        }
        judged = {name: int(np.isfinite(v).sum()) for name, v in own.items()}
        judged = {name: count for name, count in judged.items() if count}
        if judged:
            swapped = {name: int(np.nansum(own[name])) for name in judged}
            found[category] = Swaps(judged, swapped)
    return found


# === Pictures ===


def _extremes(evaluated: Evaluated) -> tuple[list[Shown], list[Shown]]:
    """The pictures with the largest mean error, worst first, and those with the least."""
    means = metrics.per_picture(evaluated.errors)
    unread = np.isin(np.arange(len(means)), list(evaluated.predictions.faults))
    order = np.argsort(means, kind="stable")
    order = [row for row in order if np.isfinite(means[row]) and not unread[row]]
    worst = order[::-1][:WORST]
    best = [row for row in order if row not in worst][:BEST]
    return _shown(evaluated, means, worst), _shown(evaluated, means, best)


def _shown(evaluated: Evaluated, means: np.ndarray, rows: Sequence[int]) -> list[Shown]:
    found = []
    for row in rows:
        record = evaluated.predictions.records[row]
        try:
            image = images.read(record.path)
        except Failure:  # it has gone since it was predicted
            continue
        scale = min(1.0, SIDE / max(image.shape[:2]))
        size = [max(1, round(length * scale)) for length in image.shape[1::-1]]
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        found.append(
            Shown(
                name=record.image_id,
                category=record.category,
                jpeg=images.encode_jpeg(small, QUALITY),
                size=(size[0], size[1]),
                error=float(means[row]),
                points=_points(evaluated, row, np.array(image.shape[1::-1])),
                edges=_edges(evaluated.model.dataset.SCHEMA, record.category),
            )
        )
    return found


def _edges(schema: KeypointSchema, category: str) -> list[Edge]:
    return [Edge(a, b, visualize.edge_colour(a, b)) for a, b in schema.skeletons[category]]


def _points(evaluated: Evaluated, row: int, size: np.ndarray) -> list[Point]:
    schema = evaluated.model.dataset.SCHEMA
    record: KeypointRecord = evaluated.predictions.records[row]
    guessed = evaluated.predictions.keypoints[row] / size
    truth = record.keypoints / size
    points = []
    for k in np.flatnonzero(schema.mask(record.category)):
        error = evaluated.errors[row, k]
        there = record.visibility[k] != ABSENT
        points.append(
            Point(
                name=schema.keypoints[k],
                prediction=tuple(guessed[k].tolist()),
                confidence=float(evaluated.predictions.confidence[row, k]),
                colour=visualize.colour_of(schema.keypoints[k]),
                truth=tuple(truth[k].tolist()) if there else None,
                occluded=bool(record.visibility[k] == OCCLUDED),
                error=float(error) if np.isfinite(error) else None,
            )
        )
    return points


# === The run ===


def read_history(path: Path) -> History:
    """The columns of a history.csv; an empty history where there is no such file.

    The loss terms are the columns between `loss` and the validation's.
    """
    if not path.is_file():
        return History()
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = list(csv.DictReader(lines))
    names = list(rows[0]) if rows else []
    between = names[names.index("loss") + 1 :] if "loss" in names else []
    until = next((k for k, name in enumerate(between) if str(name).startswith("val_")), 0)
    return History(
        epochs=[_number(row.get("epoch")) or place for place, row in enumerate(rows, 1)],
        terms={name: [_number(row[name]) for row in rows] for name in between[:until]},
        loss=[_number(row.get("loss")) for row in rows],
        validation_percent=[_number(row.get("val_ne_percent")) for row in rows],
        learning_rate=[_number(row.get("learning_rate")) for row in rows],
        seconds=[_number(row.get("seconds")) for row in rows],
    )


def _number(text: str | None) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if np.isfinite(value) else None
