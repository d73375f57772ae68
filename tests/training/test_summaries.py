"""What TensorBoard shows: every number once, also after going back, and never a run without it."""

import importlib.util

import pytest
import tensorflow as tf
from tensorflow.core.util.event_pb2 import Event

from aifashion import training
from aifashion.errors import Exit
from aifashion.training import summaries

ROW = {
    "epoch": 2,
    "step": 8,
    "learning_rate": 0.5,
    "loss": None,
    "P2": 1.5,
    "skipped_steps": 3,
    "val": {"ne_percent": 7.0, "per_category": {"blouse": 6.0, "skirt": None}},
}


def write_events(path, steps) -> None:
    """An event file as TensorFlow writes one: its version first, then an event a step."""
    with tf.io.TFRecordWriter(str(path)) as file:
        file.write(Event(file_version="brain.Event:2").SerializeToString())
        for step in steps:
            file.write(Event(step=step).SerializeToString())


def steps_in(folder) -> list[int]:
    """The steps of all events, the version's left out."""
    events = []
    for path in sorted(folder.glob("events*")):
        events += [Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(path)]
    return [event.step for event in events if not event.file_version]


# === The package ===


def test_without_the_package_nothing_begins(tmp_path, monkeypatch, capsys):
    from aifashion.cli import train_main

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "tensorboard" else find(name)
    )
    run = tmp_path / "run"
    code = train_main(["--tensorboard", "--run", str(run), "--data", str(tmp_path / "none")])
    assert code == Exit.ENVIRONMENT
    assert capsys.readouterr().err == (
        "error: --tensorboard: the package tensorboard is not installed. pip install "
        "'aifashion[tensorboard]', or leave the flag out.\n"
    )
    assert not run.exists()


def test_with_the_package_nothing_is_said(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    training.check_tensorboard()


# === Names ===


def test_every_number_of_a_row_has_a_name():
    assert summaries.scalars({"epoch": 1, "step": 2}) == {}
    assert summaries.scalars(ROW) == {
        "epoch/learning_rate": 0.5,
        "epoch/P2": 1.5,
        "epoch/skipped_steps": 3.0,
        "val_ne_percent/blouse": 6.0,
    }


# === Going back ===


def test_nothing_to_cut(tmp_path):
    training.cut_back(tmp_path / "missing", 3)
    write_events(tmp_path / "events.out.tfevents.1", [1, 2, 3])
    before = (tmp_path / "events.out.tfevents.1").stat()
    training.cut_back(tmp_path, 3)
    assert (tmp_path / "events.out.tfevents.1").stat().st_ino == before.st_ino


def test_what_came_after_the_step_is_cut_from_every_file(tmp_path):
    write_events(tmp_path / "events.out.tfevents.1", [1, 2, 3, 4])
    write_events(tmp_path / "events.out.tfevents.2", [3, 4, 5, 3])
    write_events(tmp_path / "events.out.tfevents.3", [6])
    training.cut_back(tmp_path, 3)
    assert steps_in(tmp_path) == [1, 2, 3, 3, 3]
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("lost", [1, 5, 20])
def test_an_event_that_was_not_finished_is_cut_too(tmp_path, lost):
    path = tmp_path / "events.out.tfevents.1"
    write_events(path, [1, 2, 3])
    whole = path.read_bytes()
    last = 16 + Event(step=3).ByteSize()  # its frame around it
    path.write_bytes(whole[: len(whole) - min(lost, last - 1)])
    training.cut_back(tmp_path, 9)
    assert steps_in(tmp_path) == [1, 2]
    assert path.read_bytes() == whole[:-last]


# === Writing ===


def tags_in(folder) -> dict[str, list[tuple[int, float]]]:
    """(step, value) by tag."""
    found = {}
    for path in sorted(folder.glob("events*")):
        for record in tf.data.TFRecordDataset(path):
            event = Event.FromString(record.numpy())
            for value in event.summary.value:
                number = float(tf.make_ndarray(value.tensor))
                found.setdefault(value.tag, []).append((event.step, number))
    return found


def test_steps_and_epochs_are_written_once(tmp_path):
    pytest.importorskip("tensorboard")
    first = training.Summaries(tmp_path)
    for step in (1, 2, 3):
        first.step(step, {"P2": step, "P3": 0.5})
    first.epoch({**ROW, "step": 3})
    first.close()
    training.cut_back(tmp_path, 2)
    second = training.Summaries(tmp_path)
    second.step(3, {"P2": 30, "P3": 0.5})
    second.close()
    tags = tags_in(tmp_path)
    assert tags["step/P2"] == [(1, 1), (2, 2), (3, 30)]
    assert tags["step/loss"] == [(1, 1.5), (2, 2.5), (3, 30.5)]
    assert not any(tag.startswith("epoch/") for tag in tags)  # at step 3, which was cut


def test_an_epoch_is_on_the_disk_at_once(tmp_path):
    pytest.importorskip("tensorboard")
    writer = training.Summaries(tmp_path)
    writer.epoch(ROW)
    assert tags_in(tmp_path)["val_ne_percent/blouse"] == [(8, 6.0)]
    writer.close()


def test_a_disk_that_refuses_is_told_of_once(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tensorboard")

    def refuse(*arguments):
        raise tf.errors.ResourceExhaustedError(None, None, "no space\nleft")

    writer = training.Summaries(tmp_path)
    monkeypatch.setattr(tf.summary, "scalar", refuse)
    for step in (1, 2):
        writer.step(step, {"P2": 1.0})
    said = capsys.readouterr().err
    assert said == f"warning: {tmp_path}: not written (no space left). Training goes on.\n"
