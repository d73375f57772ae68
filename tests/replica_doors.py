"""A program: the doors, one call after the other, on the devices asked for.

    python tests/replica_doors.py '{"devices": 2}' '[["test", "--data", …], …]'

Ends with the first exit code that is not 0. What may be asked for:

    devices   logical CPUs of this process; 1 where not given
    small     a network of two layers stands in for the CPN: a graph of it is there at once
    signal    [number, step]: the signal that this process gets after that step of training
"""

import json
import os
import sys


def main(asked: dict, calls: list[list[str]]) -> int:
    from aifashion import cli
    from aifashion.progress import quiet_start

    with quiet_start():
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        one = tf.config.LogicalDeviceConfiguration()
        tf.config.set_logical_device_configuration(cpu, [one] * asked.get("devices", 1))
    if asked.get("small"):
        stand_in()
    if "signal" in asked:
        send_after(*asked["signal"])
    doors = {"train": cli.train_main, "test": cli.test_main}
    for door, *arguments in calls:
        code = doors[door](arguments)
        if code:
            return code
    return 0


def stand_in() -> None:
    """Two layers for every CPN."""
    from aifashion.keypoints.cpn import CPN

    CPN.build = build_small


def build_small(system):
    """Inputs and outputs of a CPN's network, of one convolution with BatchNorm and one for maps."""
    import keras

    from aifashion.keypoints.cpn import STRIDES
    from aifashion.ops.norm import BatchNorm

    count = len(system.keypoints)
    image = keras.Input((system.size, system.size, 3), dtype="uint8", name="image")
    mask = keras.Input((count,), name="keypoint_mask")
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(8, 7, strides=4, padding="same", use_bias=False, name="stem")(x)
    x = keras.layers.ReLU()(BatchNorm("stem_norm")(x))
    x = keras.layers.Conv2D(count, 1, name="maps")(x) * keras.layers.Reshape((1, 1, count))(mask)
    outputs = {
        level: keras.layers.AveragePooling2D(stride // 4)(x) for level, stride in STRIDES.items()
    }
    return keras.Model({"image": image, "keypoint_mask": mask}, {**outputs, "refine": x})


def send_after(number: int, last: int) -> None:
    """Sends this process a signal when a step of training is done."""
    from aifashion.progress import TrainingProgress

    step = TrainingProgress.step

    def step_then_signal(bar, done, *numbers):
        step(bar, done, *numbers)
        if done == last:
            os.kill(os.getpid(), number)

    TrainingProgress.step = step_then_signal


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), json.loads(sys.argv[2])))
