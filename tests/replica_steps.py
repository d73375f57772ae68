"""A program: training steps of a small system, from numbers alone, on the devices asked for.

    python tests/replica_steps.py FOLDER 2 '{"plain": {"batch_size": 8, "training": {…}}, …}'

The middle argument is how many logical CPUs this process has; several processes are what TF_CONFIG
says. Each case writes what was learnt to FOLDER/<case>-<worker>.npz.

    batch_size, training   of the recipe
    synchronized           BatchNorm's
    steps                  numbers of the batches; five where not given
    poison                 {step: what is made bad of the batch's last row}
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

BATCH, SIZE, KEYPOINTS = 8, 16, 4


@dataclass(frozen=True)
class Small:
    """Two convolutions with BatchNorm; a loss over the batch, one over its hardest keypoints."""

    synchronized: bool = True

    def build(self):
        import keras

        from aifashion.ops.norm import BatchNorm

        image = keras.Input((SIZE, SIZE, 3), name="image")
        x = image
        for number, width in enumerate((8, 12)):
            conv = keras.layers.Conv2D(width, 3, strides=2, use_bias=False, name=f"conv{number}")
            x = BatchNorm(f"norm{number}", synchronized=self.synchronized)(conv(x))
            x = keras.layers.ReLU()(x)
        points = keras.layers.Dense(KEYPOINTS * 2, name="points")(keras.layers.Flatten()(x))
        # Beside the norms, whose statistics would carry a bad gradient to the other replicas.
        side = keras.layers.Dense(1, name="side")(keras.layers.GlobalAveragePooling2D()(image))
        return keras.Model({"image": image}, {"points": points, "side": side})

    def loss_terms(self, outputs, inputs, targets) -> dict:
        from keras import ops

        from aifashion.keypoints.losses import hardest

        found = ops.reshape(outputs["points"], (-1, KEYPOINTS, 2))
        weights = targets["weights"]
        errors = ops.sum(ops.square(found - targets["points"]), -1) * weights
        hard = hardest(errors, 2 * ops.ones_like(errors[:, 0]))
        # The root of a zero is one, and its slope is not finite.
        roots = ops.sqrt(ops.square(outputs["side"][:, 0]) * targets["present"])
        return {
            "all": (ops.sum(errors), ops.sum(weights)),
            "hard": (ops.sum(errors * hard), ops.sum(weights * hard)),
            "roots": (ops.sum(roots), ops.sum(ops.ones_like(roots))),
        }


def main(folder: Path, cases: dict) -> None:
    from aifashion import training

    cluster = training.workers() or training.devices()
    for name, asked in cases.items():
        found = run(asked, cluster)
        np.savez(folder / f"{name}-{cluster.worker}.npz", **found)


def run(asked: dict, cluster) -> dict[str, np.ndarray]:
    """What a case comes to, by name."""
    import keras

    from aifashion import training

    settings = {"optimizer": "sgd", "learning_rate": 0.002, "ema": 0.9}
    settings = training.Training(
        batch_size=asked.get("batch_size", BATCH), **{**settings, **asked.get("training", {})}
    )
    keras.utils.set_random_seed(0)
    system = Small(asked.get("synchronized", True))
    network = training.build(system, settings, cluster)
    trainer = training.Trainer(system, network, settings, 5, cluster)
    rows = trainer.sharing.own_rows
    poison = asked.get("poison", {})
    outcomes = [
        trainer.step(part(batch(settings.batch_size, step, poison.get(str(step))), rows), step)
        for step in asked.get("steps", range(5))
    ]
    found = {f"{group}/{name}": array for group, name, array in arrays(trainer)}
    for name in outcomes[0].losses:
        found[f"losses/{name}"] = np.array([outcome.losses[name] for outcome in outcomes])
    found["finite"] = np.array([outcome.is_finite for outcome in outcomes])
    held_out = [part(batch(settings.batch_size, 9), rows)]
    found |= {f"validation/{name}": v for name, v in trainer.mean_losses(held_out).items()}
    return found | {"replicas": np.array(cluster.replicas), "apart": apart(trainer)}


def arrays(trainer):
    """(group, name, array) of everything that is learnt."""
    for group, named in trainer.arrays().items():
        for name, array in named.items():
            yield group, name, array


def apart(trainer) -> np.ndarray:
    """The largest difference between two replicas' copies of a weight or statistic."""
    copies = [
        np.array([copy.numpy() for copy in trainer.strategy.experimental_local_results(v.value)])
        for v in trainer.network.variables
    ]
    return np.max([np.ptp(values.astype(float), axis=0).max() for values in copies])


def batch(rows: int, step: int, poison: str | None = None) -> tuple[dict, dict]:
    """Noise, and points anywhere; of the last row, which is the last replica's, some may be bad."""
    draw = np.random.default_rng([step, 7])
    # Brighter from row to row: halves of a batch have other means and variances.
    brightness = np.linspace(0.2, 2.0, rows)[:, None, None, None]
    inputs = {"image": (brightness * draw.random((rows, SIZE, SIZE, 3))).astype(np.float32)}
    targets = {
        "points": draw.normal(size=(rows, KEYPOINTS, 2)).astype(np.float32),
        "weights": (draw.random((rows, KEYPOINTS)) * np.arange(1, rows + 1)[:, None]).astype(
            np.float32
        ),
        "present": np.ones(rows, np.float32),
    }
    if poison == "picture":
        inputs["image"][-1, 0, 0, 0] = np.nan
    elif poison == "target":
        targets["points"][-1, 0] = np.nan
    elif poison == "gradient":
        targets["present"][-1] = 0.0
    return inputs, targets


def part(whole: tuple, rows: np.ndarray) -> tuple:
    return tuple({name: array[rows] for name, array in named.items()} for named in whole)


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    one = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [one] * int(sys.argv[2]))
    main(Path(sys.argv[1]), json.loads(sys.argv[3]))
