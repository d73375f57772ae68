"""What all data folders share, whoever's layout they have: the mark of those that were drawn."""

from pathlib import Path

MARK = "drawn.json"  # what marks a folder as drawn


def is_drawn(folder: Path) -> bool:
    """Whether the data were drawn by the wardrobe, which marks its folders."""
    parent = folder.absolute().parent
    return (folder / MARK).is_file() or (parent / MARK).is_file()
