"""What the doors and verbs do: recipe + pipeline + loop + run, composed.

train(TrainOptions) -> Run            aifashion.api.fit
test(TestOptions) -> TestResult       aifashion.api.submit
load(path) -> Model                   aifashion.api.models; Model.predict(image, category)
demo(DemoOptions) -> Path             aifashion.api.look
predict(pictures, path) -> answers    aifashion.api.look
"""

from aifashion.api.fit import TrainOptions, train
from aifashion.api.look import DemoOptions, demo, menu, predict
from aifashion.api.models import Model, load
from aifashion.api.submit import TestOptions, TestResult, refuse_faults, test
from aifashion.training import use_gpus

__all__ = [
    "DemoOptions",
    "Model",
    "TestOptions",
    "TestResult",
    "TrainOptions",
    "demo",
    "load",
    "menu",
    "predict",
    "refuse_faults",
    "test",
    "train",
    "use_gpus",
]
