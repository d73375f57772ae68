"""Arrays of HDF5 files as Keras wrote them, written here by h5py."""

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from aifashion import hdf5
from aifashion.errors import Exit, Failure

KERNEL, BIAS = np.arange(6.0, dtype="float32").reshape(2, 3), np.float32([7, 8, 9])


def write(path, arrays: dict):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


def test_an_empty_file(tmp_path):
    assert hdf5.read(write(tmp_path / "empty.h5", {})) == {}


@pytest.mark.parametrize("root", ["", "model_weights/"])
@pytest.mark.parametrize("ending", ["", ":0"])
def test_weights_alone_and_whole_models(root, ending, tmp_path):
    content = {
        f"{root}out2x/out2x/kernel{ending}": KERNEL,
        f"{root}out2x/out2x/bias{ending}": BIAS,
        f"{root}bn_conv1/bn_conv1/gamma{ending}": BIAS,
    }
    found = hdf5.read(write(tmp_path / "weights.h5", content))
    assert list(found) == ["bn_conv1/gamma", "out2x/bias", "out2x/kernel"]
    assert_array_equal(found["out2x/kernel"], KERNEL)
    assert_array_equal(found["out2x/bias"], BIAS)
    assert found["out2x/kernel"].dtype == np.float32


def test_layers_without_an_inner_group(tmp_path):
    found = hdf5.read(write(tmp_path / "weights.h5", {"conv1/conv1_W:0": KERNEL}))
    assert list(found) == ["conv1/conv1_W"]


def test_the_optimizers_arrays_are_left_out(tmp_path):
    content = {
        "model_weights/out2x/out2x/kernel:0": KERNEL,
        "optimizer_weights/training/Adam/out2x/kernel/m:0": KERNEL,
        "optimizer_weights/training/Adam/iterations:0": np.int64(5),
    }
    assert list(hdf5.read(write(tmp_path / "model.hdf5", content))) == ["out2x/kernel"]


def test_an_array_in_no_group(tmp_path):
    assert list(hdf5.read(write(tmp_path / "odd.h5", {"kernel:0": KERNEL}))) == ["kernel"]


def test_links_are_not_followed(tmp_path):
    write(tmp_path / "other.h5", {"secret/secret/kernel:0": KERNEL})
    path = write(tmp_path / "weights.h5", {"out2x/out2x/bias:0": BIAS})
    with h5py.File(path, "a") as file:
        file["linked"] = h5py.ExternalLink("other.h5", "/secret")
        file["out2x/linked"] = h5py.ExternalLink("other.h5", "/secret/secret/kernel:0")
        file["gone"] = h5py.SoftLink("/nowhere")
        assert file["out2x/linked"][0, 1] == 1  # it could be followed
    assert list(hdf5.read(path)) == ["out2x/bias"]


def test_a_text_is_no_array(tmp_path):
    content = {"out2x/out2x/note": "made in 2018", "out2x/out2x/bias:0": BIAS}
    assert list(hdf5.read(write(tmp_path / "weights.h5", content))) == ["out2x/bias"]


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_read_or_refused(seed, tmp_path):
    """Bytes changed anywhere: h5py meets them in many ways."""
    content = {f"layer{i}/layer{i}/kernel:0": KERNEL for i in range(4)}
    path = write(tmp_path / "weights.h5", content)
    damaged = np.frombuffer(path.read_bytes(), np.uint8).copy()
    rng = np.random.default_rng(seed)
    damaged[rng.integers(0, len(damaged), 20)] = rng.integers(0, 256, 20)
    path.write_bytes(damaged.tobytes())
    try:
        assert len(hdf5.read(path)) <= 4
    except Failure as failure:
        assert failure.exit_code == Exit.BAD_MODEL and "\n" not in str(failure)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", None])
def test_what_is_no_hdf5_file(content, tmp_path):
    path = tmp_path / "weights.h5"
    whole = write(path, {"out2x/out2x/kernel:0": np.zeros(5000, "float32")}).read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(Failure, match=r"weights\.h5: no readable HDF5 file") as refused:
        hdf5.read(path)
    assert refused.value.exit_code == Exit.BAD_MODEL and "\n" not in str(refused.value)
