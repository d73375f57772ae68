"""--tensorboard and --profile on a whole training: what is written, and that it goes on."""

import csv
import json
from types import SimpleNamespace

import pytest
import tensorflow as tf
from support import TINY
from tensorflow.core.util.event_pb2 import Event

from aifashion import training
from aifashion.api.fitting.extras import Extras
from aifashion.api.fitting.start import TrainOptions
from aifashion.cli import train_main

TERMS = {"P2", "P3", "P4", "P5", "refine"}


class Written:
    """Takes the place of the summaries, which need a package that may be missing."""

    def __init__(self, folder):
        self.folder, self.steps, self.rows, self.is_closed = folder, {}, [], False
        self.step, self.epoch = self.steps.__setitem__, self.rows.append

    def close(self):
        self.is_closed = True


@pytest.fixture(scope="module")
def profiled(sample, tmp_path_factory):
    """A small run with both flags; `.said` is what it printed, `.written` the summaries."""
    folder, made, said = tmp_path_factory.mktemp("profiled") / "run", [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "check_tensorboard", lambda: None)
        patch.setattr(training, "Summaries", lambda path: made.append(Written(path)) or made[-1])
        patch.setattr("aifashion.progress.say", said.append)
        flags = ["--data", str(sample), "--run", str(folder), *TINY, "--tensorboard", "--profile"]
        assert train_main(flags) == 0
    (written,) = made
    return SimpleNamespace(folder=folder, said=said, written=written)


def test_the_profile_of_a_run(profiled):
    found = json.loads((profiled.folder / "profile.json").read_text())
    shares = [found[name] for name in ("waiting", "host", "computing")]
    assert sum(shares) == pytest.approx(100)
    assert all(0 <= share <= 100 for share in shares) and found["computing"] > 10
    assert len(found["operations"]) == 5
    assert any(kind.startswith("Conv2D") for kind in found["operations"])
    assert len(list((profiled.folder / "profile").rglob("*.xplane.pb"))) == 1
    first = profiled.said.index("steps 7 to 12, a step:")
    assert found["verdict"] in profiled.said[first:]


def test_training_goes_on(profiled):
    with (profiled.folder / "history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    assert (profiled.folder / "state").read_text().strip() == "finished"


def test_every_step_and_epoch_is_written(profiled):
    written = profiled.written
    assert written.folder == profiled.folder / "tensorboard" and written.is_closed
    assert list(written.steps) == list(range(1, 13))
    assert all(set(losses) == TERMS for losses in written.steps.values())
    assert [row["step"] for row in written.rows] == [6, 12]
    assert written.rows[0]["val"]["per_category"]


# === Beginning again ===


def events(folder) -> list[int]:
    (path,) = folder.iterdir()
    records = tf.data.TFRecordDataset(path).as_numpy_iterator()
    return [Event.FromString(record).step for record in records]


@pytest.mark.parametrize(("is_chief", "left"), [(True, [1, 2]), (False, [1, 2, 3, 4])])
def test_going_on_cuts_what_came_after(tmp_path, is_chief, left):
    folder = tmp_path / "tensorboard"
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / "events.out.tfevents.1")) as file:
        for step in (1, 2, 3, 4):
            file.write(Event(step=step).SerializeToString())
    trainer = SimpleNamespace(cluster=SimpleNamespace(is_chief=is_chief), steps_per_epoch=2)
    options = TrainOptions(profile=not is_chief, tensorboard=not is_chief)
    extras = Extras(SimpleNamespace(folder=tmp_path), options, trainer, bar=None)
    batches = [1, 2]
    assert extras.begin(batches, range(2, 6)) is batches
    assert events(folder) == left
    extras.on_step(3, SimpleNamespace(losses={}), None)
    extras.end_epoch({})
    extras.close()
    assert [path.name for path in tmp_path.iterdir()] == ["tensorboard"]
