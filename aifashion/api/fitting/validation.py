"""Scores of the pictures held out, at the end of each epoch."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from aifashion import data, datasets, runs, training
from aifashion.api.models import in_order
from aifashion.datasets.schema import KeypointRecord
from aifashion.keypoints import metrics
from aifashion.keypoints.predict import PLAIN, Member, Predictor
from pipelines import keypoints as pipeline

NOTHING = {"ne_percent": None, "per_category": {}, "swap_rate": None, "skipped": 0}


class Validation:
    """Scores the averaged weights on the held-out pictures; each process predicts its share.

    Fewer than ten pictures of a garment leave none of it to hold out.
    """

    def __init__(self, run: runs.Run, held_out: Sequence[KeypointRecord], trainer):
        self.run, self.held_out, self.trainer = run, held_out, trainer
        self.schema = datasets.named(run.recipe.dataset).SCHEMA
        system, cluster = run.recipe.system, trainer.cluster
        self.truth = metrics.truth_of(held_out)
        self.own = range(cluster.worker, len(held_out), cluster.workers)
        own = [held_out[row] for row in self.own]
        self.source = pipeline.source_for(system, own, self.schema)
        jit = run.recipe.training.jit_compile
        forward = partial(training.Forward, cluster=cluster, jit_compile=jit)
        self.predictor = Predictor([Member(system, trainer.network)], PLAIN, forward)

    def score(self, progress: training.Progress) -> dict:
        """Every score; under the plateau schedule also the losses, which it follows."""
        with self.trainer.averaged():
            losses = self._losses()
            predictions = self._predictions()
        if losses:
            settings = self.run.recipe.training
            over = training.follow_plateau(settings, progress, sum(losses.values()))
            progress.is_ended = progress.is_ended or over
        if not self.held_out:
            return NOTHING
        score = metrics.evaluate(self.truth, predictions, self.schema)
        named = {f"val_{name}_loss": value for name, value in losses.items()}
        return {**score, "losses": named} if named else score

    def _predictions(self) -> np.ndarray:
        """Keypoints of every held-out picture (N, K, 2), NaN where there are none."""
        keypoints = self.run.recipe.system.keypoints
        found = np.zeros((len(self.held_out), len(self.schema.keypoints), 2))
        settings = self.run.recipe.training  # a part of a batch is what the memory holds
        batches = pipeline.evaluation(self.source, settings.batch_size // settings.accumulation)
        for prediction in self.predictor(zip(batches)):
            row = self.own[prediction.record]
            category = self.held_out[row].category
            found[row] = in_order(prediction, category, keypoints, self.schema).keypoints
        faults = self.source.faults
        data.tell_faults(list(faults.values()), len(self.held_out), self.run.asked.max_bad)
        found[[self.own[row] for row in faults]] = np.nan
        found = self.trainer.cluster.sum(found)
        index = self.schema.indices(keypoints)
        others = np.setdiff1d(np.arange(len(self.schema.keypoints)), index)
        found[:, others] = np.nan
        return found

    def _losses(self) -> dict[str, float]:
        """The loss terms on the held-out pictures as they are, whole batches of them."""
        recipe, seed = self.run.recipe, self.run.asked.seed
        if recipe.training.schedule != "plateau" or not self.held_out:
            return {}
        system = recipe.system
        source = pipeline.source_for(system, self.held_out, self.schema)
        rows = tuple(self.trainer.sharing.own_rows)
        order = pipeline.Order(len(self.held_out), recipe.training.batch_size, seed, rows)
        batches = pipeline.training(source, order, None, range(order.steps_per_epoch))
        return self.trainer.mean_losses(batches)
