"""The mark of drawn data."""

from pathlib import Path

from aifashion.datasets.folders import is_drawn


def test_drawn_data_are_known_by_their_mark(tmp_path, monkeypatch):
    (tmp_path / "train").mkdir()
    assert not is_drawn(tmp_path) and not is_drawn(tmp_path / "train")
    (tmp_path / "drawn.json").touch()
    assert is_drawn(tmp_path) and is_drawn(tmp_path / "train")
    monkeypatch.chdir(tmp_path / "train")
    assert is_drawn(Path())
