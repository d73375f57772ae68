"""Small sound data to plant faults into."""

import os
import shutil
from pathlib import Path

import pytest
from planting import ANSWERS, TEST, TRAIN, rows_of, write_rows

from aifashion.datasets.cleaning import copy_file


@pytest.fixture(scope="session")
def small(sample, tmp_path_factory) -> Path:
    """25 training and 5 test pictures of the sample."""
    folder = tmp_path_factory.mktemp("small")
    for file, count in ((TRAIN, 25), (TEST, 5), (ANSWERS, 5)):
        rows = rows_of(sample / file)[: count + 1]
        write_rows(folder / file, rows)
        for image_id, *_ in rows[1:]:
            root = Path(file).parts[0]
            copy_file(sample / root / image_id, folder / root / image_id)
    return folder


@pytest.fixture
def data(small, tmp_path) -> Path:
    """The same, to break: the pictures are links, so they must be replaced, not written into."""

    def place(source, target):
        (os.link if source.endswith(".jpg") else shutil.copy)(source, target)

    return Path(shutil.copytree(small, tmp_path / "data", copy_function=place))
