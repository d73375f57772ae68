"""The commands of docs/training.md, small; and that it knows the fields and codes there are."""

import re
import shlex
from dataclasses import fields

import pytest
from support import ROOT, TINY

from aifashion.api.fitting.start import HARMLESS
from aifashion.cli import doors, main
from aifashion.training import Training

PAGE = (ROOT / "docs/training.md").read_text()
COMMANDS = re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)[0].splitlines()


def test_commands_of_one_machine(sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(COMMANDS) == 5
    for command in COMMANDS:
        _, *words = shlex.split(command)
        if words[0] == "-m":
            assert main(words[2:]) == 0
        elif "auto" in words:
            assert doors.train_main(words[1:]) == 0
        else:
            small = [*words[1:], *TINY, "--data", str(sample)]
            epochs = words[words.index("--epochs") + 1] if "--epochs" in words else "2"
            assert doors.train_main([*small, "--epochs", epochs]) == 0, command
    rows = (tmp_path / "trained_models/long/history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2", "3"]


@pytest.mark.parametrize("name", ["srun", "--gpus-per-task", "TF_CONFIG", "--resume auto"])
def test_several_machines(name):
    assert name in PAGE


def test_every_field_is_told():
    told = set(re.findall(r"`([a-z_]+)`", PAGE.partition("## How it is trained")[2]))
    elsewhere = {"epochs", "batch_size", "save_minutes"}
    assert {field.name for field in fields(Training)} - told == elsewhere


def test_what_may_change_is_told():
    section = PAGE.partition("What is asked otherwise")[2].partition("\n\n")[0]
    for path in HARMLESS:
        flag = {"training.epochs": "--epochs", "max_bad": "--max-bad", "data": "data"}
        assert flag.get(path, path) in section
