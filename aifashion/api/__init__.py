"""What the doors and verbs do: recipe + pipeline + loop + run, composed.

train(TrainOptions) -> Run            aifashion.api.fitting.fit
train_each(TrainOptions) -> Path      aifashion.api.fitting.each
test(TestOptions) -> TestResult       aifashion.api.submit
load(*paths) -> Model                 aifashion.api.models; Model.predict(image, category)
demo(DemoOptions) -> Path             aifashion.api.look
predict(pictures, path) -> answers    aifashion.api.look
make_report(ReportOptions) -> Path    aifashion.api.report
draw_sheet(SheetOptions) -> Path      aifashion.api.sheet
convert_file(path) -> Path            aifashion.api.published
cost_table() -> str                   aifashion.api.costs
"""

from aifashion.api.costs import cost_table
from aifashion.api.fitting.each import EACH, train_each
from aifashion.api.fitting.fit import train
from aifashion.api.fitting.start import TrainOptions
from aifashion.api.look import DemoOptions, demo, menu, predict
from aifashion.api.models import Model, load
from aifashion.api.predictions import PredictOptions
from aifashion.api.published import convert_file
from aifashion.api.report import ReportOptions, make_report
from aifashion.api.sheet import SheetOptions, draw_sheet
from aifashion.api.submit import TestOptions, TestResult, refuse_faults, test
from aifashion.keypoints.metrics import score_line
from aifashion.training import use_gpus

__all__ = [
    "EACH",
    "DemoOptions",
    "Model",
    "PredictOptions",
    "ReportOptions",
    "SheetOptions",
    "TestOptions",
    "TestResult",
    "TrainOptions",
    "convert_file",
    "cost_table",
    "demo",
    "draw_sheet",
    "load",
    "make_report",
    "menu",
    "predict",
    "refuse_faults",
    "score_line",
    "test",
    "train",
    "train_each",
    "use_gpus",
]
