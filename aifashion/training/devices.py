"""The devices and machines a run computes on: which there are, and how they share the work.

One process a machine, or several. A process sees its own devices; each of them is a replica of the
network, numbered through all processes.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache

import keras
import numpy as np
import tensorflow as tf

from aifashion.errors import Exit, Failure, one_line
from aifashion.training.config import PRECISIONS

# What TensorFlow raises in the processes that are left when one has died.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnknownError,
)


def use_gpus(indices: tuple[int, ...] | None) -> list[int]:
    """Makes only these GPUs visible, None leaves all; returns those that are not there."""
    there = tf.config.list_physical_devices("GPU")
    if indices is None:
        return []
    tf.config.set_visible_devices([there[i] for i in indices if i < len(there)], "GPU")
    return [index for index in indices if index >= len(there)]


def describe_devices() -> dict:
    """TensorFlow's version and the GPUs it sees, as plain JSON values."""
    gpus = []
    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        capability = details.get("compute_capability")
        gpus.append(
            {
                "name": details.get("device_name", device.name),
                "compute_capability": ".".join(map(str, capability)) if capability else None,
            }
        )
    return {
        "tensorflow": tf.__version__,
        "gpus": gpus,
        "cuda_built": tf.test.is_built_with_cuda(),
    }


def peak_memory_gb() -> float | None:
    """The most memory the first GPU held since `forget_peak_memory`, in 10⁹ bytes."""
    if not tf.config.list_physical_devices("GPU"):
        return None
    return round(tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e9, 2)


def forget_peak_memory() -> None:
    """Starts the measurement of `peak_memory_gb`."""
    if tf.config.list_physical_devices("GPU"):
        tf.config.experimental.reset_memory_stats("GPU:0")


def be_deterministic() -> None:
    """Makes every operation give the same bits each time, or raise; slower on GPUs."""
    tf.config.experimental.enable_op_determinism()


@dataclass(frozen=True)
class Cluster:
    """The processes that train together, and this one's place among them."""

    strategy: tf.distribute.Strategy = field(default_factory=tf.distribute.get_strategy)
    workers: int = 1  # processes
    worker: int = 0  # this one

    @property
    def is_chief(self) -> bool:
        """Whether this process writes what the run writes."""
        return self.worker == 0

    @property
    def replicas(self) -> int:
        """Devices of all processes together."""
        return self.strategy.num_replicas_in_sync

    @property
    def own_replicas(self) -> range:
        """The numbers of this process's devices."""
        each = self.replicas // self.workers
        return range(self.worker * each, (self.worker + 1) * each)

    def sum(self, array: np.ndarray | float) -> np.ndarray | float:
        """The sum of every process's array of this shape; all of them must call."""
        if self.workers == 1:
            return array
        array = np.asarray(array, np.float64)
        with self.watched():
            first = self.own_replicas[0]
            own = self.per_replica(lambda replica: array if replica == first else 0 * array)
            return self.read(self._all_reduce(own))

    def wait(self) -> None:
        """Returns once every process has called."""
        self.sum(0.0)

    def per_replica(self, value: Callable[[int], object]):
        """Tensors, nested or not, that differ by replica: `value` of each one's number."""
        if self.replicas == 1:
            return tf.nest.map_structure(tf.convert_to_tensor, value(0))
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.nest.map_structure(
                tf.convert_to_tensor, value(context.replica_id_in_sync_group)
            )
        )

    def read(self, value) -> np.ndarray:
        """What this process's first replica computed."""
        return self.strategy.experimental_local_results(value)[0].numpy()

    @tf.function(autograph=False)
    def _all_reduce(self, values):
        def reduce(value):
            context = tf.distribute.get_replica_context()
            # An argument of a compiled function has no device, which a reduction asks for.
            return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(value))

        return self.strategy.run(reduce, args=(values,))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Turns what TensorFlow raises when another process is lost into Failure (INTERRUPTED)."""
        try:
            yield
        except LOST as error:
            if self.workers == 1:
                raise
            raise Failure(
                Exit.INTERRUPTED,
                f"worker {self.worker} lost another worker ({type(error).__name__}: "
                f"{_reason(error)}). The last checkpoint stands; start all workers again with "
                "--resume auto.",
            ) from None


def _reason(error: tf.errors.OpError) -> str:
    """What an error says, without the pages on where in the graph it arose."""
    found = re.search("Collective ops is aborted by: (.*)", error.message)
    return one_line(found[1] if found else error.message).rstrip(".:")


@lru_cache(maxsize=1)
def workers() -> Cluster | None:
    """The processes that train together, None where this one is alone.

    TF_CONFIG names them or, inside a Slurm step, Slurm's variables. To be called before anything is
    computed, since TensorFlow joins them early or not at all.

    Raises:
        Failure: USAGE for variables that name no workers.
    """
    resolver = _resolver()
    if resolver is None:
        return None
    strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    resolver = strategy.cluster_resolver
    return Cluster(strategy, resolver.cluster_spec().num_tasks("worker"), resolver.task_id)


def is_one_of_several() -> bool:
    """Whether the environment says that several processes train together."""
    return _resolver() is not None


def _resolver() -> tf.distribute.cluster_resolver.ClusterResolver | None:
    """Who names the processes that train together."""
    try:
        if "TF_CONFIG" in os.environ:
            resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
            jobs = resolver.cluster_spec().as_dict()
            if sum(map(len, jobs.values())) <= 1:
                return None
            if list(jobs) != ["worker"]:
                raise ValueError(f"its processes are {', '.join(jobs)}; all should be worker")
        elif int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
            resolver = _slurm()
        else:
            return None
        # Raises where this process is not one of them.
        resolver.cluster_spec().task_address(resolver.task_type, resolver.task_id)
        return resolver
    except (ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise Failure(
            Exit.USAGE,
            f"TF_CONFIG or Slurm's variables do not name the workers ({one_line(error)}). Mend "
            "or unset them; docs/training.md shows both.",
        ) from None


def _slurm() -> tf.distribute.cluster_resolver.ClusterResolver:
    """The tasks of a Slurm step. Which GPUs a task has is Slurm's own business (--gpus-per-task).

    TensorFlow's resolver divides a node's GPUs itself, and fails where it is told of none: it gets
    one a task here, and the processes count their own. It also puts node 10 before node 2, while
    Slurm numbers the tasks in the order of the nodes.
    """
    resolvers = tf.distribute.cluster_resolver
    tasks = int(os.environ["SLURM_STEP_NUM_TASKS"])
    found = resolvers.SlurmClusterResolver(
        port_base=_slurm_port(), gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False
    )
    addresses = found.cluster_spec().job_tasks("worker")
    # Words stand at even places, numbers at odd ones, so that like meets like.
    addresses.sort(key=lambda a: [int(t) if t.isdigit() else t for t in re.split(r"(\d+)", a)])
    return resolvers.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": addresses}),
        task_type=found.task_type,
        task_id=found.task_id,
        num_accelerators={"GPU": len(tf.config.get_visible_devices("GPU"))},
        rpc_layer="grpc",
    )


def _slurm_port() -> int:
    """A step's first port: two jobs, or steps of a job, may run on one node."""
    job, step = (int(os.environ.get(f"SLURM_{name}_ID", "0")) for name in ("JOB", "STEP"))
    # 16 ports each for the tasks of a node, below those that the kernel gives away (from 32768).
    return 20000 + 16 * ((job + 101 * step) % 750)


def devices(most: int | None = None) -> Cluster:
    """This process's visible GPUs, at most so many; without any, the CPU.

    Several logical CPUs, which only tests configure, are several devices too.
    """
    names = [device.name for device in tf.config.list_logical_devices("GPU")]
    names = names or [device.name for device in tf.config.list_logical_devices("CPU")]
    return _mirrored(tuple(names[:most]))


@lru_cache
def _mirrored(names: tuple[str, ...]) -> Cluster:
    """TensorFlow wants one strategy for the same devices, not two."""
    if len(names) == 1:
        return Cluster()
    return Cluster(tf.distribute.MirroredStrategy(list(names)))


def check_compilation(is_asked: bool, cluster: Cluster) -> None:
    """Raises Failure (USAGE) where XLA is asked to compile for several devices."""
    if is_asked and cluster.replicas > 1:
        raise Failure(
            Exit.USAGE,
            f"training.jit_compile works on one device; here are {cluster.replicas}. Leave it (or "
            "--jit) out, or choose one with --gpu 0.",
        )


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Layers made inside compute in this precision; their weights are float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(PRECISIONS[name])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
