"""A self-test of GPUs: do two compute what one does, do bfloat16 and XLA, how fast, in what memory.

Each trial ends by itself or with the reason why not; the rest goes on. The answer is one JSON
object, to be sent with a report of a fault.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import keras
import numpy as np

from aifashion import training
from aifashion.backbones.resnet import ResNet
from aifashion.errors import Exit, Failure, one_line
from aifashion.keypoints.cpn import CPN
from aifashion.training import Cluster, Trainer, Training

STEPS = 5


@dataclass(frozen=True)
class Plan:
    """What is trained in the trials."""

    system: CPN
    batch_size: int


SMALL = Plan(CPN(size=64, backbone=ResNet(blocks=(1, 1, 1, 1), width=16), width=32), 8)
LARGE = Plan(CPN(size=512, backbone=ResNet(depth=50)), 8)
# One update after another multiplies the noise of another order of additions: a low rate.
SETTINGS = Training(optimizer="sgd", learning_rate=0.002, clip_norm=1.0, ema=0.9)


def run(large: Plan = LARGE, small: Plan = SMALL) -> dict:
    """Every trial on this process's devices.

    Returns:
        plain values, as JSON holds them: {trial: {"ok": bool, …}}, and "ok" for all together.
        `difference` is the largest one between two computations, as a fraction of 1 or of the
        largest value of its array. Memory is in GB of 10⁹ bytes, None where no GPU tells.
    """
    trials = {
        "two devices": lambda: _two_devices(small),
        "bfloat16": lambda: _precision(small, "bfloat16", 0.1),
        "float16": lambda: _precision(small, "float16", 0.1),
        "xla": lambda: _xla(small),
        "speed float32": lambda: _speed(large, "float32"),
        "speed bfloat16": lambda: _speed(large, "bfloat16"),
    }
    answers = {name: _tried(trial) for name, trial in trials.items()}
    return {**answers, "ok": all(answer["ok"] for answer in answers.values())}


def require_gpu() -> None:
    """Raises Failure (ENVIRONMENT) where TensorFlow sees no GPU."""
    if not training.describe_devices()["gpus"]:
        raise Failure(
            Exit.ENVIRONMENT,
            "TensorFlow sees no GPU to test. `aifashion doctor` says what it sees; install "
            "'aifashion[gpu]' and the driver.",
        )


def _tried(trial: Callable[[], dict]) -> dict:
    began = time.perf_counter()
    try:
        answer = trial()
    except Exception as error:  # whatever it is, the report should say so and go on
        answer = {"ok": False, "error": f"{type(error).__name__}: {one_line(error)}"}
    return {**answer, "seconds": round(time.perf_counter() - began, 2)}


# === Trials ===


def _two_devices(plan: Plan) -> dict:
    if training.devices().replicas < 2:
        return {"ok": True, "skipped": "one device"}
    one, two = (_trained(plan, SETTINGS, training.devices(most=n)) for n in (1, 2))
    difference = _difference(one, two)
    return {"ok": difference < 1e-3, "difference": difference}


def _precision(plan: Plan, name: str, tolerance: float) -> dict:
    """Losses of the first step alone are compared: later ones are another path, not an error."""
    exact, rough = (_first_losses(plan, precision) for precision in ("float32", name))
    difference = float(np.max(np.abs(exact - rough) / np.abs(exact)))
    return {"ok": difference < tolerance, "difference": difference}


def _xla(plan: Plan) -> dict:
    alone = training.devices(most=1)
    plain, compiled = (
        _trained(plan, replace(SETTINGS, jit_compile=jit), alone) for jit in (False, True)
    )
    difference = _difference(plain, compiled)
    return {"ok": difference < 1e-3, "difference": difference}


def _speed(plan: Plan, precision: str) -> dict:
    """Pictures a second of training steps on one device, and the most memory they took."""
    training.forget_peak_memory()
    trainer = _trainer(plan, replace(SETTINGS, precision=precision), training.devices(most=1))
    batch = _batch(plan, 0)
    trainer.step(batch, 0)
    began = time.perf_counter()
    for number in range(STEPS):
        outcome = trainer.step(batch, number)
    seconds = (time.perf_counter() - began) / STEPS
    return {
        "ok": outcome.is_finite,
        "pictures_a_second": round(plan.batch_size / seconds, 2),
        "batch": plan.batch_size,
        "pixels": plan.system.frame,
        "peak_memory_gb": training.peak_memory_gb(),
    }


# === Training from numbers alone ===


def _trainer(plan: Plan, settings: Training, cluster: Cluster) -> Trainer:
    keras.utils.set_random_seed(0)
    settings = replace(settings, batch_size=plan.batch_size)
    network = training.build(plan.system, settings, cluster)
    return Trainer(plan.system, network, settings, STEPS, cluster)


def _trained(plan: Plan, settings: Training, cluster: Cluster) -> dict[str, np.ndarray]:
    trainer = _trainer(plan, settings, cluster)
    for number in range(STEPS):
        trainer.step(_batch(plan, number), number)
    return training.weights_of(trainer.network)


def _first_losses(plan: Plan, precision: str) -> np.ndarray:
    settings = replace(SETTINGS, precision=precision)
    outcome = _trainer(plan, settings, training.devices(most=1)).step(_batch(plan, 0), 0)
    return np.array(list(outcome.losses.values()))


def _batch(plan: Plan, number: int) -> tuple[dict, dict]:
    """A batch of the contract: noise, and points anywhere."""
    draw = np.random.default_rng([number, 7])
    rows, count, frame = plan.batch_size, len(plan.system.keypoints), plan.system.frame
    inputs = {
        "image": draw.integers(0, 256, (rows, *frame[::-1], 3), np.uint8),
        "keypoint_mask": (draw.random((rows, count)) < 0.7).astype(np.float32),
    }
    targets = {
        "keypoints": draw.uniform(0, frame, (rows, count, 2)).astype(np.float32),
        "visibility": draw.integers(0, 3, (rows, count), np.int32),
    }
    return inputs, targets


def _difference(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    return float(
        max(
            np.max(np.abs(array - other[name]), initial=0) / max(1.0, np.max(np.abs(array)))
            for name, array in one.items()
        )
    )
