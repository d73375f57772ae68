"""Foreign weight files read as arrays, and arrays put under our names: nothing is executed.

HDF5 files of Keras, safetensors files, and PyTorch's own, whose pickles are read by PyTorch's
restricted reader alone (`weights_only`), which makes tensors and plain values and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aifashion import checkpoints, hdf5, matching
from aifashion.errors import Exit, Failure, one_line

HDF5 = (".h5", ".hdf5")
TORCH = (".ckpt", ".pth", ".pt", ".tar", ".bin")
# What holds the weights in a dict.
_WRAPPERS = ("state_dict", "best_state_dict", "model", "net", "model_state_dict")
_NOT_WEIGHTS = "num_batches_tracked"  # PyTorch's counters beside the moving statistics


@dataclass(frozen=True)
class Foreign:
    """The arrays of a file as another library wrote them."""

    path: Path
    arrays: dict[str, np.ndarray]
    is_torch: bool  # kernels lie as (out, in, height, width)

    def under(
        self, names: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]
    ) -> matching.Match:
        """How the arrays fit a network of ours.

        Args:
            names: our variable paths -> names in the file.
            shapes: of our variables, by path.

        Returns:
            The match, its arrays in our layout; `unused` are names in the file.
        """
        given = {
            ours: self._in_our_layout(self.arrays[theirs])
            for ours, theirs in names.items()
            if theirs in self.arrays
        }
        found = matching.match(shapes, given)
        taken = {names[ours] for ours in given if ours in shapes}
        return matching.Match(
            found.matched,
            found.missing,
            found.reshaped,
            [name for name in self.arrays if name not in taken],
        )

    def _in_our_layout(self, array: np.ndarray) -> np.ndarray:
        if not self.is_torch or array.ndim < 2:
            return array
        # Transposed convolutions lie as (in, out, h, w) there and as (h, w, out, in) here.
        return np.ascontiguousarray(array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T)


def is_foreign(path: Path) -> bool:
    """Whether a path's ending is that of another library's weights; a folder is never a file."""
    return path.suffix.lower() in (*HDF5, *TORCH) and not path.is_dir()


def read(path: Path) -> Foreign:
    """The arrays of an HDF5, PyTorch or safetensors file by the names they have there.

    Raises:
        Failure: BAD_MODEL for what is no such file, or holds more than arrays and plain values;
            ENVIRONMENT where PyTorch, which reads its own files, is not installed.
    """
    suffix = path.suffix.lower()
    if suffix in HDF5:
        return Foreign(path, hdf5.read(path), is_torch=False)
    if suffix in TORCH:
        return Foreign(path, _read_torch(path), is_torch=True)
    if suffix == ".safetensors":
        return Foreign(path, _weights_alone(checkpoints.read_arrays(path)), is_torch=True)
    known = ", ".join((*HDF5, *TORCH, ".safetensors"))
    raise Failure(Exit.BAD_MODEL, f"{path}: not a weight file by its ending. Known are {known}.")


def _weights_alone(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """In float32, without counters, and without the prefix of training on several GPUs."""
    return {
        name.removeprefix("module."): np.asarray(array, np.float32)
        for name, array in arrays.items()
        if not name.endswith(_NOT_WEIGHTS)
    }


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    try:
        import torch
    except ImportError:
        raise Failure(
            Exit.ENVIRONMENT,
            f"{path}: PyTorch reads its own files, and is not installed: "
            "pip install 'aifashion[convert]'.",
        ) from None
    try:
        # Scores lie in some checkpoints as NumPy's numbers, which are plain values too.
        with torch.serialization.safe_globals(_numpy_scalars()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise Failure(Exit.BAD_MODEL, f"{path}: not read ({one_line(error)}).") from None
    except Exception:  # of unpickling or of the archive; torch raises many kinds
        raise Failure(
            Exit.BAD_MODEL,
            f"{path}: PyTorch's restricted reader refuses it: it is damaged, or holds more than "
            "weights and plain values. Save the state dict alone.",
        ) from None
    tensors = _state_dict(path, content)
    arrays = {name: tensor.detach().float().numpy() for name, tensor in tensors.items()}
    return _weights_alone(arrays)


def _numpy_scalars() -> list:
    """What unpickling one of NumPy's numbers calls, under its names in NumPy 1 and 2."""
    scalar = np.core.multiarray.scalar if not hasattr(np, "_core") else np._core.multiarray.scalar
    kinds = (np.float64, np.float32, np.int64)
    return [
        (scalar, "numpy.core.multiarray.scalar"),
        (scalar, "numpy._core.multiarray.scalar"),
        np.dtype,
        *(type(np.dtype(kind)) for kind in kinds),
    ]


def _state_dict(path: Path, content) -> dict:
    """The tensors by name, wherever they lie in what was read."""
    for name in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    tensors = content if isinstance(content, Mapping) else {}
    tensors = {
        name: value
        for name, value in tensors.items()
        if isinstance(name, str) and hasattr(value, "numpy")
    }
    if not tensors:
        raise Failure(Exit.BAD_MODEL, f"{path}: holds no state dict. Save the state dict alone.")
    return tensors
