"""The menu of datasets, and the names that each module on it offers."""

import re
import subprocess
import sys

import pytest

from aifashion import datasets
from aifashion.errors import Exit, Failure

NAMES = re.findall(r"^(\w+)(?:\(.*?\))? {3,}", datasets.__doc__, flags=re.MULTILINE)


def test_the_names_are_written_down():
    assert NAMES == [
        "SCHEMA", "SUBMISSION", "find", "read_part", "read", "write", "is_drawn",
        "saved_validation",
    ]  # fmt: skip


@pytest.mark.parametrize("name", datasets.DATASETS)
def test_each_module_offers_them(name):
    module = datasets.named(name)
    assert [each for each in NAMES if not hasattr(module, each)] == []
    assert module.SCHEMA.name == name and "." in module.SUBMISSION


@pytest.mark.parametrize("name", ["", "FashionAI", "hats"])
def test_unknown_names(name):
    with pytest.raises(Failure) as caught:
        datasets.named(name)
    assert caught.value.exit_code == Exit.USAGE
    assert str(caught.value) == f"dataset {name}: unknown. Use one of fashionai, deepfashion2."


def test_needs_no_tensors():
    assert datasets.DATASETS["fashionai"] is datasets.fashionai
    code = "import sys, aifashion.datasets, aifashion.evaluation; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "aifashion.datasets.fashionai" in loaded.split()
    assert not {"keras", "tensorflow"} & set(loaded.split())
