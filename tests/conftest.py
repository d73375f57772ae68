"""What the tests share: a small drawn data set, and one trained run on it."""

import gc
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

from pathlib import Path
from types import SimpleNamespace

import pytest
from support import TINY

from aifashion.datasets.synthetic import draw_fashionai

# Files of few and long tests, which processes are given first so that they end together.
LONGEST = (
    "training/test_compilation.py", "test_doors.py", "training/test_replicas.py", "test_kills.py",
    "test_golden.py", "test_readme.py", "test_landmarks_flow.py", "test_published_commands.py",
    "test_resume.py", "api/test_published_runs.py", "test_training_page.py", "test_trouble.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list) -> None:
    """The files of LONGEST first."""
    folder = Path(__file__).parent
    place = {folder / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(LONGEST)))


@pytest.fixture(scope="module", autouse=True)
def clean_memory():
    """What a file's tests leave behind costs the next ones no time.

    Keras and TensorFlow keep a million objects, which Python's garbage collector would go through
    again and again.
    """
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session()
    gc.collect()
    gc.freeze()


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
