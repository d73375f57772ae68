"""The examples run, and do what they say."""

import runpy
from dataclasses import replace

import keras
import numpy as np
import pytest
from support import ROOT

from aifashion import data
from aifashion.datasets import fashionai
from aifashion.recipes import RECIPES
from pipelines import keypoints as pipeline

QUICK = RECIPES["quick"]
SMALL = replace(
    QUICK,
    system=replace(
        QUICK.system, size=64, width=16, backbone=replace(QUICK.system.backbone, width=8)
    ),
)


@pytest.fixture
def example(project, monkeypatch) -> dict:
    monkeypatch.chdir(project)  # the sample lies there, as in a fresh checkout
    keras.utils.set_random_seed(0)
    return runpy.run_path(str(ROOT / "examples/keras_fit.py"))


def test_keras_fit_takes_our_loss(example):
    history = example["main"](1, SMALL)
    before, loss = first_weights_and_loss()
    assert history.history["loss"] == [pytest.approx(loss, rel=1e-4)]
    changed = [(a != b).any() for a, b in zip(history.model.get_weights(), before, strict=True)]
    assert np.mean(changed) > 0.9


def first_weights_and_loss() -> tuple[list[np.ndarray], float]:
    """The network before any update, and the system's own loss of the first batch."""
    keras.utils.set_random_seed(0)
    system, records = SMALL.system, data.labelled(data.SAMPLE, fashionai)
    source = pipeline.source_for(system, records, fashionai.SCHEMA)
    order = pipeline.Order(len(records), batch_size=16, seed=0)
    batches = pipeline.training(source, order, SMALL.augmentation, range(1))
    inputs, targets = next(iter(batches))
    network = system.build()
    before = network.get_weights()
    outputs = network({name: inputs[name] for name in network.input}, training=True)
    terms = system.loss_terms(outputs, inputs, targets).values()
    return before, sum(float(total) / float(weight) for total, weight in terms)


def test_the_example_is_short():
    assert len((ROOT / "examples/keras_fit.py").read_text().splitlines()) <= 30
