"""What the tests share: a small drawn data set, and one trained run on it."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

from pathlib import Path
from types import SimpleNamespace

import pytest
from support import TINY

from aifashion.datasets.synthetic import draw_fashionai


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Path:
    """A working directory like a fresh checkout's, its sample drawn small already."""
    folder = tmp_path_factory.mktemp("project")
    draw_fashionai(folder / "data/sample/fashionai", 60, 20, seed=0, size=96, processes=1)
    return folder


@pytest.fixture(scope="session")
def sample(project) -> Path:
    """80 drawn pictures in FashionAI's layout."""
    return project / "data/sample/fashionai"


@pytest.fixture(scope="session")
def trained(project, sample):
    """One small run, trained by the door's own function; `.folder` is the run's."""
    from aifashion.cli import train_main

    folder = project / "trained_models/all/2026_01_01_00_00_00"
    assert train_main(["--data", str(sample), "--run", str(folder), *TINY]) == 0
    return SimpleNamespace(folder=folder, data=sample)
