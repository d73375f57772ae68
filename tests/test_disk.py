"""Room on a disk: what a checkpoint needs, and the refusal where there is less."""

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from aifashion import checkpoints, disk
from aifashion.errors import Exit, Failure


def free(monkeypatch, size: int, total: int = 10**12) -> list[Path]:
    """Disks that have `size` bytes free; the paths that were asked about."""
    asked = []

    def usage(path):
        asked.append(Path(path))
        return SimpleNamespace(total=total, used=total - size, free=size)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    return asked


def used(folder: Path) -> int:
    """Bytes of the folder's files, each filled up to blocks of 4 KiB, and its own."""
    sizes = [path.stat().st_size for path in folder.iterdir()]
    return 4096 + sum(-(-size // 4096) * 4096 for size in sizes)


# === What is needed ===


def test_needed_for_nothing(tmp_path):
    path = checkpoints.save(tmp_path, 1, {}, {})
    assert used(path) <= disk.needed_for({}) <= 100_000


@pytest.mark.parametrize("count, shape", [(1, (1_000_000,)), (2000, ()), (300, (3, 3, 8, 8))])
def test_needed_for_a_checkpoint(tmp_path, count, shape):
    name = "conv4_block12_preactivation_batch_normalization/moving_variance/{:05d}"
    named = {name.format(number): np.ones(shape, np.float32) for number in range(count)}
    groups = {"weights": named, "ema": named, "optimizer": named}
    taken = used(checkpoints.save(tmp_path, 1, groups, {}))
    assert 1.05 * taken <= disk.needed_for(groups)
    arrays = 3 * count * np.prod(shape, dtype=int) * 4
    assert disk.needed_for(groups) == int(1.1 * arrays) + 3 * count * 256 + 65536


# === The refusal ===


def test_enough_room(monkeypatch, tmp_path):
    disk.check_space(tmp_path, 0)
    disk.check_space(tmp_path, 1)  # of the real disk
    free(monkeypatch, 1000)
    disk.check_space(tmp_path, 1000)


def test_too_little_room(monkeypatch, tmp_path):
    free(monkeypatch, 12_999_999)
    with pytest.raises(Failure) as caught:
        disk.check_space(tmp_path, 13_000_000_001)
    assert caught.value.exit_code == Exit.ENVIRONMENT
    assert str(caught.value) == (
        f"{tmp_path}: 12 MB are free on its disk, 13,001 MB are needed. "
        "Free space on the disk, or choose another folder."
    )


def test_the_nearest_existing_parent_tells_the_disk(monkeypatch, tmp_path):
    asked = free(monkeypatch, 0)
    for folder in (tmp_path, tmp_path / "runs", tmp_path / "runs/deep/checkpoints"):
        with pytest.raises(Failure, match=f"^{folder}: 0 MB are free"):
            disk.check_space(folder, 1)
    assert asked == [tmp_path] * 3
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Failure, match=r"^runs/deep: 0 MB"):
        disk.check_space(Path("runs/deep"), 1)
    assert asked[3].samefile(tmp_path)


def test_a_disk_that_does_not_tell_passes(monkeypatch, tmp_path):
    free(monkeypatch, 0, total=0)
    disk.check_space(tmp_path, 10**15)

    def refuse(path):
        raise OSError(errno.ENOSYS, "not implemented")

    monkeypatch.setattr(shutil, "disk_usage", refuse)
    disk.check_space(tmp_path, 10**15)
