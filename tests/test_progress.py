"""What a long command shows: a bar on a terminal, plain lines elsewhere."""

import io
import os
import sys

import pytest
from rich.console import Console

from aifashion import progress
from aifashion.progress import TrainingProgress


def steps(bar: TrainingProgress) -> None:
    """Two steps of a second each, a quarter of it waiting for data, batches of 8."""
    for step in (1, 2):
        bar.step(step, {"refine": 0.5, "P2": 0.25}, seconds=1.0, waited=0.25)


def test_a_terminal_gets_a_bar(monkeypatch):
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=160)
    monkeypatch.setattr(progress, "Console", lambda: terminal)
    bar = TrainingProgress(total_steps=4, first_step=0, batch_size=8)
    with bar.shown():
        steps(bar)
        bar.line("epoch 1: done")
    shown = screen.getvalue()
    assert "2/4" in shown and "refine 0.500 P2 0.250" in shown
    assert "8 img/s" in shown and "waiting for data 25%" in shown and "epoch 1: done" in shown


def test_elsewhere_a_line_now_and_then(monkeypatch, capsys):
    bar = TrainingProgress(total_steps=4, first_step=0, batch_size=8)
    with bar.shown():
        steps(bar)
    assert capsys.readouterr().out == ""  # 30 seconds have not gone by
    monkeypatch.setattr(progress, "PLAIN_EVERY", 0.0)
    with bar.shown():
        bar.step(3, {"refine": 0.5}, seconds=1.0, waited=0.0)
    said = capsys.readouterr().out
    assert said.startswith("step 3/4  refine 0.500  8 img/s") and "left" in said


def test_a_silent_one_counts(monkeypatch, capsys):
    monkeypatch.setattr(progress, "PLAIN_EVERY", 0.0)
    bar = TrainingProgress(total_steps=4, first_step=0, batch_size=8, silent=True)
    with bar.shown():
        steps(bar)
        bar.line("epoch 1: done")
    assert capsys.readouterr().out == "" and bar.waiting_share == 0.25


def test_items_pass_on_unchanged():
    assert list(progress.track([], 0, "nothing")) == []
    assert list(progress.track(iter("abc"), 3, "letters")) == ["a", "b", "c"]


def test_a_quiet_start_holds_notes_back_unless_it_fails(capfd, monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    with progress.quiet_start():
        os.write(2, b"a note from a library\n")
        print("ours", file=sys.stderr)
    assert "note" not in capfd.readouterr().err
    with pytest.raises(ImportError), progress.quiet_start():
        os.write(2, b"why it failed\n")
        raise ImportError
    assert "why it failed" in capfd.readouterr().err
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with progress.quiet_start():
        os.write(2, b"asked for\n")
    assert "asked for" in capfd.readouterr().err
