"""A network's weights as arrays by their Keras paths, both ways."""

import keras
import numpy as np

from aifashion.errors import Exit, Failure


def inputs_of(network: keras.Model, batch: dict) -> dict:
    """The part of a batch that the network takes."""
    return {name: batch[name] for name in network.input}


def weights_of(network: keras.Model) -> dict[str, np.ndarray]:
    """Every weight and statistic of a network by its Keras path."""
    return arrays_of(network.variables)


def set_weights(network: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """The inverse of `weights_of`. Raises Failure (BAD_MODEL) naming what does not fit."""
    assign(network.variables, arrays, "network")


def arrays_of(variables: list) -> dict[str, np.ndarray]:
    """The values of Keras variables by their paths."""
    return {v.path: keras.ops.convert_to_numpy(v) for v in variables}


def assign(variables: list, arrays: dict[str, np.ndarray], owner: str) -> None:
    """The inverse of `arrays_of`. Raises Failure (BAD_MODEL) naming the owner and what differs."""
    wanted = {v.path: tuple(v.shape) for v in variables}
    problems = [f"{name} is missing" for name in wanted if name not in arrays]
    problems += [f"{name} is unknown" for name in arrays if name not in wanted]
    problems += [
        f"{name} is {arrays[name].shape}, not {shape}"
        for name, shape in wanted.items()
        if name in arrays and arrays[name].shape != shape
    ]
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise Failure(
            Exit.BAD_MODEL, f"these weights are not this {owner}'s: {'; '.join(problems[:5])}{more}"
        )
    for variable in variables:
        variable.assign(arrays[variable.path])
