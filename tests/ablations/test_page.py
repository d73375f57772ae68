import json
from types import SimpleNamespace

import pytest
from support import ROOT

from aifashion.ablations import page, rows, running
from aifashion.errors import Exit, Failure


@pytest.fixture(name="scores")
def _scores(tmp_path, monkeypatch):
    """Writes scores as test.py does: {variant: NE of each seed}."""
    monkeypatch.chdir(tmp_path)

    def write(named: dict) -> None:
        for name, values in named.items():
            for seed, value in enumerate(values):
                folder = running.SCORES / name / str(seed)
                folder.mkdir(parents=True)
                (folder / "metrics.json").write_text(json.dumps({"ne_percent": value}))

    return write


def line(table: str, label: str) -> list[str]:
    """The cells of a label's line; a base stands in several tables, the same in each."""
    (found,) = {line for line in table.splitlines() if line.startswith(f"| {label} |")}
    return [cell.strip() for cell in found.strip("|").split("|")]


@pytest.mark.usefixtures("scores")
def test_nothing_is_measured_yet():
    assert line(page.table(3), "64 px")[1:] == ["not measured yet", "", ""]


def test_effects_are_taken_seed_by_seed(scores):
    # Differences of -1, -1.1 and -0.9 are clear though the seeds spread by 2; 0.1, -0.1 and 0 none.
    scores({"base": (10.0, 12.0, 14.0), "size_128": (9.0, 10.9, 13.1), "size_64": (10.1, 11.9, 14)})
    table = page.table(3)
    assert line(table, "base: as the quick recipe has it")[1:] == ["12.00 ± 2.00", "", ""]
    assert line(table, "128 px")[1:] == ["11.00 ± 2.05", "−1.00 ± 0.10", "better"]
    assert line(table, "64 px")[1:] == ["12.00 ± 1.95", "+0.00 ± 0.10", "no measurable effect"]
    assert line(page.table(1), "128 px")[1:] == ["9.00", "", ""]


def test_a_worse_one(scores):
    scores({"base": (10.0, 10.0), "flip_0": (11.0, 11.2)})
    assert line(page.table(2), "never")[2:] == ["+1.10 ± 0.14", "worse"]


def test_a_seed_that_lacks(scores):
    scores({"base": (10.0, 10.0), "flip_0": (11.0,)})
    assert line(page.table(2), "never")[1:] == ["not measured yet", "", ""]


def test_the_table_stands_between_its_marks(tmp_path, scores):
    scores({"base": (10.0, 12.0)})
    path = tmp_path / "page.md"
    path.write_text(f"Before\n{page.BEGIN}\nstale\n{page.END}\nAfter\n")
    page.write_page(path, 2)
    text = path.read_text()
    assert text.startswith(f"Before\n{page.BEGIN}\n") and text.endswith(f"\n{page.END}\nAfter\n")
    assert "stale" not in text and "11.00 ± 1.41" in text
    page.write_page(path, 2)
    assert path.read_text() == text
    path.write_text("no marks")
    with pytest.raises(Failure) as failure:
        page.write_page(path, 2)
    assert failure.value.exit_code == Exit.USAGE and path.read_text() == "no marks"


def test_the_page_names_every_row():
    text = (ROOT / "docs/ablations.md").read_text()
    for row in rows.ROWS:
        assert f"### {row.title}\n" in text and row.published in text


# === Running ===


@pytest.fixture(name="called")
def _called(monkeypatch, scores):
    """Commands instead of processes; a test "scores" 5 %."""
    commands, failing = [], [None]

    def run(command, check):
        commands.append(command[1:])
        if command[1] == "test.py":
            name, seed = command[command.index("--out-path") + 1].split("/")[-2:]
            assert seed == "0"
            scores({name: [5.0]})
        return SimpleNamespace(returncode=6 if command[1] == failing[0] else 0)

    monkeypatch.setattr(running.subprocess, "run", run)
    return SimpleNamespace(commands=commands, failing=failing)


def doors(called) -> list[str]:
    return [command[0] for command in called.commands]


def test_what_has_a_score_is_left_alone(called):
    running.run_missing(["peak_cell"], 1)
    assert doors(called) == ["-m", "train.py", "test.py"]
    train, test = called.commands[1:]
    assert train[train.index("--run") + 1] == test[test.index("--model-path") + 1]
    assert "--resume" in train and "model.reading.peak=cell" in test
    called.commands.clear()
    running.run_missing(["peak_cell"], 1)
    assert doors(called) == ["-m"]  # the data, which nobody drew here


def test_what_is_trained_is_not_trained_again(called):
    running.run_missing(["base", "peak_cell"], 1)
    assert doors(called) == ["-m", "train.py", "test.py", "test.py"]


def test_what_a_network_starts_from_is_trained_first(called):
    running.run_missing(["landmarks_each"], 1)
    assert doors(called) == ["-m", "train.py", "train.py", "test.py"]
    draw, start, train, test = called.commands
    assert draw[2:4] == ["draw", "deepfashion2"] and "each" in train
    assert train[train.index("--weights") + 1] == start[start.index("--run") + 1]
    folders = {command[command.index("--data") + 1] for command in (start, train, test)}
    assert folders == {rows.DEEPFASHION2.folder}


def test_a_command_that_fails_ends_it_with_its_code(called):
    called.failing[0] = "train.py"
    with pytest.raises(Failure, match="ended with 6") as failure:
        running.run_missing(["base", "peak_cell"], 1)
    assert failure.value.exit_code == Exit.DIVERGED and doors(called) == ["-m", "train.py"]


@pytest.mark.usefixtures("called")
def test_an_unknown_variant():
    with pytest.raises(Failure, match="no variant peak; there are base, ") as failure:
        running.run_missing(["peak"], 1)
    assert failure.value.exit_code == Exit.USAGE
