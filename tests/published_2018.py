"""The published network of 2018 as recorded: its layers, weights from a formula, and its outputs.

Each JSON file says what was run, how, and what its values are.
"""

import json
from pathlib import Path

import formula
import keras
import numpy as np

TOLERANCE = 1e-4  # of an output's standard deviation


def read(path: Path) -> dict:
    """A file of records."""
    return json.loads(path.read_text())


def layers_of(record: dict, blocks: tuple[int, ...]) -> list[str]:
    """The original's layers with weights, in its own order."""
    return record["layers"]["-".join(map(str, blocks))]


def variables(layers: list[str]) -> list[str]:
    """`layer/variable` of all layers, as Keras 2 named them, in its order."""
    names = []
    for layer in layers:
        if layer.startswith("scale"):
            kinds = (f"{layer}_gamma", f"{layer}_beta")
        elif layer.startswith(("bn", "batch_normalization")):
            kinds = ("gamma", "beta", "moving_mean", "moving_variance")
        else:
            kinds = ("kernel",) if layer.startswith(("res", "conv1")) else ("kernel", "bias")
        names += [f"{layer}/{kind}" for kind in kinds]
    return names


def fill(network: keras.Model, names: list[str], table: dict[str, str], seed: int) -> None:
    """Sets all variables by a name table {our path: name}, from the formula."""
    ours = {variable.path: variable for variable in network.variables}
    assert ours.keys() == table.keys() and sorted(table.values()) == sorted(names)
    shapes = {table[path]: tuple(variable.shape) for path, variable in ours.items()}
    fans = {  # of a transposed kernel (H W O I) as of the others: H W I
        name: int(np.prod(shape)) // shape[2 if name.startswith("upsample_") else 3]
        for name, shape in shapes.items()
        if len(shape) == 4
    }
    arrays = formula.weights({name: shapes[name] for name in names}, fans, seed)
    for path, variable in ours.items():
        variable.assign(arrays[table[path]])


def difference(outputs: dict, recorded: dict) -> float:
    """The largest difference from what was recorded, in standard deviations of that output."""
    assert outputs.keys() == recorded.keys()
    worst = []
    for name, record in recorded.items():
        x = np.array(outputs[name], "float64")
        places = np.arange(len(record["values"])) * 7919 % x.size
        values = np.abs(x.ravel()[places] - record["values"]).max()
        moments = max(abs(x.mean() - record["mean"]), abs(x.std() - record["sd"]))
        worst.append(max(values, moments) / record["sd"])
    return max(worst)
