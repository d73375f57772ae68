"""Foreign weight files as arrays: what is read, how it is turned, what is refused."""

import pickle
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import safetensors.numpy
from numpy.testing import assert_array_equal

from aifashion import convert
from aifashion.convert import Foreign
from aifashion.errors import Exit, Failure

VECTOR = np.float32([1, 2, 3])
CALLED = []


def refused(path, code: Exit = Exit.BAD_MODEL) -> str:
    with pytest.raises(Failure) as caught:
        convert.read(path)
    said = str(caught.value)
    assert caught.value.exit_code == code and said.startswith(f"{path}: ") and "\n" not in said
    return said


def counted(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype="float32").reshape(shape)


def foreign(is_torch: bool = True, **arrays: np.ndarray) -> Foreign:
    return Foreign(Path("weights.pth"), arrays, is_torch)


# === Which files ===


@pytest.mark.parametrize(
    ("name", "is_foreign"),
    [
        ("", False), ("weights", False), ("weights.safetensors", False), ("a.h5/00000012", False),
        ("all_weights_8.hdf5", True), ("weights.H5", True), ("kpt_blouse_031.ckpt", True),
        ("a.pth", True), ("a.pt", True), ("model_best.pth.tar", True), ("pytorch_model.bin", True),
    ],
)  # fmt: skip
def test_foreign_endings(name, is_foreign):
    assert convert.is_foreign(Path(name)) is is_foreign


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "run.pt").mkdir()
    assert not convert.is_foreign(tmp_path / "run.pt")


def test_an_unknown_ending(tmp_path):
    said = refused(tmp_path / "weights.caffemodel")
    for ending in (".h5", ".hdf5", ".ckpt", ".pth", ".pt", ".tar", ".bin", ".safetensors"):
        assert f"{ending}," in said or f"{ending}." in said


# === Layouts ===


def under(given: Foreign, shape: tuple[int, ...]) -> np.ndarray:
    return given.under({"ours": "theirs"}, {"ours": shape}).matched["ours"]


def test_convolutions_of_torch_are_turned():
    theirs = counted(2, 3, 5, 7)  # out, in, height, width
    ours = under(foreign(theirs=theirs), (5, 7, 3, 2))
    assert ours[4, 6, 2, 1] == theirs[1, 2, 4, 6] and ours[1, 0, 2, 0] == theirs[0, 2, 1, 0]
    assert ours.flags["C_CONTIGUOUS"]


def test_transposed_convolutions_of_torch_compute_the_same():
    """Channels 3 -> 2 by a 4 x 4 kernel: theirs lie as (3, 2, 4, 4), Keras' as (4, 4, 2, 3)."""
    torch = pytest.importorskip("torch")
    import keras

    rng = np.random.default_rng(0)
    x, kernel = (rng.normal(size=s).astype("float32") for s in ((1, 3, 5, 5), (3, 2, 4, 4)))
    expected = torch.nn.functional.conv_transpose2d(
        torch.from_numpy(x), torch.from_numpy(kernel), stride=2, padding=1
    ).numpy()
    layer = keras.layers.Conv2DTranspose(2, 4, strides=2, padding="same", use_bias=False)
    layer.build((None, 5, 5, 3))
    layer.kernel.assign(under(foreign(theirs=kernel), (4, 4, 2, 3)))
    found = np.array(layer(x.transpose(0, 2, 3, 1))).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_dense_kernels_are_turned_and_vectors_are_not():
    theirs = counted(2, 3)
    assert_array_equal(under(foreign(theirs=theirs), (3, 2)), [[0, 3], [1, 4], [2, 5]])
    assert_array_equal(under(foreign(theirs=VECTOR), (3,)), VECTOR)


def test_what_keras_wrote_stays_as_it_is():
    for theirs in (counted(5, 7, 3, 2), counted(2, 3)):
        assert_array_equal(under(foreign(is_torch=False, theirs=theirs), theirs.shape), theirs)


# === Names ===


def test_no_arrays_fit_nothing():
    match = foreign().under({}, {})
    assert (match.matched, match.missing, match.reshaped, match.unused) == ({}, [], [], [])


def test_matched_missing_reshaped_and_unused():
    given = foreign(a=VECTOR, b=counted(2, 3), c=VECTOR, fc=VECTOR, d=VECTOR)
    names = {"kernel": "b", "bias": "a", "gamma": "lost", "beta": "c", "theirs_only": "d"}
    shapes = {"bias": (3,), "kernel": (2, 3), "gamma": (3,), "beta": (4,), "unnamed": (1,)}
    match = given.under(names, shapes)
    assert list(match.matched) == ["bias"]
    assert match.missing == ["gamma", "unnamed"]
    assert match.reshaped == [("kernel", (3, 2), (2, 3)), ("beta", (3,), (4,))]
    assert match.unused == ["fc", "d"]  # as the file calls them, and in its order


# === HDF5 and safetensors ===


def test_hdf5_files_are_kerass(tmp_path):
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["conv1/conv1/kernel:0"] = counted(2, 3)
    found = convert.read(tmp_path / "weights.h5")
    assert list(found.arrays) == ["conv1/kernel"] and not found.is_torch


def test_safetensors_are_torchs(tmp_path):
    arrays = {
        "module.conv1.weight": counted(2, 3, 1, 1),
        "module.bn1.num_batches_tracked": np.int64(7),
        "bn1.num_batches_tracked": np.int64(7),
        "a.module.bias": VECTOR,
    }
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safetensors.numpy.save(arrays))
    found = convert.read(path)
    assert sorted(found.arrays) == ["a.module.bias", "conv1.weight"] and found.is_torch
    assert_array_equal(found.arrays["conv1.weight"], counted(2, 3, 1, 1))


def test_half_precision_of_safetensors_becomes_float32(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safetensors.numpy.save({"a": np.float16([1, 2.5])}))
    found = convert.read(path).arrays["a"]
    assert found.dtype == np.float32
    assert_array_equal(found, [1, 2.5])


@pytest.mark.parametrize("name", ["weights.h5", "weights.safetensors"])
def test_garbage(name, tmp_path):
    (tmp_path / name).write_bytes(b"<html>404</html>")
    refused(tmp_path / name)


# === PyTorch ===


@pytest.fixture(name="torch")
def _torch():
    return pytest.importorskip("torch")


def state_dict(torch) -> dict:
    return {
        "module.conv1.weight": torch.arange(6.0).reshape(2, 3, 1, 1),
        "module.bn1.running_var": torch.tensor([1.0, 2.0, 3.0]),
        "module.bn1.num_batches_tracked": torch.tensor(7),
    }


def assert_is_the_state_dict(found: Foreign) -> None:
    assert list(found.arrays) == ["conv1.weight", "bn1.running_var"] and found.is_torch
    assert_array_equal(found.arrays["conv1.weight"], counted(2, 3, 1, 1))
    assert_array_equal(found.arrays["bn1.running_var"], VECTOR)
    assert {array.dtype for array in found.arrays.values()} == {np.dtype("float32")}


@pytest.mark.parametrize(
    "wrapper", ["", "state_dict", "best_state_dict", "model", "net", "model_state_dict"]
)
def test_state_dicts_bare_and_wrapped(torch, wrapper, tmp_path):
    content = state_dict(torch)
    torch.save({wrapper: content} if wrapper else content, tmp_path / "a.pth")
    assert_is_the_state_dict(convert.read(tmp_path / "a.pth"))


@pytest.mark.parametrize("zipped", [True, False])
def test_checkpoints_with_scores(torch, zipped, tmp_path):
    checkpoint = {
        "epoch": 31,
        "save_dir": "/data/checkpoints/",
        "state_dict": state_dict(torch),
        "lr": 1e-4,
        "best_val_loss": np.float64(0.25),
        "history": [np.float32(1), np.int64(2)],
    }
    path = tmp_path / "kpt_blouse_031.ckpt"
    torch.save(checkpoint, path, _use_new_zipfile_serialization=zipped)
    assert (path.read_bytes()[:2] == b"PK") is zipped
    assert_is_the_state_dict(convert.read(path))


def test_scores_as_numpy_1_wrote_them(torch, tmp_path):
    path, scored = tmp_path / "a.ckpt", {"state_dict": state_dict(torch), "score": np.float64(1)}
    torch.save(scored, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    assert b"numpy._core.multiarray" in content
    path.write_bytes(content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert_is_the_state_dict(convert.read(path))


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_other_precisions_become_float32(torch, kind, tmp_path):
    tensor = torch.tensor([1.0, 2.5], dtype=getattr(torch, kind))
    torch.save({"a": tensor}, tmp_path / "a.pt")
    found = convert.read(tmp_path / "a.pt").arrays["a"]
    assert found.dtype == np.float32
    assert_array_equal(found, [1, 2.5])


def test_parameters_that_want_gradients(torch, tmp_path):
    torch.save({"a": torch.nn.Parameter(torch.tensor([1.0]))}, tmp_path / "a.pt")
    assert_array_equal(convert.read(tmp_path / "a.pt").arrays["a"], [1])


def call(text: str) -> None:
    CALLED.append(text)


class Calling:
    """Unpickled, it calls a function."""

    def __reduce__(self):
        return call, ("pickle",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_calls_is_refused(torch, zipped, tmp_path):
    path, content = tmp_path / "a.ckpt", {"state_dict": state_dict(torch), "x": Calling()}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    CALLED.clear()
    assert "holds more than weights and plain values" in refused(path)
    assert CALLED == []
    torch.load(path, weights_only=False)
    assert CALLED == ["pickle"]  # so it would have


def test_what_scores_need_is_allowed_while_reading_alone(torch, tmp_path):
    torch.save({"state_dict": state_dict(torch), "lr": np.float64(1)}, tmp_path / "a.ckpt")
    convert.read(tmp_path / "a.ckpt")
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "a.ckpt", weights_only=True)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"PK\x03\x04"])
def test_garbage_for_torch(torch, content, tmp_path):
    (tmp_path / "a.pth").write_bytes(content)
    assert "Save the state dict alone" in refused(tmp_path / "a.pth")


def test_half_a_file_for_torch(torch, tmp_path):
    torch.save(state_dict(torch), tmp_path / "a.pth")
    whole = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "a.pth")


def test_no_such_file_for_torch(torch, tmp_path):
    assert "not read" in refused(tmp_path / "a.pth")


def test_what_holds_no_state_dict(torch, tmp_path):
    one = torch.tensor([1.0])
    for content in ([one], one, {}, {"epoch": 3}, {0: one}, {"state_dict": {}}):
        torch.save(content, tmp_path / "a.pth")
        assert "holds no state dict" in refused(tmp_path / "a.pth")


def test_without_torch(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    path = tmp_path / "a.pth"
    path.write_bytes(b"")
    assert "pip install 'aifashion[convert]'" in refused(path, Exit.ENVIRONMENT)
