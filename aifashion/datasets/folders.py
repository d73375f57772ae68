"""What all data folders share, whoever's layout they have: the mark of those that were drawn."""

from pathlib import Path


def is_drawn(folder: Path) -> bool:
    """Whether the data were drawn by the wardrobe, which marks its folders."""
    parent = folder.absolute().parent
    return (folder / "drawn.json").is_file() or (parent / "drawn.json").is_file()
