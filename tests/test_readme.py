"""What the README tells a person to type: small in `make test`, verbatim in the long tests."""

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT, TINY

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(bash|python)\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [
    line.split("  #")[0].strip()
    for language, block in BLOCKS
    if language == "bash"
    for line in block.splitlines()
]
PYTHON = [command for command in COMMANDS if command.startswith("python ")]
SNIPPETS = [block for language, block in BLOCKS if language == "python"]
SMALL_DATA = ("--images", "60", "--test-images", "20", "--size", "96")


def test_the_readme_has_commands():
    assert len(PYTHON) >= 12 and len(SNIPPETS) == 1
    assert {"make quickstart", "make test"} <= set(COMMANDS)


def smaller(words: list[str]) -> list[str]:
    """The same command on small pictures with a small network; later flags win."""
    if words[:4] == ["python", "-m", "aifashion", "draw"]:
        return [*words, *SMALL_DATA]
    if words[1] == "train.py" and "--resume" not in words:
        return [*words, *TINY]
    return words


def expanded(word: str) -> list[str]:
    """A word as the shell would hand it over."""
    found = sorted(map(str, Path().glob(word))) if "*" in word else []
    return found or [word]


def run_here(words: list[str], monkeypatch) -> None:
    """Runs `python …` in this process, which has TensorFlow loaded already."""
    _, *arguments = [path for word in words for path in expanded(word)]
    with pytest.raises(SystemExit) as ended:
        if arguments[0] == "-m":
            monkeypatch.setattr(sys, "argv", arguments[1:])
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            monkeypatch.setattr(sys, "argv", arguments)
            runpy.run_path(str(ROOT / arguments[0]), run_name="__main__")
    assert ended.value.code == 0, shlex.join(words)


def test_commands_small(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in PYTHON:
        run_here(smaller(shlex.split(command)), monkeypatch)
    assert (tmp_path / "submission/mine/submission.csv").is_file()
    assert (tmp_path / "submission/dresses/sheet.jpg").is_file()
    (tmp_path / "snippet.py").write_text(SNIPPETS[0])
    runpy.run_path("snippet.py")


@pytest.mark.slow
def test_commands_verbatim(tmp_path):
    for name in ("train.py", "test.py", "demo.py", "aifashion", "pipelines"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to(shutil.which(sys.executable))
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    for command in PYTHON:
        subprocess.run(command, shell=True, cwd=tmp_path, env=environment, check=True)


def test_the_wardrobes_page_has_the_same_commands():
    page = (ROOT / "docs/wardrobe.md").read_text()
    (block,) = re.findall(r"```bash\n(.*?)```", page, flags=re.DOTALL)
    assert block.splitlines() and set(block.splitlines()) <= set(COMMANDS)
