"""What each recipe costs, as a table."""

from collections.abc import Mapping
from dataclasses import dataclass

import keras

from aifashion import costs, training
from aifashion.costs import Memory
from aifashion.recipes import RECIPES, Recipe, input_size
from aifashion.training.optimizers import freeze

GPUS = (11, 24, 80)  # GB
PRECISIONS = ("float32", "bfloat16")
BACKWARD = 2  # forward passes that a backward pass comes to: gradients of inputs, and of weights
_SLOTS = {"adam": 2, "adamw": 2, "sgd": 1}  # arrays that an optimizer keeps for each weight

HEAD = (
    "recipe", "input, px", "parameters, M", "forward, GFLOP", "training, GFLOP",
    "fixed, MiB", "a picture, MiB", *(f"batch, {gb} GB" for gb in GPUS),
)  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """Of one recipe."""

    parameters: int
    flops: int  # of one picture's forward pass
    memory: dict[str, Memory]  # of a training step, by precision


def cost(recipe: Recipe) -> Cost:
    """Computes what a recipe costs from its network, which is built without weights."""
    networks = {name: _network(recipe, name) for name in PRECISIONS}
    asked = recipe.training
    slots = _SLOTS[asked.optimizer] + (asked.accumulation > 1)
    return Cost(
        parameters=costs.parameters(networks["float32"]),
        flops=costs.flops(networks["float32"]),
        memory={
            name: costs.training_memory(network, slots, asked.ema is not None)
            for name, network in networks.items()
        },
    )


def _network(recipe: Recipe, precision: str) -> keras.Model:
    with training.precision(precision), keras.StatelessScope(initialize_variables=False):
        network = recipe.system.build()
    freeze(network, recipe.training.freeze)
    return network


def cost_table(recipes: Mapping[str, Recipe] = RECIPES) -> str:
    """What each recipe costs, a Markdown table; pairs are float32 / bfloat16."""
    rows = [HEAD, [":--", *["--:"] * (len(HEAD) - 1)]]
    rows += [
        _row(name, input_size(recipe.system), cost(recipe)) for name, recipe in recipes.items()
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(name: str, size: str, of: Cost) -> list[str]:
    memory = list(of.memory.values())
    fits = [[costs.batch_that_fits(gb, m) for m in memory] for gb in GPUS]
    return [
        f"`{name}`",
        size,
        f"{of.parameters / 1e6:.1f}",
        f"{of.flops / 1e9:.1f}",
        f"{(1 + BACKWARD) * of.flops / 1e9:.1f}",
        " / ".join(f"{m.fixed / 2**20:.0f}" for m in memory),
        " / ".join(f"{m.per_sample / 2**20:.0f}" for m in memory),
        *(" / ".join(map(str, pair)) for pair in fits),
    ]
