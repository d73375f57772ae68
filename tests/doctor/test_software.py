"""Versions, extras, Keras' backend, devices, nvidia-smi and variables."""

import configparser
import re
import sys
from importlib import metadata

import keras
import numpy as np
import pytest
from support import ROOT

from aifashion import training
from aifashion.doctor import software


@pytest.fixture
def installed(monkeypatch):
    """Stands for pip's list: {name: version}, filled by the test."""
    versions = {}

    def version(name):
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    return versions


def test_the_ranges_are_those_of_setup_cfg():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    wanted = {}
    for line in settings["options"]["install_requires"].split():
        name, lowest, below = re.fullmatch(r"([\w-]+)>=([\d.]+)(?:,<([\d.]+))?", line).groups()
        wanted[name] = (lowest, below)
    assert wanted and wanted == software.RANGES


def test_nothing_is_installed(installed):
    found = software.libraries()
    assert set(found.values()) == {None}
    assert [name for name in found if "opencv" in name] == ["opencv-python-headless"]


def test_opencv_is_named_as_installed(installed):
    installed.update({"numpy": "2.1", "opencv-contrib-python": "4.9"})
    found = software.libraries()
    assert {name: found[name] for name in found if found[name]} == installed
    assert "opencv-python-headless" not in found
    installed["opencv-python-headless"] = "5.0"
    assert {"opencv-contrib-python", "opencv-python-headless"} <= set(software.libraries())


def test_versions_are_those_imported():
    found = software.libraries()
    assert found["keras"] == keras.__version__ and found["numpy"] == np.__version__
    assert software.python()["version"] == sys.version.split()[0]


def test_extras_are_looked_for_but_not_imported(installed, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "modules", {})
    for name in ("torch", "tensorboard"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('imported')")
    installed["torch"] = "2.10.0"
    assert software.extras() == {"tensorboard": "?", "jax": None, "torch": "2.10.0"}


# === Keras and TensorFlow ===


def test_the_backend_is_keras_own_choice():
    assert software.keras_backend() == keras.backend.backend()


def test_backend(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert software.keras_backend() == "tensorflow"
    for text, backend in [("{", "tensorflow"), ("[]", "tensorflow"), ('{"backend": "jax"}', "jax")]:
        (tmp_path / "keras.json").write_text(text)
        assert software.keras_backend() == backend
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert software.keras_backend() == "torch"


def test_devices_are_tensorflows(monkeypatch):
    seen = {"tensorflow": "2.20.1", "gpus": [], "cuda_built": False}
    monkeypatch.setattr(training, "describe_devices", lambda: seen)
    assert software.devices() == seen


def test_a_broken_installation_is_described(monkeypatch):
    def fail():
        raise OSError("libcudart:\ncannot open")

    monkeypatch.setattr(training, "describe_devices", fail)
    assert software.devices() == {"error": "OSError: libcudart: cannot open"}
    monkeypatch.setitem(sys.modules, "aifashion.images", None)
    monkeypatch.delattr("aifashion.images")
    assert software.pictures_error().startswith(("ModuleNotFoundError", "ImportError"))


def test_pictures_can_be_read():
    assert software.pictures_error() is None


# === nvidia-smi ===


@pytest.mark.parametrize(
    ("script", "gpus", "error"),
    [
        ("echo 'Chip 9, 560.1, 81559 MiB'; echo 'Chip 9, 560.1, 81559 MiB'", 2, None),
        ("echo 'No devices were found'", 0, None),
        ("echo 'No devices were found'; exit 6", 0, None),
        ("echo 'It has failed.'; echo more; exit 9", 0, "It has failed."),
        ("echo 'on the error stream' >&2; exit 9", 0, "on the error stream"),
        ("exit 3", 0, "exit code 3"),
        ("sleep 5", 0, "no answer in 0.2 s"),
    ],
)
def test_nvidia_smi(script, gpus, error, tmp_path, monkeypatch):
    file = tmp_path / "nvidia-smi"
    file.write_text(
        f"#!/bin/bash\n[ $1 = --query-gpu=name,driver_version,memory.total ]\n{script}\n"
    )
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(software, "PATIENCE", 0.2 if "sleep" in script else 20)
    expected = ["Chip 9, 560.1, 81559 MiB"] * gpus
    assert software.nvidia_smi() == {"found": True, "gpus": expected, "error": error}


def test_no_nvidia_smi(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert software.nvidia_smi() == {"found": False, "gpus": [], "error": None}


# === Variables ===


def test_only_named_variables_are_shown():
    assert set(software.variables({"PASSWORD": "x"}).values()) == {None}
    given = {"TF_XLA_FLAGS": "", "SLURM_JOB_ID": "7", "SLURM_JWT": "ey", "AWS_SECRET": "x"}
    shown = software.variables(given)
    assert {name: value for name, value in shown.items() if value is not None} == {
        "TF_XLA_FLAGS": "",
        "SLURM_JOB_ID": "7",
        "SLURM_JWT": software.HIDDEN,
    }
    assert set(shown) == {*software.VARIABLES, "SLURM_JOB_ID", "SLURM_JWT"}
