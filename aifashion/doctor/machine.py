"""The machine: processor, memory, a container's limits, disks, locale. No heavy import.

`root` is where /proc and /sys are looked for.
"""

import locale
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path("/")
NO_LIMIT = 2**60  # bytes; version 1 of cgroups says "none" by a number near 2**63
INSTRUCTIONS = ("avx", "avx2", "fma", "avx512f", "amx_tile")
NO_AVX = "not imported: this processor has no AVX"


def system() -> dict:
    """Name of the distribution, kernel and C library."""
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        name = None
    return {"name": name, "platform": platform.platform(), "machine": platform.machine()}


def processor(root: Path = ROOT) -> dict:
    """Its name, its cores and those this process may use, and what it can of INSTRUCTIONS."""
    fields = _fields(root / "proc/cpuinfo")
    flags = fields.get("flags", "").split()
    return {
        "name": fields.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "usable": len(os.sched_getaffinity(0)),
        "instructions": [name for name in INSTRUCTIONS if name in flags],
    }


def can_run_tensorflow(described: dict) -> bool:
    """False where TensorFlow's import would end the process: its x86 wheels begin with AVX."""
    return platform.machine() != "x86_64" or "avx" in described["instructions"]


def memory(root: Path = ROOT) -> dict:
    """The machine's memory, whatever a container may use of it."""
    fields = _fields(root / "proc/meminfo")
    return {
        f"{ours}_gb": _in_gb(int(fields[theirs].split()[0]) * 1024) if theirs in fields else None
        for ours, theirs in (("total", "MemTotal"), ("available", "MemAvailable"))
    }


def limits(root: Path = ROOT) -> dict:
    """What the cgroup of this process, or one above it, allows; None where it sets no limit."""
    cores, room = [], []
    for folder in _cgroup_folders(root):
        quota, period = [*_text(folder / "cpu.max").split(), "max", "max"][:2]
        if quota == "max":
            quota, period = (_text(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        if quota.isdecimal() and period.isdecimal():  # -1: none
            cores.append(int(quota) / int(period))
        for name in ("memory.max", "memory.limit_in_bytes"):
            text = _text(folder / name)
            if text.isdecimal() and int(text) < NO_LIMIT:
                room.append(int(text))
    return {
        "cores": round(min(cores), 2) if cores else None,
        "memory_gb": _in_gb(min(room)) if room else None,
    }


def _cgroup_folders(root: Path) -> list[Path]:
    """Those of this process and all above, for both versions; in a container some are not there."""
    found = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        own = Path(path.lstrip("/"))
        for base in (controllers, *controllers.split(",")):
            found += [root / "sys/fs/cgroup" / base / part for part in (own, *own.parents)]
    return [folder for folder in dict.fromkeys(found) if folder.is_dir()]


def disks() -> dict:
    """Room where runs and submissions are written, and whether this user may write there."""
    places = {"working directory": Path(), "trained_models": Path("trained_models")}
    return {
        name: {"free_gb": _free_gb(path), "writable": _may_write(path)}
        for name, path in places.items()
    }


def _free_gb(path: Path) -> float | None:
    there = _existing(path)
    try:
        usage = shutil.disk_usage(there) if there else None
    except OSError:
        return None
    # Some disks in user space say 0 of 0.
    return _in_gb(usage.free) if usage and usage.total else None


def writable() -> dict:
    """Whether this user may write into HOME, and where Keras keeps downloaded weights."""
    home, cache = _expanded("~"), keras_home()
    return {
        "home": home is not None and _is_there(home) and _may_write(home),
        "keras_cache": cache is not None and _may_write(cache),
    }


def keras_home() -> Path | None:
    """Where Keras keeps its settings and downloads; None where this user has no home."""
    return _expanded(os.environ.get("KERAS_HOME") or "~/.keras")


def _expanded(path: str) -> Path | None:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # a container's user without a name, and no HOME
        return None


def _may_write(path: Path) -> bool:
    """Whether a folder, or the folders to make it in, take new files."""
    there = _existing(path)
    if there is None:
        return False
    try:
        tempfile.TemporaryFile(dir=there).close()  # the mode's bits say nothing of quotas or NFS
    except OSError:
        return False
    return True


def _existing(path: Path) -> Path | None:
    """The path or its nearest parent that is there."""
    try:
        path = path.absolute()
    except OSError:  # the working directory was deleted
        return None
    return next(part for part in (path, *path.parents) if _is_there(part))


def _is_there(path: Path) -> bool:
    # Unlike Path.exists, this is no error below a folder that may not be entered.
    return os.access(path, os.F_OK)


def words() -> dict:
    """How text and the names of files are encoded."""
    return {
        "locale": locale.setlocale(locale.LC_CTYPE),
        "file_names": sys.getfilesystemencoding(),
        "output": getattr(sys.stdout, "encoding", None),
    }


def _fields(path: Path) -> dict[str, str]:
    """`name: value` lines; of a name that comes again the first."""
    found = {}
    for line in _text(path).splitlines():
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), value.strip())
    return found


def _text(path: Path) -> str:
    """The file's text; nothing where there is none or it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _in_gb(count: int) -> float:
    return round(count / 1e9, 1)
