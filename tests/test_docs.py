"""The examples of docs/conventions.md, run one after the other, and what its tables claim."""

import doctest
import re

import pytest
from support import ROOT

from aifashion import keypoints, runs

PAGE = (ROOT / "docs/conventions.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def examples(text: str) -> list[doctest.Example]:
    return doctest.DocTestParser().get_examples(text)


def failures(text: str) -> str:
    """What the examples of a text print otherwise than they say; nothing where they hold."""
    test = doctest.DocTest(examples(text), {}, "conventions.md", None, 0, None)
    said = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    return "".join(said)


def test_a_wrong_example_is_found():
    assert failures("") == ""
    assert "Expected:\n    3\nGot:\n    2" in failures(">>> 1 + 1\n3\n")


def test_every_block_claims_something():
    assert len(BLOCKS) >= 9
    assert all(any(example.want for example in examples(block)) for block in BLOCKS)


def test_the_examples_hold():
    assert failures("\n".join(BLOCKS)) == ""


@pytest.mark.parametrize("name", ["keypoints", "visibility", "image", "to_input", "record"])
def test_the_batch_is_the_contracts(name):
    """Shape and type of the page's table are those of the package's own."""
    _, shape, kind = re.search(rf"\| (.*)`{name}` \| (\(.*?\)) \| (\w+) \|", PAGE).groups()
    lines = keypoints.__doc__.splitlines()
    line = next(line for line in lines if re.search(rf" {name} +\(B", line))
    assert shape in line and f" {kind} " in line


def test_a_runs_files_are_named():
    table = PAGE.partition("## A run's folder")[2].partition("## ")[0]
    assert [name for name in runs.CONTENTS if f"`{name}" not in table] == []
