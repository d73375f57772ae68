"""The machine's description, from files written as Linux writes /proc and /sys."""

import os
import pwd
import shutil
from collections import namedtuple

import pytest

from aifashion.doctor import machine

NONE = {"cores": None, "memory_gb": None}


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_nothing_to_read(tmp_path):
    assert machine.limits(tmp_path) == NONE
    assert machine.memory(tmp_path) == {"total_gb": None, "available_gb": None}
    assert machine.processor(tmp_path)["name"]
    assert machine.processor(tmp_path)["instructions"] == []


def test_processor(tmp_path):
    text = "processor\t: 0\nmodel name\t: Some Chip 9\nflags\t\t: fpu avx2 avx sse\n\n"
    write(tmp_path, {"proc/cpuinfo": text + text.replace("Chip 9", "Other")})
    described = machine.processor(tmp_path)
    assert described["name"] == "Some Chip 9"
    assert described["instructions"] == ["avx", "avx2"]
    assert described["usable"] == len(os.sched_getaffinity(0)) <= described["cores"]


@pytest.mark.parametrize(
    ("machine_type", "flags", "runs"),
    [("x86_64", [], False), ("x86_64", ["avx", "fma"], True), ("aarch64", [], True)],
)
def test_tensorflow_wants_avx_of_x86_alone(machine_type, flags, runs, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: machine_type)
    assert machine.can_run_tensorflow({"instructions": flags}) is runs


def test_memory(tmp_path):
    text = "MemTotal:       2000000 kB\nMemFree: 1 kB\nMemAvailable:    1000000 kB\n"
    write(tmp_path, {"proc/meminfo": text})
    assert machine.memory(tmp_path) == {"total_gb": 2.0, "available_gb": 1.0}  # 2.048, 1.024


def test_limits_of_version_2(tmp_path):
    """Half a core here, three above; 4 GB above, none here."""
    group = "sys/fs/cgroup/batch/job"
    write(tmp_path, {
        "proc/self/cgroup": "0::/batch/job\n",
        f"{group}/cpu.max": "50000 100000\n", "sys/fs/cgroup/batch/cpu.max": "300000 100000\n",
        f"{group}/memory.max": "max\n", "sys/fs/cgroup/batch/memory.max": "4000000000\n",
    })  # fmt: skip
    assert machine.limits(tmp_path) == {"cores": 0.5, "memory_gb": 4.0}
    write(tmp_path, {f"{group}/cpu.max": "max 100000\n"})
    assert machine.limits(tmp_path)["cores"] == 3.0


def test_limits_of_version_1(tmp_path):
    """In a container the host's path is not there; the container's own limits are at the top."""
    cpu, memory = "sys/fs/cgroup/cpu,cpuacct", "sys/fs/cgroup/memory"
    write(tmp_path, {
        "proc/self/cgroup": "4:memory:/host/a\n3:cpu,cpuacct:/host/a\n1:name=systemd:/\n0::/\n",
        f"{cpu}/cpu.cfs_quota_us": "150000\n", f"{cpu}/cpu.cfs_period_us": "100000\n",
        f"{memory}/memory.limit_in_bytes": "2000000000\n",
    })  # fmt: skip
    assert machine.limits(tmp_path) == {"cores": 1.5, "memory_gb": 2.0}
    write(tmp_path, {
        f"{cpu}/cpu.cfs_quota_us": "-1\n",
        f"{memory}/memory.limit_in_bytes": "9223372036854771712\n",
    })  # fmt: skip
    assert machine.limits(tmp_path) == NONE


def test_disks(tmp_path, monkeypatch):
    """trained_models need not be there: the disk it would be made on counts."""
    asked = []
    usage = namedtuple("usage", ["total", "used", "free"])
    here = usage(9_000_000_000, 0, 1_500_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: asked.append(path) or here)
    monkeypatch.chdir(tmp_path)
    place = {"free_gb": 1.5, "writable": True}
    assert machine.disks() == {"working directory": place, "trained_models": place}
    assert asked == [tmp_path, tmp_path]
    (tmp_path / "trained_models").mkdir()
    machine.disks()
    assert asked[-1] == tmp_path / "trained_models"
    assert list((tmp_path / "trained_models").iterdir()) == []
    here = usage(0, 0, 0)  # as some disks in user space say
    assert machine.disks()["working directory"]["free_gb"] is None


def test_a_deleted_working_directory(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    place = {"free_gb": None, "writable": False}
    assert machine.disks() == {"working directory": place, "trained_models": place}


def test_writable(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    assert machine.writable() == {"home": True, "keras_cache": True}
    assert machine.keras_home() == tmp_path / ".keras" and not (tmp_path / ".keras").exists()
    monkeypatch.setenv("KERAS_HOME", "/proc/keras")  # not even root makes folders there
    assert machine.writable() == {"home": True, "keras_cache": False}
    monkeypatch.setenv("HOME", str(tmp_path / "missing"))
    assert machine.writable()["home"] is False


def test_a_user_without_a_home(monkeypatch):
    def nobody(user):
        raise KeyError(user)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert machine.writable() == {"home": False, "keras_cache": False}


def test_words():
    assert machine.words()["file_names"] == "utf-8"
