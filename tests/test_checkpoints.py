"""Checkpoints survive kills at every moment, full disks, and every flipped bit is noticed."""

import json
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.numpy

from aifashion import checkpoints, files
from aifashion.errors import Exit, Failure


def put(folder: Path, step: int, keep: int = 9) -> Path:
    """A checkpoint whose weights and state both tell its step."""
    weights = {"stem/conv/kernel": np.full((2, 3), step, np.float32)}
    optimizer = {"iteration": np.array(7, np.int64)}
    groups = {"weights": weights, "optimizer": optimizer}
    return checkpoints.save(folder, step, groups, {"step": step}, keep)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refusal(call, *arguments) -> Failure:
    with pytest.raises(Failure) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return caught.value


# === Round trips ===


def test_no_checkpoint(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        assert checkpoints.steps(folder) == []
        assert checkpoints.newest(folder, pytest.fail) is None
    assert refusal(checkpoints.load, tmp_path).exit_code == Exit.BAD_MODEL


def test_empty_groups_and_the_state(tmp_path):
    state = {"epoch": 2, "best": np.float32(0.5), "worst": float("inf"), "order": (3, 1), "x": None}
    path = checkpoints.save(tmp_path, 0, {"ema": {}}, state)
    assert path == tmp_path / "00000000"
    plain = state | {"best": 0.5, "order": [3, 1]}
    assert checkpoints.load(path) == checkpoints.Checkpoint(path, 0, {"ema": {}}, plain)


@pytest.mark.parametrize("dtype", [*checkpoints.DTYPES.values(), ">f4"])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_arrays_survive(tmp_path, dtype, shape):
    before = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    path = checkpoints.save(tmp_path, 3, {"weights": {"größe/천/kernel": before}}, {})
    after = checkpoints.load(path).groups["weights"]["größe/천/kernel"]
    assert after.dtype == before.dtype.newbyteorder("=")
    assert after.shape == shape and after.flags.writeable
    np.testing.assert_array_equal(after, before)


def test_transposed_and_strided_arrays_survive(tmp_path):
    table = np.arange(12.0).reshape(3, 4)  # row 0 is 0 1 2 3, row 1 is 4 5 6 7, row 2 is 8 9 10 11
    views = {"transposed": table.T, "strided": table[::2, ::3]}
    after = checkpoints.load(checkpoints.save(tmp_path, 1, {"ema": views}, {})).groups["ema"]
    np.testing.assert_array_equal(after["transposed"][0], [0, 4, 8])
    np.testing.assert_array_equal(after["strided"], [[0, 3], [8, 11]])


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        ("weights", "a", np.array(["text"])),
        ("weights", "a", np.array([None])),
        ("weights", "a", np.zeros(2, np.complex128)),
        ("weights", "__metadata__", np.zeros(2)),  # safetensors writes it and cannot read it
        ("weights", "\ud800", np.zeros(2)),
        ("", "a", np.zeros(2)),
        ("../up", "a", np.zeros(2)),
        ("state.json", "a", np.zeros(2)),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, group, name, value):
    with pytest.raises((TypeError, ValueError)):
        checkpoints.save(tmp_path / "run", 1, {"ok": {}, group: {name: value}}, {})
    assert not (tmp_path / "run").exists()


# === Which ones stay ===


def test_the_newest_n_stay(tmp_path):
    for step in (1, 2, 3, 4, 5):
        put(tmp_path, step, keep=3)
    assert names(tmp_path) == ["00000003", "00000004", "00000005"]
    put(tmp_path, 2, keep=1)  # training went back: what is just written stays, though older
    assert checkpoints.steps(tmp_path) == [2, 5]


def test_newest_is_by_number(tmp_path):
    for step in (99, 100, 99_999_999, 100_000_000):  # as text, the last would come before the third
        put(tmp_path, step)
    assert checkpoints.steps(tmp_path) == [99, 100, 99_999_999, 100_000_000]
    assert checkpoints.newest(tmp_path, pytest.fail).step == 100_000_000


def test_two_saves_of_one_step(tmp_path):
    put(tmp_path, 5, keep=1)
    checkpoints.save(tmp_path, 5, {}, {"second": True}, keep=1)
    assert names(tmp_path) == ["00000005"]
    put(tmp_path / "elsewhere", 5).rename(tmp_path / ".replaced-00000005")  # killed just then
    assert checkpoints.newest(tmp_path).state == {"second": True}


def test_folders_of_dead_processes_are_removed(tmp_path):
    child = subprocess.Popen(["true"])
    child.wait()
    put(tmp_path, 1).rename(tmp_path / f".removed-1-{child.pid}")
    put(tmp_path, 3).rename(tmp_path / f".writing-3-{child.pid}")
    put(tmp_path, 3).rename(tmp_path / f".writing-3-{os.getppid()}")  # a process that lives
    put(tmp_path, 4)
    assert names(tmp_path) == [f".writing-3-{os.getppid()}", "00000004"]


# === Damage ===


def assert_only_the_older_loads(damaged: Path) -> None:
    failure = refusal(checkpoints.load, damaged.parent)
    assert failure.exit_code == Exit.BAD_MODEL and str(failure).startswith(f"{damaged}: ")
    warnings = []
    assert checkpoints.newest(damaged.parents[1], warnings.append).step == 1
    assert len(warnings) == 1 and str(damaged) in warnings[0]


def test_every_flipped_bit_is_noticed(tmp_path):
    put(tmp_path, 1)
    path = put(tmp_path, 2)
    rng = random.Random(0)
    assert len(names(path)) == 4  # manifest, state, two groups: 900 bytes together
    for file in path.iterdir():
        whole = file.read_bytes()
        for position in range(len(whole)):  # one bit of each byte of each file
            damaged = bytearray(whole)
            damaged[position] ^= 1 << rng.randrange(8)
            file.write_bytes(damaged)
            assert_only_the_older_loads(file)
        file.write_bytes(whole)
    assert checkpoints.newest(tmp_path, pytest.fail).step == 2


DAMAGES = {
    "missing": lambda file, data: None,
    "empty": lambda file, data: file.touch(),
    "cut": lambda file, data: file.write_bytes(data[:-1]),
    "longer": lambda file, data: file.write_bytes(data + b"\n"),
    "a folder": lambda file, data: file.mkdir(),
    "a pipe": lambda file, data: os.mkfifo(file),  # opening it would wait for ever
}


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", ["manifest.json", "state.json", "weights.safetensors"])
def test_damaged_files(tmp_path, name, how):
    put(tmp_path, 1)
    file = put(tmp_path, 2) / name
    data = file.read_bytes()
    file.unlink()
    DAMAGES[how](file, data)
    assert_only_the_older_loads(file)


def test_all_damaged(tmp_path, capsys):
    for step in (1, 2):
        (put(tmp_path, step) / "state.json").write_text("{}")
    assert checkpoints.newest(tmp_path) is None
    assert [line.count("state.json") for line in capsys.readouterr().err.splitlines()] == [1, 1]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"format": 2}, "Update AiFashion"),
        ({"files": {"state.json": {}, "../x.safetensors": {}}}, "entries"),
        ({"files": {"/dev/zero": {}}}, "entries"),
        ({"step": "3"}, "entries"),
        ({"files": {"state.json": 7}}, "state.json: damaged"),
    ],
)
def test_a_well_sealed_manifest_is_not_trusted(tmp_path, change, what):
    path = put(tmp_path, 3)
    content = {"format": 1, "step": 3, "files": {"state.json": {}}, **change}
    (path / "manifest.json").write_bytes(checkpoints._seal(content))
    assert what in str(refusal(checkpoints.load, path))


def header(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def one(dtype: str, shape: list[int], claimed: int, given: int) -> bytes:
    """A safetensors file: the header's length, little end first, the header, the numbers."""
    entry = {"dtype": dtype, "shape": shape, "data_offsets": [0, claimed]}
    return header(json.dumps({"a": entry}).encode()) + bytes(given)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04\x95hello",  # how a pickle begins
        struct.pack("<Q", 2**63) + b"{}",  # a header of 8 EiB
        header(b"{}" + b" " * 2**22),  # well-formed, but for its 4 MiB of header
        header(b"{"),
        header(b'{"a":' * 100_000),
        one("F32", [2], 4, 4),  # two numbers are 8 bytes
        one("F32", [1], 4, 8),  # four bytes nobody owns
        one("F32", [2**40, 2**40], 4, 4),
        one("F32", [0, 2**63], 0, 0),
        one("F32", [1] * 70, 4, 4),  # NumPy has 64 axes at most
        one("F8_E4M3", [4], 4, 4),
        one("O", [4], 4, 4),
    ],
)
def test_malformed_safetensors(tmp_path, data):
    file = tmp_path / "user.safetensors"
    file.write_bytes(data)
    failure = refusal(checkpoints.read_arrays, file)
    assert failure.exit_code == Exit.BAD_MODEL and str(failure).startswith(f"{file}: ")


def test_read_arrays(tmp_path):
    file = tmp_path / "user.safetensors"
    safetensors.numpy.save_file({"a/b": np.array([1, 2], np.int32)}, file)
    np.testing.assert_array_equal(checkpoints.read_arrays(file)["a/b"], [1, 2])
    for path in (tmp_path / "none", tmp_path, Path("/dev/zero")):
        assert refusal(checkpoints.read_arrays, path).exit_code == Exit.BAD_MODEL


# === Kills ===


def save_for_ever(folder: Path, first: int, report: int) -> None:
    """Saves each step twice, so that replacing is killed too; reports a step that is safe."""
    for step in range(2 * first, 10**6):
        put(folder, step // 2, keep=1)
        os.write(report, (step // 2).to_bytes(4, "little"))


def child(action, *arguments) -> int:
    """Runs an action in a fork, which never returns into this program; its process id."""
    pid = os.fork()
    if pid == 0:
        try:
            action(*arguments)
            os._exit(0)
        finally:
            os._exit(1)
    return pid


def verified(folder: Path) -> checkpoints.Checkpoint:
    found = checkpoints.newest(folder, pytest.fail)
    assert found.state["step"] == found.step
    assert found.groups["weights"]["stem/conv/kernel"][1, 2] == found.step
    return found


def kill_often(folder: Path, kills: int) -> None:
    """SIGKILLs a saving process at random moments; prints what it left behind, by kind."""
    rng, left = random.Random(0), {"writing": 0, "removed": 0, "replaced": 0, "nothing": 0}
    put(folder, 0)
    for _ in range(kills):
        before = verified(folder).step
        reader, writer = os.pipe()
        pid = child(save_for_ever, folder, before + 1, writer)
        os.close(writer)
        reported = os.read(reader, 4)  # it is under way
        time.sleep(rng.uniform(0, 0.04))
        os.kill(pid, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        with os.fdopen(reader, "rb") as pipe:
            reported += pipe.read()
        safe = int.from_bytes(reported[-4:], "little")
        assert before < safe <= verified(folder).step <= safe + 1
        kinds = {name.split("-")[0][1:] for name in names(folder) if name.startswith(".")}
        for kind in kinds or {"nothing"}:
            left[kind] += 1
    print(json.dumps(left))


def die_at(event_number: int, folder: Path, step: int) -> None:
    """Saves, but ends like a kill right before the given opening, renaming, removing …"""
    events = iter(range(event_number))

    def hook(event: str, _: tuple) -> None:
        if event.startswith(("open", "os.", "shutil.")) and next(events, None) is None:
            os._exit(9)

    sys.addaudithook(hook)
    put(folder, step, keep=1)


def kill_everywhere(folder: Path, step: int) -> None:
    """From one checkpoint of step 1, kills a save of `step` before each of its system calls."""
    put(folder / "first", 1)
    deaths, status = 0, None
    while status != 0:
        copy = shutil.copytree(folder / "first", folder / str(deaths))
        status = os.waitstatus_to_exitcode(os.waitpid(child(die_at, deaths, copy, step), 0)[1])
        assert status in (0, 9)
        assert verified(copy).step in (1, step)
        put(copy, step + 1, keep=1)
        assert names(copy) == [f"{step + 1:08d}"]  # the next save leaves no trace of it
        deaths += 1
    print(json.dumps(deaths))


def fork_server(*arguments: str) -> str:
    """This file as a program: forks of a process that holds no TensorFlow, threads or tests."""
    root = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, __file__, *arguments]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_fifty_kills(tmp_path):
    left = json.loads(fork_server("often", str(tmp_path / "run"), "50"))
    assert left["writing"] >= 5  # the kills did hit: most of the time something is being written


@pytest.mark.parametrize("step", [1, 2])  # 1 replaces the only checkpoint, 2 makes it superfluous
def test_a_kill_before_every_system_call(tmp_path, step):
    # At least: mkdir, open ×4 for the files, rename into place, and the removal of the old one.
    assert int(fork_server("everywhere", str(tmp_path), str(step))) > 10


# === Disks that refuse ===


def disk_with(monkeypatch, free) -> None:
    """Disks on which `free()` bytes are free."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=10**9, free=free()))


def test_a_full_disk_is_seen_before_anything_is_written(monkeypatch, tmp_path):
    disk_with(monkeypatch, lambda: 60_000)  # a kilobyte or so is written, with a margin of 64
    failure = refusal(put, tmp_path / "new", 1)
    assert failure.exit_code == Exit.ENVIRONMENT
    said = "0 MB are free on its disk, 1 MB are needed. Free space on the disk"
    assert str(failure).startswith(f"{tmp_path / 'new'}: {said}")
    assert not (tmp_path / "new").exists()
    disk_with(monkeypatch, lambda: 70_000)
    put(tmp_path, 1)
    disk_with(monkeypatch, lambda: 60_000)
    before = {path: path.stat().st_mtime_ns for path in [tmp_path, *tmp_path.rglob("*")]}
    for step in (1, 2):
        assert "needed. Free space on the disk" in str(refusal(put, tmp_path, step, 1))
    assert {path: path.stat().st_mtime_ns for path in [tmp_path, *tmp_path.rglob("*")]} == before
    assert verified(tmp_path).step == 1


def test_arrays_and_state_need_room(monkeypatch, tmp_path):
    disk_with(monkeypatch, lambda: 200_000)
    for size, state in ((25_000, {}), (0, {"note": "x" * 100_000})):  # 100 kB each
        checkpoints.save(tmp_path, 1, {"weights": {"a": np.zeros(size, np.float32)}}, state)
    for size, state in ((50_000, {}), (0, {"note": "x" * 200_000})):
        groups = {"weights": {"a": np.zeros(size, np.float32)}}
        assert "1 MB are needed" in str(refusal(checkpoints.save, tmp_path, 2, groups, state))


def test_what_a_dead_process_left_makes_room(monkeypatch, tmp_path):
    child = subprocess.Popen(["true"])
    child.wait()
    left = put(tmp_path, 3).rename(tmp_path / f".writing-3-{child.pid}")
    disk_with(monkeypatch, lambda: 0 if left.exists() else 10**6)
    assert put(tmp_path, 4).is_dir()


@pytest.mark.parametrize("name", ["weights.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("step", [1, 2])
def test_a_disk_that_fills_up_while_writing(monkeypatch, tmp_path, name, step):
    put(tmp_path, 1)
    opened = Path.open

    def redirected(path, *arguments):
        return opened(Path("/dev/full") if path.name == name else path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", redirected)
        failure = refusal(put, tmp_path, step, 1)
    assert failure.exit_code == Exit.ENVIRONMENT
    assert str(failure) == (
        f"{tmp_path}/{step:08d}: checkpoint not written: No space left on device. "
        "Free space on the disk, or choose another folder."
    )
    assert names(tmp_path) == ["00000001"] and verified(tmp_path).step == 1


def save_under_a_limit(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    large = {"weights": {"kernel": np.zeros(50_000, np.float32)}}  # 200 kB
    for call in (
        lambda: checkpoints.save(folder, 2, large, {}),
        lambda: checkpoints.save(folder, 1, large, {}),
        lambda: files.write_text(folder / "log.txt", "x" * 200_000),
    ):
        failure = refusal(call)
        assert failure.exit_code == Exit.ENVIRONMENT and "ulimit" in str(failure)


def test_a_limit_on_the_size_of_files(tmp_path):
    put(tmp_path, 1)
    files.write_text(tmp_path / "log.txt", "old")
    fork_server("limit", str(tmp_path))
    assert names(tmp_path) == ["00000001", "log.txt"]
    assert verified(tmp_path).step == 1
    assert (tmp_path / "log.txt").read_text() == "old"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path):
    put(tmp_path, 1)
    tmp_path.chmod(0o500)
    try:
        failure = refusal(put, tmp_path, 2)
        assert failure.exit_code == Exit.ENVIRONMENT and "Choose a folder" in str(failure)
        assert checkpoints.newest(tmp_path, pytest.fail).step == 1
    finally:
        tmp_path.chmod(0o700)


if __name__ == "__main__":
    actions = {"often": kill_often, "everywhere": kill_everywhere, "limit": save_under_a_limit}
    actions[sys.argv[1]](Path(sys.argv[2]), *map(int, sys.argv[3:]))
