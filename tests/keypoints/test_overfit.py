"""A network at full depth can learn its eight pictures by heart."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from aifashion.datasets import fashionai
from aifashion.keypoints import metrics
from aifashion.keypoints.predict import PLAIN, Member, Predictor
from aifashion.recipes import resolve
from aifashion.training import Trainer, Training
from pipelines import keypoints as pipeline

STEPS = 300


@pytest.mark.slow
def test_eight_pictures_by_heart(sample):
    """cpn_resnet50 at 64 px, all its layers narrow but the backbone's: NE below 1 %."""
    keras.utils.set_random_seed(0)
    system = replace(resolve("cpn_resnet50").system, size=64, width=64, loss="softmax", sigma=1.0)
    records = fashionai.read_part(fashionai.find(sample).train[0])[:8]
    source = pipeline.source_for(system, records, fashionai.SCHEMA)
    network = system.build()
    settings = Training(epochs=STEPS, learning_rate=2e-3, schedule="cosine", warmup=10)
    trainer = Trainer(system, network, settings, steps_per_epoch=1)
    for batch in pipeline.training(source, pipeline.Order(8, 8, 0), None, range(STEPS)):
        trainer.step(batch)
    predictor = Predictor([Member(system, network)], PLAIN)
    points = np.zeros((8, len(fashionai.KEYPOINTS), 2))
    for prediction in predictor(zip(pipeline.evaluation(source, 8))):
        points[prediction.record] = prediction.keypoints
    score = metrics.evaluate(metrics.truth_of(records), points, fashionai.SCHEMA)
    assert score["visible"] > 50 and score["ne_percent"] < 1
