"""A program: five training steps of a small system, from numbers alone, on the devices asked for.

    python tests/replica_steps.py OUT.npz '{"devices": 2, "batch_size": 8, "training": {…}}'

Several processes are what TF_CONFIG says. Writes the weights, averages and losses of the steps.
"""

import json
import sys

import numpy as np
import tensorflow as tf


def main(out: str, asked: dict) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    one = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [one] * asked.get("devices", 1))

    from aifashion import training
    from aifashion.backbones.resnet import ResNet
    from aifashion.keypoints.cpn import CPN

    cluster = training.workers() or training.devices()
    assert cluster.replicas == asked.get("replicas", asked.get("devices", 1)), cluster
    system = CPN(
        size=64, backbone=ResNet(blocks=(1, 1, 1, 1), width=8), width=16, **asked.get("system", {})
    )
    settings = {"optimizer": "sgd", "learning_rate": 0.05, "clip_norm": 1.0, "ema": 0.9}
    settings = training.Training(
        batch_size=asked["batch_size"], **{**settings, **asked.get("training", {})}
    )
    import keras

    keras.utils.set_random_seed(0)
    network = training.build(system, settings, cluster)
    trainer = training.Trainer(system, network, settings, 5, cluster)
    outcomes = []
    for step in range(5):
        batch = _rows(_batch(system, asked["batch_size"], step), trainer.sharing.own_rows)
        if step in asked.get("poison", ()):
            batch[1]["keypoints"][0] = np.nan
        outcomes.append(trainer.step(batch, step))
    found = {
        f"{group}/{name}": a
        for group, named in trainer.arrays().items()
        for name, a in named.items()
    }
    for name in outcomes[0].losses:
        found[f"losses/{name}"] = np.array([outcome.losses[name] for outcome in outcomes])
    found["finite"] = np.array([outcome.is_finite for outcome in outcomes])
    validation = [_rows(_batch(system, asked["batch_size"], 9), trainer.sharing.own_rows)]
    found |= {f"validation/{k}": v for k, v in trainer.mean_losses(validation).items()}
    if cluster.is_chief:
        np.savez(out, **found)


def _batch(system, rows: int, step: int) -> tuple[dict, dict]:
    """A batch of the contract, drawn from numbers: noise, and points anywhere."""
    draw = np.random.default_rng([step, 7])
    count, size = len(system.keypoints), system.size
    inputs = {
        "image": draw.integers(0, 256, (rows, size, size, 3), np.uint8),
        "keypoint_mask": (draw.random((rows, count)) < 0.7).astype(np.float32),
        "record": np.arange(rows),
        "seed": np.arange(rows, dtype=np.int32),
    }
    targets = {
        "keypoints": draw.uniform(0, size, (rows, count, 2)).astype(np.float32),
        "visibility": draw.integers(0, 3, (rows, count), np.int32),
    }
    return inputs, targets


def _rows(batch: tuple, rows: np.ndarray) -> tuple:
    return tuple({name: array[rows] for name, array in part.items()} for part in batch)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
