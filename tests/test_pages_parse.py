"""Commands of the pages that would run for hours: each is one that the doors and verbs take."""

import re
import shlex

import pytest
from support import ROOT

from aifashion.cli import demo_main, main, running, train_main
from aifashion.cli import test_main as submit_main
from aifashion.recipes import override, resolve

DOORS = {"train.py": train_main, "test.py": submit_main, "demo.py": demo_main}
PAGES = ("docs/recipes.md", "docs/ablations.md", "docs/deepfashion2.md")


def commands(page: str) -> list[str]:
    """Every `python …` of a page, in blocks and in sentences."""
    text = (ROOT / page).read_text()
    blocks = re.findall(r"^(python [^\n]+)", text, re.MULTILINE)
    return blocks + re.findall(r"`(python [^`\n]+)`", text)


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_taken(page, monkeypatch):
    taken = []
    monkeypatch.setattr(running, "run", lambda command, arguments: taken.append(arguments) or 0)
    asked = commands(page)
    for line in asked:
        _, door, *words = shlex.split(line)
        if door == "-m":
            assert words.pop(0) == "aifashion" and main(words) == 0
        else:
            assert DOORS[door](words) == 0
    assert len(taken) == len(asked) >= 5
    for arguments in taken:
        recipe = resolve(getattr(arguments, "network", None) or "quick")
        for setting in getattr(arguments, "set", ()):
            override(recipe, setting)
