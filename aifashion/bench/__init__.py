"""The speed figures of `make bench`, each beside its alternatives in one run."""

import json
import os
import platform
import tempfile
from pathlib import Path

from aifashion.bench import rounds as measuring
from aifashion.bench import startup
from aifashion.doctor import machine as doctor
from aifashion.errors import Exit, Failure
from aifashion.progress import quiet_start, say

PICTURES = 200


def main(rounds: int = 5) -> None:
    """Measures, and prints a table and, as the last line, the same as JSON.

    Raises:
        Failure: USAGE for less than one round.
    """
    if rounds < 1:
        raise Failure(Exit.USAGE, f"--rounds {rounds}: give 1 or more.")
    here = machine()
    say(", ".join(f"{name} {value}" for name, value in here.items()))
    with tempfile.TemporaryDirectory() as folder:
        figures = _network_figures(Path(folder) / "drawn", rounds)
    figures += [*startup.figures(), startup.memory()]
    say(f"\n{measuring.table(figures)}\n")
    say(json.dumps({"machine": here, "rounds": rounds, "figures": measuring.as_json(figures)}))


def _network_figures(folder: Path, rounds: int) -> list[measuring.Figure]:
    with quiet_start():
        from aifashion.bench import loaders, networks
        from aifashion.datasets import DATASETS, synthetic
        from aifashion.recipes import RECIPES, Augmentation
        from pipelines import keypoints as pipeline

    say(f"drawing {PICTURES} pictures")
    synthetic.draw_fashionai(folder, PICTURES, 0, size=512)
    quick = RECIPES["quick"]
    dataset = DATASETS[quick.dataset]
    schema = dataset.SCHEMA
    records = dataset.read_part(dataset.find(folder).train[0])
    large = pipeline.Source(records, schema, schema.keypoints, (512, 512))
    small = pipeline.source_for(quick.system, records, schema)
    order = pipeline.Order(PICTURES, batch_size=8, seed=0)
    job = loaders.Job(large, order, Augmentation(), len(os.sched_getaffinity(0)))
    say("measuring the input pipeline")
    figures = loaders.figures(job, rounds)
    say("measuring training steps and prediction")
    figures += networks.step_figures(quick, small, rounds)
    figures += networks.prediction_figures(quick, small, rounds)
    for name, recipe in RECIPES.items():
        say(f"measuring training of {name}")
        system = recipe.system
        source = pipeline.source_for(system, records, schema)
        figures += networks.fed_figures(name, recipe, source, rounds)
    return figures


def machine() -> dict[str, str | int | float]:
    """What the figures were taken on; the load tells whether it had other work."""
    with quiet_start():
        import cv2
        import keras
        import numpy
        import tensorflow

    libraries, processor = (tensorflow, keras, numpy, cv2), doctor.processor()
    return {
        "processor": processor["name"],
        "cores": processor["usable"],
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        **{library.__name__: library.__version__ for library in libraries},
    }
