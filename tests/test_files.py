"""Single files are written whole or stay what they were."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest

from aifashion import files
from aifashion.errors import Exit, Failure


def test_an_empty_file_in_a_new_folder(tmp_path):
    files.replace_file(tmp_path / "new/deep/log.txt", b"")
    assert (tmp_path / "new/deep/log.txt").read_bytes() == b""


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    for text in ("old", "größer\n천\n"):
        files.write_text(tmp_path / "log.txt", text)
        assert (tmp_path / "log.txt").read_bytes() == text.encode()
    assert [path.name for path in tmp_path.iterdir()] == ["log.txt"]


def test_write_json(tmp_path):
    file = tmp_path / "new" / "metrics.json"
    files.write_json(file, {})
    assert file.read_text() == "{}\n"
    value = {"ne": np.float32(0.25), "nan": [float("nan"), np.inf], "n": np.arange(2), "옷": True}
    files.write_json(file, value)
    strict = json.loads(file.read_text(), parse_constant=pytest.fail)
    assert strict == {"ne": 0.25, "nan": [None, None], "n": [0, 1], "옷": True}


def test_a_full_disk_leaves_the_old_file(monkeypatch, tmp_path):
    file = tmp_path / "log.txt"
    files.write_text(file, "old")
    to_full_disk(monkeypatch)
    with pytest.raises(Failure) as caught:
        files.write_text(file, "new")
    monkeypatch.undo()
    assert caught.value.exit_code == Exit.ENVIRONMENT
    assert str(caught.value) == (
        f"{file}: not written: No space left on device. "
        "Free space on the disk, or choose another folder."
    )
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["log.txt"]


def to_full_disk(monkeypatch) -> None:
    """Every file that is opened for writing is the kernel's disk without room."""
    opened = Path.open

    def redirected(path, mode="r", *arguments, **named):
        target = path if "r" in mode else Path("/dev/full")
        return opened(target, mode, *arguments, **named)

    monkeypatch.setattr(Path, "open", redirected)


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
def test_network_disks_that_flush_no_folders(monkeypatch, tmp_path, code):
    def refuse(descriptor):
        raise OSError(code, "no")

    monkeypatch.setattr(files.os, "fsync", refuse)
    files.flush_folder(tmp_path)


def test_a_folder_that_fails_to_flush_is_told(monkeypatch, tmp_path):
    def refuse(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(files.os, "fsync", refuse)
    with pytest.raises(OSError, match="Input/output"):
        files.flush_folder(tmp_path)
    with pytest.raises(Failure, match=r"Input/output error\. Check the disk"):
        files.write_text(tmp_path / "log.txt", "new")
    assert list(tmp_path.iterdir()) == []  # what was written aside is gone


def test_a_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(Failure, match="not written") as caught:
        files.write_text(tmp_path / "taken/log.txt", "new")
    assert caught.value.exit_code == Exit.ENVIRONMENT
