"""Room on a disk, asked for before something large is written."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from aifashion.errors import Exit, Failure

MARGIN = 1.1  # other programs write too
BYTES_PER_ARRAY = 256  # its name, dtype and shape in the header of its file
BYTES_BESIDE = 2**16  # state, manifest, folders and the unused ends of blocks


def needed_for(groups: Mapping[str, Mapping[str, np.ndarray]]) -> int:
    """Bytes that a checkpoint of these groups of arrays takes on a disk, with a margin."""
    arrays = [array for named in groups.values() for array in named.values()]
    content = sum(array.nbytes for array in arrays)
    return int(MARGIN * content) + BYTES_PER_ARRAY * len(arrays) + BYTES_BESIDE


def check_space(folder: Path, needed: int) -> None:
    """Refuses a folder on whose disk less than `needed` bytes are free.

    The folder need not exist: its nearest existing parent tells the disk. A disk that does not
    tell its free space passes, since writing will show.

    Raises:
        Failure: ENVIRONMENT, with how much is free and how much is needed.
    """
    try:
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        usage = shutil.disk_usage(there)
    except OSError:
        return
    # Some disks in user space say 0 of 0.
    if usage.total and usage.free < needed:
        raise Failure(
            Exit.ENVIRONMENT,
            # Rounded apart, so that a shortage of a few bytes shows.
            f"{folder}: {usage.free // 10**6:,} MB are free on its disk, "
            f"{-(-needed // 10**6):,} MB are needed. "
            "Free space on the disk, or choose another folder.",
        )
