"""What all data folders share, whoever's layout they have: the mark of those that were drawn."""

from pathlib import Path

from aifashion.files import replace_file

MARK = "drawn.json"  # what marks a folder as drawn


def is_drawn(folder: Path) -> bool:
    """Whether the data were drawn by the wardrobe, which marks its folders."""
    return _mark(folder) is not None


def _mark(folder: Path) -> Path | None:
    places = (folder / MARK, folder.absolute().parent / MARK)
    return next((place for place in places if place.is_file()), None)


def pass_mark(folder: Path, out: Path) -> None:
    """Marks a folder that was made from a drawn one as drawn, too."""
    mark = _mark(folder)
    if mark is not None:
        replace_file(out / MARK, mark.read_bytes())
