"""Constants the tests share."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
TINY = (
    "--network", "quick", "--epochs", "2", "--batch-size", "8", "--set", "model.size=64",
    "--set", "model.width=16", "--set", "model.backbone.width=8",
    "--set", "training.optimizer=sgd",  # the graph of Adam takes longer to build
)  # fmt: skip
