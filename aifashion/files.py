"""Single files that survive kills and full disks: written aside, flushed to the disk, renamed."""

import errno
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from aifashion.errors import Exit, Failure

_NO_SPACE = "Free space on the disk, or choose another folder."
_NO_WRITING = "Choose a folder that is yours to read and write."
_REMEDIES = {
    errno.ENOSPC: _NO_SPACE, errno.EDQUOT: _NO_SPACE,
    errno.EACCES: _NO_WRITING, errno.EPERM: _NO_WRITING, errno.EROFS: _NO_WRITING,
    errno.EFBIG: "A limit on the size of files is set: raise it (`ulimit -f unlimited`).",
}  # fmt: skip


def replace_file(path: Path, data: bytes) -> None:
    """Writes a whole file or leaves the old one: aside, flushed, renamed.

    Raises:
        Failure: ENVIRONMENT where the disk refuses; the old file stands as it was.
    """
    with whole_file(path) as file:
        file.write(data)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """`replace_file` of what is written piece by piece; an exception leaves the old file."""
    aside = path.with_name(f".{path.name}.writing-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
        flush_folder(path.parent)
    except OSError as error:
        raise disk_failure(path, "not written", error) from None
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """`replace_file` with UTF-8 text."""
    replace_file(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """`write_text` with JSON any tool reads: NaN and infinities, which it lacks, become null."""
    text = json.dumps(plain(value, finite=True), indent=1, allow_nan=False)
    write_text(path, text + "\n")


def plain(value: Any, finite: bool = False) -> Any:
    """NumPy's numbers and arrays as Python's own; with `finite`, NaN and infinities as None."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {key: plain(item, finite) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, finite) for item in value]
    if finite and isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_flushed(path: Path, data: bytes) -> None:
    """Writes a file in place and waits until the disk has it. Raises OSError."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Makes the names in a folder durable; some network disks cannot, and say EINVAL."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def disk_failure(path: Path, what: str, error: OSError) -> Failure:
    """The one line for a path that the disk refused: `what` did not happen, why, the remedy."""
    remedy = _REMEDIES.get(error.errno, "Check the disk, or choose another folder.")
    return Failure(Exit.ENVIRONMENT, f"{path}: {what}: {error.strerror or error}. {remedy}")
