"""Looking: predictions drawn onto pictures."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aifashion import data, images, runs, visualize
from aifashion.api.models import Model, load
from aifashion.datasets.schema import KeypointSchema
from aifashion.errors import Exit, Failure
from aifashion.keypoints.metrics import score_line
from aifashion.progress import say, warn
from aifashion.recipes import RECIPES, input_size
from aifashion.tasks import task_of

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
LISTS = (".csv", ".json")  # files of records, in a dataset's own format
SHEET_COLUMNS, SHEET_SIDE = 5, 420


@dataclass(frozen=True)
class DemoOptions:
    """What demo.py was asked."""

    source: Path | None = None  # a picture, a folder or a list; None: the test data's first ones
    model: tuple[Path, ...] = ()  # runs; none: the newest finished one
    data: Path | None = None
    category: str | None = None  # None: the list's, else the likeliest is taken
    out: Path | None = None
    most: int = 5  # pictures taken from a list or the test data; 0: all


@dataclass(frozen=True)
class Picture:
    """A picture to look at, and its category where it is known."""

    path: Path
    category: str | None
    box: np.ndarray | None = None  # around the garment; None: it fills the picture


@dataclass(frozen=True)
class Look:
    """A picture and what was found in it."""

    path: Path
    image: np.ndarray  # (H, W, 3) uint8 RGB
    garment: visualize.Garment
    sureness: float  # mean confidence of its keypoints


def demo(options: DemoOptions) -> Path:
    """Draws the prediction of one picture, or of several and a sheet of them all.

    Returns:
        the picture, or the sheet.

    Raises:
        Failure: BAD_DATA where no picture could be read.
    """
    model = load(*options.model)
    pictures = list(_pictures(options, model))
    looked: list[Look] = []
    for picture in pictures:
        try:
            image = images.read(picture.path)
        except Failure as failure:
            warn(str(failure))
            continue
        known = options.category or picture.category
        category, prediction = model.predict(image, known, picture.box)
        sure = _sureness(prediction)
        garment = visualize.Garment(category, prediction.keypoints, prediction.confidence)
        looked.append(Look(picture.path, image, garment, sure))
        if known is None:
            say(f"{picture.path}: most likely {category}, mean confidence {sure:.2f}")
    if not looked:
        raise Failure(Exit.BAD_DATA, f"none of {len(pictures)} pictures could be read.")
    return _save(looked, options, model)


def predict(
    pictures: Iterable[Path], model: Path | None = None, category: str | None = None
) -> Iterator[dict]:
    """Keypoints of pictures, ready for JSON: one answer each, in their order.

    An answer holds `image`, `category`, and `keypoints`: name -> [x, y, confidence] in pixels of
    the upright picture; or `image` and `error` where the picture cannot be read.
    """
    network = load() if model is None else load(model)
    network.tried(category)  # refused before the first picture
    for path in pictures:
        try:
            found, prediction = network.predict(images.read(path), category)
        except Failure as failure:
            yield {"image": str(path), "error": str(failure)}
            continue
        schema = network.dataset.SCHEMA
        names = schema.categories[found]
        rows = schema.indices(names)
        points, sure = prediction.keypoints[rows], prediction.confidence[rows]
        values = np.column_stack([points, sure]).round(3)
        yield {
            "image": str(path),
            "category": found,
            "keypoints": dict(zip(names, values.tolist(), strict=True)),
        }


def menu() -> str:
    """The recipes and the runs, as text."""
    lines, longest = ["recipes"], max(map(len, RECIPES))
    for name, recipe in RECIPES.items():
        system, training = recipe.system, recipe.training
        lines.append(
            f"  {name:{longest}}  {task_of(system)}  {recipe.dataset}  {input_size(system)} px  "
            f"{training.epochs} epochs of batches of {training.batch_size}"
        )
    lines.append("runs")
    for run in runs.listed():
        score = run.folder / "metrics.json"
        said = score_line(json.loads(score.read_text())) if score.exists() else ""
        drawn = "drawn data" if run.asked.drawn else run.asked.data
        lines.append(f"  {run.folder}  {run.asked.recipe_name}  {run.state}  {drawn}  {said}")
    return "\n".join(lines)


def _sureness(prediction) -> float:
    return float(prediction.confidence[prediction.confidence > 0].mean())


def _pictures(options: DemoOptions, model: Model) -> Iterable[Picture]:
    source = options.source
    if source is None:
        own = Path(model.run.asked.data)
        folder = data.choose(options.data or (own if own.is_dir() else None), model.dataset)
        records = model.dataset.read_part(data.test_part(folder, model.dataset))
    elif source.suffix in LISTS:
        records = model.dataset.read(source, source.parent)
    elif source.is_dir():
        found = sorted(p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES)
        return [Picture(path, None) for path in found]
    else:
        return [Picture(source, None)]
    known = [record for record in records if record.category in model.categories]
    shown = known[: options.most or None]
    return [Picture(record.path, record.category, record.box) for record in shown]


def _save(looked: list[Look], options: DemoOptions, model: Model) -> Path:
    """Writes one drawing to `out`, or several into its folder, and a sheet beside them."""
    schema = model.dataset.SCHEMA
    base = options.out or Path("submission") / f"demo_{model.name}"
    if len(looked) == 1:
        (look,) = looked
        path = base if base.suffix else base / f"{look.path.stem}.jpg"
        images.write(path, visualize.draw_keypoints(look.image, look.garment, schema))
        return path
    folder, times = base.parent if base.suffix else base, Counter()
    for look in looked:
        name = look.path.stem
        times[name] += 1  # a picture may have several garments
        number = f"_{times[name]}" if times[name] > 1 else ""
        drawing = visualize.draw_keypoints(look.image, look.garment, schema)
        images.write(folder / f"{name}_keypoints{number}.jpg", drawing)
    path = base if base.suffix else folder / "sheet.jpg"
    images.write(path, _sheet(looked, schema))
    return path


def _sheet(looked: list[Look], schema: KeypointSchema) -> np.ndarray:
    """All of them on one sheet, drawn at its size, without labels."""
    box = visualize.sheet_box(len(looked), SHEET_COLUMNS, SHEET_SIDE)
    drawings = [
        visualize.draw_keypoints(look.image, look.garment, schema, box, labels=False)
        for look in looked
    ]
    style = visualize.SheetStyle(
        captions=[f"{look.garment.category} {look.sureness:.2f}" for look in looked],
        legend=[name for look in looked for name in schema.categories[look.garment.category]],
        dots=("visible", "unsure", "doubtful"),
    )
    return visualize.contact_sheet(drawings, SHEET_COLUMNS, SHEET_SIDE, style)
