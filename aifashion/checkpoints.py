"""Checkpoints that survive kills, full disks and flipped bits: dicts of NumPy arrays in folders.

    <folder>/<step>/<group>.safetensors   one file a group of arrays: weights, ema, optimizer …
    <folder>/<step>/state.json            epoch, step, best score … as plain JSON
    <folder>/<step>/manifest.json         size and SHA-256 of each file and of itself, written last

A checkpoint is written aside as `.writing-<step>-<pid>`, flushed to the disk and renamed, so a
folder with a step's name is whole or was damaged later, and the hashes tell which. Wherever the
writer dies, a whole checkpoint is found: one that is to be replaced stays loadable as
`.replaced-<step>` until its successor is in place, one that is to go is renamed before it is
emptied. One process writes a folder at a time.

Weights files of strangers are only ever parsed as a header and raw numbers: nothing in them runs.
"""

import hashlib
import json
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

from aifashion.disk import check_space, needed_for
from aifashion.errors import Exit, Failure, one_line
from aifashion.files import disk_failure, flush_folder, plain, replace_file, write_flushed

FORMAT = 1
MANIFEST = "manifest.json"
STATE = "state.json"
SUFFIX = ".safetensors"
LARGEST_FILE = 16 * 2**30  # bytes of one file; ten times the largest optimizer state we have
LARGEST_HEADER = 4 * 2**20  # bytes; 1000 arrays need 0.2 MB, a hostile one 40 times its size

# safetensors' names; its own table for NumPy lacks bfloat16 when it reads from memory.
DTYPES = {
    "BOOL": np.bool_, "U8": np.uint8, "U16": np.uint16, "U32": np.uint32, "U64": np.uint64,
    "I8": np.int8, "I16": np.int16, "I32": np.int32, "I64": np.int64, "F16": np.float16,
    "BF16": ml_dtypes.bfloat16, "F32": np.float32, "F64": np.float64, "C64": np.complex64,
}  # fmt: skip
_GROUP = re.compile(r"[a-z][a-z0-9_]*")
_FILE = re.compile(r"state\.json|[a-z][a-z0-9_]*\.safetensors")
_STEP_FOLDER = re.compile(r"(\.replaced-)?([0-9]{8,})")
_UNFINISHED = re.compile(r"\.(?:writing|removed)-[0-9]+-([0-9]+)")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint folder holds, verified."""

    path: Path
    step: int
    groups: dict[str, dict[str, np.ndarray]]  # group -> name -> array
    state: dict[str, Any]


# === Save ===


def save(
    folder: Path,
    step: int,
    groups: Mapping[str, Mapping[str, np.ndarray]],
    state: Mapping[str, Any],
    keep: int = 3,
) -> Path:
    """Writes the checkpoint of a step and returns its folder; one of that step is replaced.

    Args:
        folder: the run's `checkpoints` folder, made where it is missing.
        step: optimizer steps done so far, at least 0.
        groups: arrays of any shape, dtypes of `DTYPES`; names are any text but `__metadata__`.
        state: what JSON can say, with text keys; NumPy's numbers and arrays become plain ones,
            infinities and NaN survive.
        keep: how many of the newest checkpoints stay, at least 1. The one just written stays.

    Raises:
        Failure: ENVIRONMENT where the disk has too little room, before anything is written, or
            refuses (limited, read-only …); what was half written is removed and the older
            checkpoints stand as they were.
        ValueError, TypeError: the caller's mistake, before anything is written.
    """
    arrays = {group: _plain_arrays(group, named) for group, named in groups.items()}
    if step < 0 or keep < 1:
        raise ValueError(f"step is at least 0 and keep at least 1, not {step} and {keep}")
    state_bytes = json.dumps(plain(state), indent=1).encode()
    writing = folder / f".writing-{step}-{os.getpid()}"
    try:
        if folder.exists():
            _tidy(folder)  # first, since what a dead process left may be what fills the disk
        check_space(folder, needed_for(arrays) + len(state_bytes))
        folder.mkdir(parents=True, exist_ok=True)
        flush_folder(folder.parent)
        _write_folder(writing, step, arrays, state_bytes)
        final = _put_in_place(writing, step)
    except OSError as error:
        raise disk_failure(folder / f"{step:08d}", "checkpoint not written", error) from None
    finally:
        shutil.rmtree(writing, ignore_errors=True)  # gone already when all went well
    with suppress(OSError, Failure):  # the new one is safe, the next save tidies again
        _tidy(folder)
        for old in steps(folder)[:-keep]:
            if old != step:
                _remove(folder / f"{old:08d}")
    return final


def drop_after(folder: Path, step: int) -> None:
    """Removes the checkpoints of later steps. Raises Failure (ENVIRONMENT) where it may not."""
    for later, path in _candidates(folder):
        try:
            if later > step:
                _remove(path)
        except OSError as error:
            raise disk_failure(path, "not removed", error) from None


def _plain_arrays(group: str, named: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays in C order and the machine's byte order, refusing what could not be read back."""
    if not _GROUP.fullmatch(group):
        raise ValueError(f"group {group!r}: a group is named by small letters, digits and _")
    arrays = {}
    for name, value in named.items():
        # safetensors 0.8 writes the memory of a transposed or strided array as it lies, silently.
        array = np.asarray(value)
        array = array.astype(array.dtype.newbyteorder("="), order="C", copy=False)
        if name == "__metadata__" or array.dtype not in DTYPES.values():
            raise TypeError(f"{group}: {name!r} of {array.dtype} cannot be saved as safetensors")
        name.encode()  # a lone surrogate raises here, and not after half of the files
        arrays[name] = array
    return arrays


def _write_folder(
    writing: Path, step: int, arrays: Mapping[str, dict[str, np.ndarray]], state: bytes
) -> None:
    writing.mkdir()
    files = {}
    for group, named in arrays.items():  # one at a time: serialising doubles a group's memory
        files[group + SUFFIX] = _write(writing / (group + SUFFIX), safetensors.numpy.save(named))
    files[STATE] = _write(writing / STATE, state)
    _write(writing / MANIFEST, _seal({"format": FORMAT, "step": step, "files": files}))
    flush_folder(writing)


def _seal(content: Mapping[str, Any]) -> bytes:
    """The one spelling of a manifest, which holds the hash of its own content."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return (json.dumps({**content, "sha256": digest}, sort_keys=True, indent=1) + "\n").encode()


def _put_in_place(writing: Path, step: int) -> Path:
    folder = writing.parent
    final = folder / f"{step:08d}"
    if final.exists():
        final.rename(folder / f".replaced-{final.name}")
    writing.rename(final)
    flush_folder(folder)
    return final


def _remove(path: Path) -> None:
    """Renames, then empties: half a checkpoint never bears a step's name."""
    gone = path.with_name(f".removed-{int(path.name.rpartition('-')[2])}-{os.getpid()}")
    path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _tidy(folder: Path) -> None:
    """Removes what this or a dead process left half done; puts back what was left set aside."""
    for path in list(folder.iterdir()):
        match = _UNFINISHED.fullmatch(path.name)
        if match and (match[1] == str(os.getpid()) or not Path("/proc", match[1]).exists()):
            shutil.rmtree(path, ignore_errors=True)
        final = folder / path.name.removeprefix(".replaced-")
        if final.name != path.name and final.exists():
            _remove(path)
        elif final.name != path.name:
            path.rename(final)


# === Load ===


def steps(folder: Path) -> list[int]:
    """The steps of the complete checkpoints, ascending; their hashes are not looked at."""
    return sorted({step for step, path in _candidates(folder) if (path / MANIFEST).is_file()})


def newest(
    folder: Path, warn: Callable[[str], None] = lambda line: print(line, file=sys.stderr)
) -> Checkpoint | None:
    """The newest checkpoint that verifies, None where there is none.

    Args:
        folder: the run's `checkpoints` folder; it need not exist.
        warn: is told of each damaged checkpoint that is passed over, in one line.
    """
    for _, path in reversed(_candidates(folder)):
        try:
            return load(path)
        except Failure as failure:
            warn(f"{failure} Passed over: an older checkpoint is looked for.")
    return None


def _candidates(folder: Path) -> list[tuple[int, Path]]:
    """(step, folder) by ascending step; one set aside comes before the one in its place."""
    try:
        found = [(_STEP_FOLDER.fullmatch(path.name), path) for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise disk_failure(folder, "cannot be listed", error) from None
    ordered = sorted((int(match[2]), not match[1], path) for match, path in found if match)
    return [(step, path) for step, _, path in ordered]


def load(path: Path) -> Checkpoint:
    """Reads one checkpoint folder, under whatever name, after its sizes and hashes are verified.

    Raises:
        Failure: BAD_MODEL, naming the file, what is wrong with it and the remedy.
    """
    manifest = _read_manifest(path / MANIFEST)
    groups, state = {}, None
    for name, entry in sorted(manifest["files"].items()):
        data = _read_regular(path / name)
        if _entry(data) != entry:
            raise _damage(path / name, "its size or its SHA-256 is not the manifest's")
        if name == STATE:
            state = _parse_json(path / name, data)
        else:
            groups[name.removesuffix(SUFFIX)] = _parse_arrays(path / name, data)
    return Checkpoint(path, manifest["step"], groups, state)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of one safetensors file from anywhere, by name.

    Raises:
        Failure: BAD_MODEL for whatever is not a well-formed safetensors file of `DTYPES`.
    """
    return _parse_arrays(path, _read_regular(path))


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """The inverse of `read_arrays`. Raises Failure (ENVIRONMENT) where the disk refuses."""
    replace_file(path, safetensors.numpy.save(_plain_arrays("weights", arrays)))


def _read_manifest(path: Path) -> dict[str, Any]:
    data = _read_regular(path)
    content = _parse_json(path, data)
    content.pop("sha256", None)
    try:  # comparing bytes, and not only the hash, also finds damage that JSON reads over
        intact = _seal(content) == data
    except RecursionError:
        intact = False
    if not intact:
        raise _damage(path, "its SHA-256 is not its own")
    if content.get("format") != FORMAT:
        raise _bad(path, f"not of format {FORMAT}. Update AiFashion.")
    files = content.get("files")
    valid_step = type(content.get("step")) is int
    names = files if isinstance(files, dict) else {}
    # A seal proves no good will: names must stay inside the folder.
    if STATE not in names or not all(map(_FILE.fullmatch, names)) or not valid_step:
        raise _damage(path, "its entries are not a checkpoint's")
    return content


def _read_regular(path: Path) -> bytes:
    """The bytes of a file. Read, not mapped: a mapped file that is cut kills the process."""
    try:
        status = path.stat()  # before opening, since opening a pipe would wait for ever
        if not stat.S_ISREG(status.st_mode):
            raise _bad(path, "not a file. Name a file.")
        if status.st_size > LARGEST_FILE:
            raise _bad(path, f"{status.st_size} bytes are no network of ours. Check the path.")
        return path.read_bytes()
    except FileNotFoundError:
        raise _bad(path, "no such file. Check the path, or take another checkpoint.") from None
    except (OSError, ValueError, MemoryError) as error:  # ValueError: a path with a NUL
        reason = one_line(error) or "larger than the memory"
        raise _bad(path, f"cannot be read ({reason}). Check the path.") from None


def _parse_json(path: Path, data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _damage(path, f"not JSON: {one_line(error)}") from None
    if not isinstance(value, dict):
        raise _damage(path, "not a JSON object")
    return value


def _parse_arrays(path: Path, data: bytes) -> dict[str, np.ndarray]:
    if len(data) >= 8 and int.from_bytes(data[:8], "little") > min(len(data), LARGEST_HEADER):
        raise _damage(path, "not a safetensors file: the header cannot be as long as it says")
    try:
        arrays = {}
        for name, view in safetensors.deserialize(data):
            if view["dtype"] not in DTYPES:
                raise _bad(path, f"{name[:80]!r}: {view['dtype']} is not read. Convert it to F32.")
            array = np.frombuffer(view["data"], DTYPES[view["dtype"]])
            arrays[name] = array.reshape(view["shape"])
        return arrays
    except (safetensors.SafetensorError, ValueError, OverflowError) as error:
        raise _damage(path, f"not a safetensors file: {one_line(error)}") from None


# === Hashes and faults ===


def _write(path: Path, data: bytes) -> dict[str, int | str]:
    """Writes and flushes a file; its entry in the manifest, hashed from memory, not from disk."""
    write_flushed(path, data)
    return _entry(data)


def _entry(data: bytes) -> dict[str, int | str]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _bad(path: Path, message: str) -> Failure:
    return Failure(Exit.BAD_MODEL, f"{path}: {message}")


def _damage(path: Path, problem: str) -> Failure:
    return _bad(path, f"damaged: {problem}. Take another checkpoint, or fetch the file again.")
