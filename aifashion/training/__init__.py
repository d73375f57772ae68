"""Training: one loop over `strategy.run` for every system, and everything a checkpoint holds.

Generic: it takes a system (`loss_terms`), its network and batches, and knows no task. This package
alone knows of replicas and of other processes.

Training               how a network is trained: a recipe's second half
devices(), workers()   the devices, or the processes, that share the work: a Cluster
build(system, …)       a network with its variables on all of them
Trainer.step(batch)    one update                       trainer.py, sharing.py, optimizers.py
epochs(trainer, …)     the loop                         loop.py, progress.py, schedules.py
Forward(network)       prediction on every device       forward.py
weights_of, set_weights   arrays by variable path       weights.py
Summaries, Profile     what TensorBoard shows, where a step's time goes   summaries.py, profile.py
"""

import keras

from aifashion.training.config import Training
from aifashion.training.devices import (
    Cluster,
    be_deterministic,
    describe_devices,
    devices,
    forget_peak_memory,
    is_one_of_several,
    peak_memory_gb,
    precision,
    use_gpus,
    workers,
)
from aifashion.training.forward import Forward
from aifashion.training.loop import SKIPPED_AT_MOST, Diverged, Timing, Watch, epochs
from aifashion.training.optimizers import make_optimizer
from aifashion.training.profile import Profile
from aifashion.training.progress import LossScale, Progress
from aifashion.training.schedules import (
    follow_plateau,
    follow_score,
    is_out_of_patience,
    make_schedule,
)
from aifashion.training.summaries import Summaries, check_tensorboard, cut_back
from aifashion.training.trainer import Groups, Outcome, Trainer
from aifashion.training.weights import inputs_of, set_weights, weights_of

__all__ = [
    "SKIPPED_AT_MOST",
    "Cluster",
    "Diverged",
    "Forward",
    "Groups",
    "LossScale",
    "Outcome",
    "Profile",
    "Progress",
    "Summaries",
    "Timing",
    "Trainer",
    "Training",
    "Watch",
    "be_deterministic",
    "build",
    "check_tensorboard",
    "cut_back",
    "describe_devices",
    "devices",
    "epochs",
    "follow_plateau",
    "follow_score",
    "forget_peak_memory",
    "inputs_of",
    "is_one_of_several",
    "is_out_of_patience",
    "make_optimizer",
    "make_schedule",
    "peak_memory_gb",
    "precision",
    "set_weights",
    "use_gpus",
    "weights_of",
    "workers",
]  # fmt: skip


def build(system, training: Training, where: Cluster) -> keras.Model:
    """A system's network, its variables on every replica, computing in the asked precision."""
    with where.strategy.scope(), precision(training.precision):
        return system.build()
