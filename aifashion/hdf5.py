"""Arrays of a Keras HDF5 file by layer and variable: weights alone, nothing is executed."""

from pathlib import Path

import h5py
import numpy as np

from aifashion.errors import Exit, Failure, one_line

_NOT_WEIGHTS = "optimizer_weights"  # a group of files that hold a whole compiled model


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a weight file or of a saved model, layers in alphabetical order.

    A model lies in the file as `model_weights/layer/layer/variable:0`, weights alone as
    `layer/layer/variable:0`, by Keras 3 without the `:0`. Links out of the file are not followed.

    Returns:
        `layer/variable` -> array, `variable` of one that is in no group. The optimizer's are left
        out.

    Raises:
        Failure: BAD_MODEL where it is no readable HDF5 file.
    """
    arrays = {}

    def keep(name: str, item) -> None:
        if not isinstance(item, h5py.Dataset) or name.startswith(_NOT_WEIGHTS):
            return
        if item.dtype.kind in "fiu":  # not a text
            layer, *inner = name.removeprefix("model_weights/").removesuffix(":0").split("/")
            arrays["/".join((layer, *inner[-1:]))] = item[()]

    try:
        with h5py.File(path, "r") as file:
            file.visititems(keep)
    except Exception as error:  # of a damaged file; h5py raises many kinds
        raise Failure(
            Exit.BAD_MODEL, f"{path}: no readable HDF5 file ({one_line(error)}). Get it again."
        ) from None
    return arrays
