"""A narrow HRNet learns the landmarks of three drawn categories."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from aifashion.backbones.hrnet import HRNet
from aifashion.datasets import deepfashion2
from aifashion.datasets.synthetic import draw_deepfashion2
from aifashion.evaluation import average_precision
from aifashion.keypoints import metrics
from aifashion.keypoints.predict import FLIP, PLAIN, Member, Predictor
from aifashion.recipes import RECIPES
from aifashion.training import Trainer, Training
from pipelines import keypoints as pipeline

THREE = ("trousers", "skirt", "vest")
NARROW = HRNet(width=8, modules=(1, 1, 1), blocks=1, stem_width=16, first_blocks=1, first_width=8)
BATCH = 16


def garments(folder, part: str, images: int, size: int) -> list:
    """The records of three categories among drawn pictures."""
    if not folder.exists():
        draw_deepfashion2(folder, images, 0, seed=5, size=size)
    found = deepfashion2.find(folder)
    (wanted,) = (each for each in found.train if each.split == part)
    return [record for record in deepfashion2.read_part(wanted) if record.category in THREE]


def predicted(system, network, records: list, views=PLAIN) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (N, 81, 2), and how sure of each garment, (N,)."""
    points, sure = np.zeros((len(records), 81, 2)), np.zeros(len(records))
    source = pipeline.source_for(system, records, deepfashion2.SCHEMA)
    batches = pipeline.evaluation(source, BATCH)
    for prediction in Predictor([Member(system, network)], views)(zip(batches)):
        points[prediction.record] = prediction.keypoints
        own = prediction.confidence[prediction.confidence > 0]
        sure[prediction.record] = own.mean() if own.size else 0
    return points, sure


def oks(system, network, records: list) -> float:
    """The mean over the garments."""
    points, _ = predicted(system, network, records)
    return metrics.evaluate(metrics.truth_of(records), points, deepfashion2.SCHEMA)["oks"]


def trained(system, network, records: list, settings: Training, augmentation) -> None:
    source = pipeline.source_for(system, records, deepfashion2.SCHEMA)
    order = pipeline.Order(len(records), BATCH, seed=0)
    trainer = Trainer(system, network, settings, order.steps_per_epoch)
    steps = range(settings.epochs * order.steps_per_epoch)
    for number, batch in enumerate(pipeline.training(source, order, augmentation, steps)):
        trainer.step(batch, number)


def test_three_times_the_similarity_of_an_untrained_one(tmp_path):
    keras.utils.set_random_seed(0)
    records = garments(tmp_path / "data", "train", 130, 96)
    system = replace(
        RECIPES["hrnet_quick"].system, height=64, width=64, backbone=NARROW, condition="none"
    )
    network = system.build()
    before = oks(system, network, records)
    settings = Training(epochs=25, batch_size=BATCH, learning_rate=5e-3)
    trained(system, network, records, settings, None)
    after = oks(system, network, records)
    assert after > 3 * before and after > 0.2


@pytest.mark.slow
def test_half_the_average_precision_on_garments_it_never_saw(tmp_path):
    """Minutes on two cores."""
    keras.utils.set_random_seed(0)
    recipe = RECIPES["hrnet_quick"]
    records = garments(tmp_path / "data", "train", 2600, 160)
    held_out = garments(tmp_path / "data", "validation", 2600, 160)
    network = recipe.system.build()
    settings = replace(recipe.training, epochs=40)
    trained(recipe.system, network, records, settings, recipe.augmentation)
    points, sure = predicted(recipe.system, network, held_out, FLIP)
    answers = [
        replace(record, keypoints=point, score=score)
        for record, point, score in zip(held_out, points, sure.tolist(), strict=True)
    ]
    score = average_precision(deepfashion2, held_out, answers)
    assert score["AP"] >= 0.5
