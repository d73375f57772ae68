"""Replicas and workers: what they compute is what one device computes.

Each case runs in processes of its own, since TensorFlow's devices cannot change once it has begun.
"""

import json
import os
import signal
from contextlib import ExitStack
from types import SimpleNamespace

import numpy as np
import pandas as pd
import processes
import pytest
from processes import slurm, tf_config
from replica_doors import build_small
from support import TINY

from aifashion import checkpoints
from aifashion.api.fitting.fit import _agree
from aifashion.api.fitting.start import TrainOptions
from aifashion.cli import test_main as submit_main
from aifashion.cli import train_main
from aifashion.errors import Exit, Failure
from aifashion.keypoints.cpn import CPN
from aifashion.training import Cluster

LEARNT = ("weights", "ema", "optimizer", "validation")

# === Steps ===

ADAMW = {"optimizer": "adamw", "weight_decay": 0.01, "rates": [["conv0*", 0.1]]}
SAME = {
    "plain": {},
    "clipped": {"batch_size": 7, "training": {"clip_norm": 0.05}},  # 4 rows and 3
    "parts": {"batch_size": 7, "training": {"accumulation": 2, **ADAMW}},  # 2 and 2, then 2 and 1
    "poisoned": {"poison": {"1": "target", "2": "picture", "3": "gradient"}},
}
ALONE = {"synchronized": False}
LEFT_OUT = {"steps": [0, 4]}  # the good ones of "poisoned"
NOT_CLIPPED = {"batch_size": 7}


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """A folder of what five steps came to on one device, on two, and in two processes."""
    folder = tmp_path_factory.mktemp("steps")
    for name in ("one", "two", "workers"):
        (folder / name).mkdir()

    def command(name, devices, cases):
        return ["tests/replica_steps.py", folder / name, devices, json.dumps(cases)]

    one = {**SAME, "alone": ALONE, "left out": LEFT_OUT, "not clipped": NOT_CLIPPED}
    two = {**SAME, "alone": ALONE}
    ended = processes.run([command("one", 1, one), command("two", 2, two)], [{}, {}])
    ended += processes.run([command("workers", 1, SAME)] * 2, tf_config())
    assert [each.code for each in ended] == [0] * 4, [each.error for each in ended]
    return folder


def load(folder, case: str, worker: int = 0) -> dict[str, np.ndarray]:
    return dict(np.load(folder / f"{case}-{worker}.npz"))


def difference(found: dict, expected: dict, groups: tuple[str, ...] = (*LEARNT, "losses")):
    """The largest one of all numbers, and whose; relative where they are larger than 1."""
    names = [name for name in expected if name.split("/")[0] in groups]
    assert names and [name for name in found if name.split("/")[0] in groups] == names
    return max(
        (np.max(np.abs(found[name] - expected[name]) / np.maximum(1, np.abs(expected[name]))), name)
        for name in names
    )


@pytest.mark.parametrize("where", ["two", "workers"])
@pytest.mark.parametrize("case", ["plain", "clipped", "parts"])
def test_the_same_as_one_device(steps, case, where):
    expected, found = load(steps / "one", case), load(steps / where, case)
    assert (expected["replicas"], found["replicas"]) == (1, 2)
    assert expected["finite"].all() and found["finite"].all()
    assert difference(found, expected) < (1e-5,)


def test_statistics_of_each_replica_alone_are_not_the_same(steps):
    expected, found = load(steps / "one", "alone"), load(steps / "two", "alone")
    assert difference(found, expected) > (1e-3,)
    assert found["apart"] > 1e-3


def test_the_clipping_bites(steps):
    clipped, plain = (load(steps / "one", case) for case in ("clipped", "not clipped"))
    assert difference(clipped, plain, ("weights",)) > (1e-2,)


def test_every_replica_holds_the_same(steps):
    for case in SAME:
        assert load(steps / "two", case)["apart"] == 0
        chief, other = (load(steps / "workers", case, worker) for worker in (0, 1))
        for name, array in chief.items():
            np.testing.assert_array_equal(other[name], array, err_msg=f"{case} {name}")


@pytest.mark.parametrize("where", ["one", "two", "workers"])
def test_a_step_that_one_replica_cannot_take_is_taken_by_none(steps, where):
    found = load(steps / where, "poisoned")
    np.testing.assert_array_equal(found["finite"], [True, False, False, False, True])
    assert np.isfinite(found["losses/all"][3])  # a gradient alone was not finite
    # Moving statistics included, all is as if the bad steps had never been.
    assert difference(found, load(steps / "one", "left out"), LEARNT) < (1e-5,)


# === Doors ===


def doors(asked: dict, *calls) -> list:
    calls = [list(map(str, call)) for call in calls]
    return ["tests/replica_doors.py", json.dumps(asked), json.dumps(calls)]


def test_prediction_writes_the_same_bytes(trained, tmp_path):
    """20 pictures are a whole batch and a part of one, 4 leave a replica without any."""
    ways = {"twenty": [], "few": ["--category", "dress"]}

    def call(devices, name):
        out = tmp_path / devices / name
        return ["--data", trained.data, "--model-path", trained.folder, "--out-path", out]

    calls = [["test", *call("two", name), *more] for name, more in ways.items()]
    training = ["--data", trained.data, "--run", tmp_path / "run", *TINY]
    calls.append(["train", *training, "--set", "training.jit_compile=true"])
    (ended,) = processes.run([doors({"devices": 2}, *calls)], [{}])
    assert ended.code == Exit.USAGE and ended.error.count("\n") == 1, ended.error
    assert "training.jit_compile works on one device; here are 2" in ended.error
    for name, more in ways.items():
        assert submit_main([*map(str, call("one", name)), *more]) == Exit.DONE
        for file in ("submission.csv", "confidence.csv"):
            one, two = (tmp_path / devices / name / file for devices in ("one", "two"))
            assert two.read_bytes() == one.read_bytes(), file
    rows = {name: len(pd.read_csv(tmp_path / "one" / name / "submission.csv")) for name in ways}
    assert rows["twenty"] == 20 and 0 < rows["few"] < 16


# === Runs ===

SMALL = (*TINY, "--epochs", "3", "--set", "training.learning_rate=0.02")
CLOCKS = ["seconds", "waiting_share"]


@pytest.fixture(scope="module")
def alone(sample, tmp_path_factory):
    """A run of the small network in this process."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CPN, "build", build_small)
        assert train_main(["--data", str(sample), "--run", str(folder), *SMALL]) == Exit.DONE
    return folder


def workers(run, arguments, environments, signals=(), wait_for=(0, 1)) -> list[processes.Ended]:
    """Two workers on a run; `signals`: {worker: [signal, step]}."""
    commands = []
    for worker in range(2):
        asked = {"small": True}
        if worker in dict(signals):
            asked["signal"] = dict(signals)[worker]
        commands.append(doors(asked, ["train", "--run", run, *arguments]))
    return processes.run(commands, environments, wait_for=wait_for)


@pytest.fixture(scope="module")
def story(sample, tmp_path_factory):
    """A run of 18 steps in two processes: stopped after 10, killed after 14, finished."""
    run = tmp_path_factory.mktemp("story") / "run"
    kept = SimpleNamespace(run=run)
    kept.stopped = workers(
        run, ["--data", sample, *SMALL], slurm(os.getpid()), {1: [signal.SIGTERM, 9]}
    )
    kept.after_stop = checkpoints.newest(run / "checkpoints")
    again = ["--resume", "auto"]
    kept.killed = workers(run, again, tf_config(), {1: [signal.SIGKILL, 14]})
    kept.after_kill = checkpoints.newest(run / "checkpoints")
    kept.state_after_kill = (run / "state").read_text()
    kept.finished = workers(run, again, tf_config())
    return kept


def test_a_signal_to_one_worker_stops_both_after_the_same_step(story):
    for ended in story.stopped:
        assert ended.code == Exit.INTERRUPTED, ended.error
        assert ended.error.splitlines()[-1] == ("error: stopped as asked; go on with --resume auto")
    assert story.after_stop.step == 10  # the signal came with step 9; 10 told the others
    assert story.after_stop.state["progress"]["updates"] == 4


def test_a_dead_worker_ends_the_other_and_nothing_is_saved(story):
    survivor, dead = story.killed
    check_survivor(survivor, dead, 0)
    assert story.after_kill.step == 12  # the epoch's; a step 15 was under way
    assert story.state_after_kill == "failed\n"


def check_survivor(survivor, dead, worker: int) -> None:
    assert dead is None or dead.code == -signal.SIGKILL
    assert survivor.code == Exit.INTERRUPTED, (survivor.code, survivor.error)
    assert survivor.seconds < 60
    (line,) = [line for line in survivor.error.splitlines() if line.startswith("error")]
    assert line.startswith(f"error: worker {worker} lost another worker (UnavailableError: ")
    assert line.endswith(
        "). The last checkpoint stands; start all workers again with --resume auto."
    )
    assert "Detected at node" not in line and "Traceback" not in survivor.error


def test_workers_that_were_stopped_and_killed_train_the_same_run(story, alone):
    assert [ended.code for ended in story.finished] == [0, 0], story.finished
    assert (story.run / "state").read_text() == "finished\n"
    check_same_run(story.run, alone)


def check_same_run(run, other) -> None:
    """Scores and losses but for the last digits; each line written once."""
    found, expected = (pd.read_csv(each / "history.csv") for each in (run, other))
    pd.testing.assert_frame_equal(
        found.drop(columns=CLOCKS),
        expected.drop(columns=CLOCKS),
        check_exact=False,
        check_dtype=False,
        rtol=1e-4,
        atol=1e-4,
    )
    recipes = [json.loads((each / "recipe.json").read_text()) for each in (run, other)]
    for recipe in recipes:
        del recipe["asked"]["command"]
    assert recipes[0] == recipes[1]
    logs = [(each / "metrics.jsonl").read_text().splitlines() for each in (run, other)]
    assert len(logs[0]) == len(logs[1])
    last = [checkpoints.steps(each / "checkpoints")[-1] for each in (run, other)]
    assert last[0] == last[1]
    assert (run / "split.csv").read_text() == (other / "split.csv").read_text()


def test_the_chief_alone_speaks(story):
    chief, other = story.finished
    assert chief.out.splitlines()[0] == f"Resuming {story.run}"
    assert [line[:7] for line in chief.out.splitlines()[2:-1]] == ["epoch 3"]
    assert other.out.splitlines() == [str(story.run)]


def test_workers_need_a_folder_that_all_of_them_see():
    chief = Cluster(SimpleNamespace(num_replicas_in_sync=2), workers=2, worker=0)
    with pytest.raises(Failure, match="2 processes train together: name a folder") as refused:
        _agree(TrainOptions(), ExitStack(), chief)
    assert refused.value.exit_code == Exit.USAGE and "--run DIR" in str(refused.value)


@pytest.mark.slow
def test_train_py_in_two_processes(sample, tmp_path):
    """The door itself and the quick recipe's own network, then once more without --run.

    At the recipe's rate the last digits of the first weights, 1e-6, make 1e-3 of the second epoch's
    loss, in one process too.
    """
    command = ["train.py", "--data", sample, *TINY, "--learning-rate", "1e-7"]
    assert train_main([*map(str, command[1:]), "--run", str(tmp_path / "alone")]) == Exit.DONE
    ended = processes.run([[*command, "--run", tmp_path / "run"]] * 2, tf_config())
    assert [each.code for each in ended] == [0, 0], ended
    check_same_run(tmp_path / "run", tmp_path / "alone")
    for refused in processes.run([command] * 2, tf_config()):
        assert refused.code == Exit.USAGE and refused.error.count("\n") == 1, refused.error
        assert refused.error.startswith("error: 2 processes train together")


@pytest.mark.slow
def test_a_dead_chief_ends_the_other_and_nothing_is_saved(sample, alone, tmp_path):
    run = tmp_path / "run"
    kill = {0: [signal.SIGKILL, 14]}
    dead, survivor = workers(run, ["--data", sample, *SMALL], tf_config(), kill)
    check_survivor(survivor, dead, 1)
    assert checkpoints.newest(run / "checkpoints").step == 12
    assert (run / "state").read_text() == "running\n"  # whose it was is dead
    finished = workers(run, ["--resume", "auto"], tf_config())
    assert [ended.code for ended in finished] == [0, 0], finished
    check_same_run(run, alone)


@pytest.mark.slow
def test_a_worker_that_answers_no_more(sample, tmp_path):
    """Its machine is off, its network gone: nothing closes the connection."""
    freeze = {1: [signal.SIGSTOP, 14]}
    arguments = ["--data", sample, *SMALL]
    survivor = workers(tmp_path / "run", arguments, tf_config(), freeze, wait_for=(0,))[0]
    check_survivor(survivor, None, 0)
    assert checkpoints.newest(tmp_path / "run/checkpoints").step == 12


@pytest.mark.slow
def test_a_chief_that_refuses_ends_the_others(alone, sample):
    chief, other = workers(alone, ["--data", sample, *SMALL], tf_config())
    assert chief.code == Exit.USAGE and "holds a run already" in chief.error
    assert other.code == Exit.INTERRUPTED and "lost another worker" in other.error
    assert (alone / "state").read_text() == "finished\n"
