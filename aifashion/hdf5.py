"""Arrays of a Keras HDF5 file by layer and variable: weights alone, nothing is executed."""

from pathlib import Path

import h5py
import numpy as np

from aifashion.errors import Exit, Failure

_NOT_WEIGHTS = "optimizer_weights"  # a group of files that hold a whole compiled model


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a weight file or of a saved model, layers in alphabetical order.

    A model lies in the file as `model_weights/layer/layer/variable:0`, weights alone as
    `layer/layer/variable:0`, by Keras 3 without the `:0`. Links out of the file are not followed.

    Returns:
        `layer/variable` -> array. The optimizer's are left out.

    Raises:
        Failure: BAD_MODEL where it is no readable HDF5 file.
    """
    arrays = {}

    def keep(name: str, item) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith(_NOT_WEIGHTS):
            layer, *_, variable = name.removeprefix("model_weights/").split("/")
            arrays[f"{layer}/{variable.removesuffix(':0')}"] = item[()]

    try:
        with h5py.File(path, "r") as file:
            file.visititems(keep)
    except OSError as error:
        raise Failure(
            Exit.BAD_MODEL, f"{path}: no readable HDF5 file ({error}). Get it again."
        ) from None
    return arrays
