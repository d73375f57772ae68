"""A contact sheet of a data folder's pictures: to look at the data, or to ask a reader."""

import io
from collections.abc import Iterator, Sequence
from csv import writer
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from types import ModuleType

import numpy as np

from aifashion import data, images, visualize
from aifashion.datasets import DATASETS
from aifashion.datasets.schema import KeypointRecord, KeypointSchema
from aifashion.errors import Exit, Failure
from aifashion.files import write_text
from aifashion.progress import warn

LEAST_SIDE = 32


@dataclass(frozen=True)
class SheetOptions:
    """What `aifashion sheet` was asked."""

    folder: Path
    out: Path | None = None  # None: in submission/, named after the folder and the part
    count: int = 40
    columns: int = 8
    seed: int = 0
    category: str = "all"
    part: str = "train"  # or test
    truth: bool = False  # draw keypoints and skeletons
    numbers: bool = False  # 1 … N, no captions, and the answers in a csv beside the sheet
    side: int = 256  # pixels from a picture to the next


def draw_sheet(options: SheetOptions) -> Path:
    """Draws pictures chosen evenly over the categories; the same ones for the same seed.

    They stand by category, under numbers in a drawn order, so that their places tell nothing. The
    answers are `<the sheet's stem>.csv` beside it: number, category, image_id.

    Raises:
        Failure: USAGE for numbers too small or an unknown part, BAD_DATA where there is nothing to
            show or no truth to draw, ENVIRONMENT where the disk refuses.
    """
    _check(options)
    dataset = _dataset_of(options.folder)
    records = _records(options, dataset)
    total = len({record.path for record in records})
    count = min(options.count, total)
    box = visualize.sheet_box(count, options.columns, options.side)
    chosen = list(islice(_pictures(records, options, dataset.SCHEMA, box), count))
    if not chosen:
        raise Failure(Exit.BAD_DATA, f"{options.folder}: none of its pictures could be read.")
    chosen = [chosen[place] for place in _order([record for record, _ in chosen], options, dataset)]
    out = options.out or Path("submission") / f"sheet_{_stem(options)}.png"
    style = _style(chosen, total, options, dataset)
    pictures = [picture for _, picture in chosen]
    images.write(out, visualize.contact_sheet(pictures, options.columns, options.side, style))
    if options.numbers:
        write_text(out.with_suffix(".csv"), _answers([record for record, _ in chosen]))
    return out


def evenly(records: Sequence[KeypointRecord], seed: int) -> Iterator[KeypointRecord]:
    """All records, a category after the other in turn, in each in an order drawn from the seed.

    The order of `records` does not matter. A category that has no more is passed over.
    """
    generator = np.random.default_rng(seed)
    queues = []
    for category in sorted({record.category for record in records}):
        own = sorted((r for r in records if r.category == category), key=lambda r: r.image_id)
        queues.append([own[place] for place in generator.permutation(len(own))])
    for turn in zip_longest(*queues):
        yield from (record for record in turn if record is not None)


def _check(options: SheetOptions) -> None:
    least = {"count": 1, "columns": 1, "side": LEAST_SIDE, "seed": 0}
    for name, value in least.items():
        if getattr(options, name) < value:
            raise Failure(Exit.USAGE, f"--{name}: {getattr(options, name)} is less than {value}.")
    if options.part not in ("train", "test"):
        raise Failure(Exit.USAGE, f"--part: {options.part!r} is neither train nor test.")


def _dataset_of(folder: Path) -> ModuleType:
    """The dataset whose layout the folder has; where none fits, the first one's complaint."""
    failures = []
    for dataset in DATASETS.values():
        try:
            dataset.find(folder)
        except Failure as failure:
            failures.append(failure)
        else:
            return dataset
    raise failures[0]


def _records(options: SheetOptions, dataset: ModuleType) -> list[KeypointRecord]:
    if options.part == "train":
        records = data.labelled(options.folder, dataset)
    else:
        records = dataset.read_part(data.test_part(options.folder, dataset, "test"))
    if options.truth and any(record.keypoints is None for record in records):
        raise Failure(
            Exit.BAD_DATA,
            f"{options.folder}: --truth: the {options.part} part only lists pictures. "
            "Leave --truth out.",
        )
    return data.only(records, dataset.SCHEMA.named(options.category))


def _pictures(
    records: Sequence[KeypointRecord], options: SheetOptions, schema: KeypointSchema, box: int
) -> Iterator[tuple[KeypointRecord, np.ndarray]]:
    """Records and their pictures, the longer side `box`; each file once, unreadable ones named."""
    seen = set()
    for record in evenly(records, options.seed):
        if record.path in seen:
            continue
        seen.add(record.path)
        try:
            image = images.read(record.path)
        except Failure as failure:
            warn(f"{failure} Another one is taken.")
            continue
        yield record, _drawing(image, record, options.truth, schema, box)


def _drawing(image, record: KeypointRecord, truth: bool, schema: KeypointSchema, box: int):
    if not truth:
        return visualize.resized(image, box / max(image.shape[:2]))
    sure = np.ones(len(schema.keypoints))
    garment = visualize.Garment(record.category, record.keypoints, sure, record.visibility)
    return visualize.draw_keypoints(image, garment, schema, box, labels=False)


def _order(records: Sequence[KeypointRecord], options: SheetOptions, dataset) -> list[int]:
    """The records' places on the sheet: by category, or drawn where a reader is asked."""
    if options.numbers:
        return np.random.default_rng([options.seed, 1]).permutation(len(records)).tolist()
    categories = ["", *dataset.SCHEMA.categories]  # of a list of pictures none is known
    return sorted(range(len(records)), key=lambda place: categories.index(records[place].category))


def _style(chosen, total: int, options: SheetOptions, dataset: ModuleType) -> visualize.SheetStyle:
    schema = dataset.SCHEMA
    categories = dict.fromkeys(record.category for record, _ in chosen)
    names = [name for category in categories for name in schema.categories.get(category, ())]
    legend = names if options.truth else ()
    if options.numbers:
        return visualize.SheetStyle(numbers=True, legend=legend)
    drawn = ", drawn" if dataset.is_drawn(options.folder) else ""
    return visualize.SheetStyle(
        captions=[record.category for record, _ in chosen],
        title=f"{schema.name} {options.part}{drawn}: {len(chosen)} of {total} pictures",
        legend=legend,
    )


def _stem(options: SheetOptions) -> str:
    return f"{options.folder.resolve().name}_{options.part}"


def _answers(records: Sequence[KeypointRecord]) -> str:
    text = io.StringIO()
    table = writer(text, lineterminator="\n")
    table.writerow(("number", "category", "image_id"))
    table.writerows((n, r.category, r.image_id) for n, r in enumerate(records, start=1))
    return text.getvalue()
