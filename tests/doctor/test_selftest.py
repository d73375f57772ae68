"""The self-test of GPUs, on two logical CPUs in a process of its own."""

import json
import subprocess
import sys

import pytest

from aifashion.cli import main
from aifashion.errors import Exit

PROGRAM = """
import json
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from aifashion.backbones.resnet import ResNet
from aifashion.doctor import selftest
from aifashion.keypoints.cpn import CPN

plan = selftest.Plan(CPN(size=32, backbone=ResNet(blocks=(1, 1, 1, 1), width=8), width=8), 4)
broken = selftest._tried(lambda: 1 / 0)
print(json.dumps({"answer": selftest.run(plan, plan), "broken": broken}))
"""


@pytest.mark.slow
def test_every_trial_on_two_processors():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    answer = found["answer"]
    assert answer["ok"], answer
    assert 0 < answer["two devices"]["difference"] < 1e-4
    assert 0 < answer["xla"]["difference"] < 1e-4
    assert 1e-5 < answer["bfloat16"]["difference"] < 0.1  # it really is another precision
    assert answer["speed float32"]["pictures_a_second"] > 0
    assert not found["broken"]["ok"]
    assert found["broken"]["error"] == "ZeroDivisionError: division by zero"


def test_without_a_gpu(capsys):
    assert main(["doctor", "--gpu"]) == Exit.ENVIRONMENT
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: TensorFlow sees no GPU")
