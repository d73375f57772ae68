"""Writing a cleaned copy of a data folder: beside it, never into it, whole or not at all."""

import csv
import io
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from aifashion.errors import Exit, Failure
from aifashion.files import write_text

REMOVED = "removed.csv"


@dataclass(frozen=True)
class Change:
    """A row that was dropped or changed; `row` None: the file as a whole."""

    file: str  # relative to the data folder
    row: int | None
    image_id: str
    reason: str


def check_target(folder: Path, out: Path) -> None:
    """Refuses a folder for the copy that holds something, or lies within the data.

    Raises:
        Failure: USAGE.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Failure(Exit.USAGE, f"--fix {out}: exists already. Name a new folder.")
    if out.resolve().is_relative_to(folder.resolve()):
        raise Failure(Exit.USAGE, f"--fix {out}: lies in the data folder. Name one outside of it.")


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `out` at the end and is gone after a failure.

    Raises:
        Failure: ENVIRONMENT where the disk refuses.
    """
    aside = out.with_name(f".{out.name}.writing-{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        yield aside
        aside.rename(out)
    except OSError as error:
        what = error.strerror or error
        raise Failure(Exit.ENVIRONMENT, f"{out}: cannot be written ({what}).") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def copy_file(source: Path, target: Path) -> None:
    """Copies a file's content, making the folder; a link becomes a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def write_rows(path: Path, rows: Iterable[Iterable]) -> None:
    """Writes a csv: commas, \\n, UTF-8."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(path, text.getvalue())


def write_changes(folder: Path, changes: Iterable[Change]) -> None:
    """Writes removed.csv."""
    rows = [("file", "row", "image_id", "reason"), *map(astuple, changes)]
    write_rows(folder / REMOVED, rows)
