"""Who trains together: what TF_CONFIG and Slurm's variables say, and each process's place."""

import json
from types import SimpleNamespace

import pytest
import tensorflow as tf

from aifashion.errors import Exit, Failure
from aifashion.training import Cluster
from aifashion.training.devices import _resolver

TWO = {"worker": ["a:1", "b:2"]}
SLURM = {
    "PROCID": "2",
    "STEP_NUM_TASKS": "3",
    "STEP_NODELIST": "n[2,10]",
    "STEP_TASKS_PER_NODE": "2,1",
    "JOB_ID": "752",
    "STEP_ID": "1",
}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in ("TF_CONFIG", "CUDA_VISIBLE_DEVICES", *(f"SLURM_{name}" for name in SLURM)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")  # no nvidia-smi


def test_alone():
    assert _resolver() is None


# === TF_CONFIG ===


def test_tf_config_names_the_workers(monkeypatch):
    asked = {"cluster": TWO, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(asked))
    resolver = _resolver()
    assert resolver.cluster_spec().as_dict() == TWO
    assert (resolver.task_type, resolver.task_id) == ("worker", 1)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"cluster": {}},
        {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}},
        {"cluster": {"chief": ["a:1"]}, "task": {"type": "chief", "index": 0}},
    ],
)
def test_tf_config_of_one_process(asked, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", json.dumps(asked))
    assert _resolver() is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{worker", "Expecting property name"),
        ("7", "not iterable"),
        (json.dumps({"cluster": TWO}), "No such job in cluster: None"),
        (json.dumps({"cluster": TWO, "task": {"type": "worker"}}), "No task with index None"),
        (json.dumps({"cluster": TWO, "task": {"type": "worker", "index": 2}}), "index 2"),
        (json.dumps({"cluster": TWO, "task": {"type": "worker", "index": "x"}}), "'x'"),
        (
            json.dumps({"cluster": {"chief": ["a:1"], **TWO}, "task": {"type": "chief"}}),
            "its processes are chief, worker; all should be worker",
        ),
    ],
)
def test_tf_config_that_names_no_workers(text, reason, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(Failure, match=reason) as refused:
        _resolver()
    assert refused.value.exit_code == Exit.USAGE
    assert "TF_CONFIG" in str(refused.value) and "\n" not in str(refused.value)


# === Slurm ===


def slurm(monkeypatch, **changes) -> None:
    for name, value in {**SLURM, **changes}.items():
        if value is not None:
            monkeypatch.setenv(f"SLURM_{name}", value)


def test_slurm_names_the_workers(monkeypatch):
    slurm(monkeypatch)
    resolver = _resolver()
    # Tasks are numbered in the order of the nodes, of which 2 comes before 10. The first port is
    # 20000 + 16 (752 + 101 - 750).
    workers = ["n2:21648", "n2:21649", "n10:21648"]
    assert resolver.cluster_spec().as_dict() == {"worker": workers}
    assert (resolver.task_type, resolver.task_id) == ("worker", 2)
    # Each process counts the GPUs that it sees; without any it computes on the CPU.
    visible = len(tf.config.get_visible_devices("GPU"))
    assert resolver.num_accelerators() == {"GPU": visible}


def test_slurm_on_one_node(monkeypatch):
    slurm(monkeypatch, STEP_NODELIST="login", STEP_TASKS_PER_NODE="3", JOB_ID=None, STEP_ID=None)
    workers = ["login:20000", "login:20001", "login:20002"]
    assert _resolver().cluster_spec().as_dict() == {"worker": workers}


def test_slurm_with_one_task(monkeypatch):
    slurm(monkeypatch, STEP_NUM_TASKS="1", STEP_NODELIST="login", STEP_TASKS_PER_NODE="1")
    assert _resolver() is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"PROCID": None}, "SLURM_PROCID not found"),
        ({"PROCID": "3"}, "No such job in cluster: None"),
        ({"STEP_NODELIST": None}, "SLURM_STEP_NODELIST not found"),
        ({"STEP_NUM_TASKS": "4"}, "Requested 4 tasks but only 3"),
        ({"STEP_NUM_TASKS": "two"}, "'two'"),
    ],
)
def test_slurm_that_names_no_workers(changes, reason, monkeypatch):
    slurm(monkeypatch, **changes)
    with pytest.raises(Failure, match=reason) as refused:
        _resolver()
    assert refused.value.exit_code == Exit.USAGE


def test_tf_config_comes_before_slurm(monkeypatch):
    slurm(monkeypatch)
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": ["a:1"]}}))
    assert _resolver() is None


# === A process's place ===


def test_replicas_are_numbered_through_all_processes():
    clusters = [Cluster(SimpleNamespace(num_replicas_in_sync=6), 3, worker) for worker in range(3)]
    assert [list(cluster.own_replicas) for cluster in clusters] == [[0, 1], [2, 3], [4, 5]]
    assert [cluster.is_chief for cluster in clusters] == [True, False, False]


def test_one_process_sums_and_waits_alone():
    cluster = Cluster(tf.distribute.get_strategy())
    assert cluster.sum(3.0) == 3.0
    cluster.wait()


def test_a_lost_process_interrupts():
    lost = tf.errors.UnavailableError(None, None, "Connection\nreset by peer")
    strategy = SimpleNamespace(num_replicas_in_sync=2)
    with (
        pytest.raises(Failure, match=r"lost another worker .*: Connection reset by peer") as failed,
        Cluster(strategy, 2, 1).watched(),
    ):
        raise lost
    assert failed.value.exit_code == Exit.INTERRUPTED and "--resume auto" in str(failed.value)
    with pytest.raises(tf.errors.UnavailableError), Cluster(strategy).watched():
        raise lost
