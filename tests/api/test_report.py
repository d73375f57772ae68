"""The report of a trained run: its numbers are the scores', and it says what is missing."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from pages import Page

from aifashion import runs
from aifashion.api import load, report
from aifashion.api.predictions import PredictOptions, predict_records
from aifashion.api.report_data import Evaluated, collect, read_history
from aifashion.cli import main
from aifashion.cli import test_main as submit_main
from aifashion.datasets import fashionai
from aifashion.datasets.schema import KeypointRecord
from aifashion.errors import Exit
from aifashion.keypoints import metrics
from aifashion.report import History, render


@pytest.fixture(scope="module")
def tested(trained, tmp_path_factory):
    """A copy of the trained run, tested by the door: run, out folder and what was printed."""
    folder = tmp_path_factory.mktemp("tested")
    run, out = folder / "run", folder / "out"
    shutil.copytree(trained.folder, run)
    assert submit_main(
        ["--data", str(trained.data), "--model-path", str(run), "--out-path", str(out)]
    ) == int(Exit.DONE)
    return run, out


@pytest.fixture(scope="module")
def page(tested) -> Page:
    return Page((tested[0] / "report.html").read_text(encoding="utf-8"))


def test_stands_on_its_own(page, tested):
    page.check_alone()
    assert (tested[0] / "report.html").read_bytes() == (tested[1] / "report.html").read_bytes()
    scores = json.loads((tested[0] / "metrics.json").read_text())
    assert len(page.pictures()) == min(12 + 6, 20 - scores["skipped"])
    assert "Drawn data" in page.text and "Scored on the 20 pictures of the test list" in page.text


def test_every_number_is_the_scores(page, tested):
    scores = json.loads((tested[0] / "metrics.json").read_text())
    head, *rows, last = page.table("keypoint")
    categories = head[1:-1]
    assert categories == list(scores["per_category"]) and head[-1] == "all"
    assert [row[0] for row in rows] == list(scores["per_keypoint"])
    numbers = 0
    for name, *cells, total in rows:
        assert total == f"{scores['per_keypoint'][name]:.2f}"
        for category, cell in zip(categories, cells, strict=True):
            score = scores["per_category_keypoint"][category].get(name)
            assert cell == ("·" if score is None else f"{score:.2f}")
            numbers += score is not None
    assert numbers > 24
    assert last[1:-1] == [f"{score:.2f}" for score in scores["per_category"].values()]
    assert last[-1] == f"{scores['ne_percent']:.2f}"
    assert f"{scores['ne_percent']:.2f} %" in page.text
    assert page.table("pair")[-1][-1] == f"{100 * scores['swap_rate']:.2f} %"
    counted = [int(row[1]) for row in page.table("confidence")[1:]]
    assert sum(counted) == scores["visible"]


def test_says_how_to_do_it_again(page, tested, trained):
    run = runs.load(tested[0])
    assert run.asked.command in page.text
    command = f"python test.py --model-path {tested[0]} --data {trained.data} --augment flip"
    assert command in page.text
    assert f"draw fashionai {run.asked.data} --images 60 --test-images 20" in page.text
    assert "keras" in page.text and "threads" in page.text


def test_the_verb_makes_the_same(page, tested, trained, tmp_path, capsys):
    out = tmp_path / "page.html"
    given = ["report", str(tested[0]), "--data", str(trained.data), "--out", str(out)]
    assert main(given) == Exit.DONE
    assert capsys.readouterr().out == f"{out}\n"
    again = Page(out.read_text(encoding="utf-8"))
    assert again.tables == page.tables and len(again.pictures()) == len(page.pictures())


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        ("", "Scored on the 2 pictures of the test list, none of which it was trained on."),
        ("a.jpg,val\nc.jpg,train\n", "Scored on the 2 pictures that the data hold out from"),
        ("a.jpg,val\nb.jpg,train\n", "Scored on 2 pictures, 1 of which it was trained on"),
    ],
)
def test_says_whether_its_pictures_are_new_to_the_network(sides, said, tmp_path):
    """Two garments in a, one in b; the data have been moved since."""
    rows = "".join(f"then/{row}\n" for row in sides.splitlines())
    (tmp_path / "split.csv").write_text(f"path,side\n{rows}")
    run = SimpleNamespace(folder=tmp_path, asked=SimpleNamespace(data="then"))
    model = SimpleNamespace(trained=[SimpleNamespace(run=run)])
    records = [KeypointRecord(name, Path("now") / name[:5], "skirt") for name in ("a.jpg/1",
               "a.jpg/2", "b.jpg/1")]  # fmt: skip
    assert report._of_test(model, Path("now"), records).startswith(said)


# === What is missing ===


def without_truth(data: Path, folder: Path) -> Path:
    """A copy of the data, in another place, whose test list has no answers."""
    shutil.copytree(data, folder)
    for answers in (folder / "test").glob("*_answer_*.csv"):
        answers.unlink()
    return folder


def test_without_truth_the_held_out_pictures_are_scored(tested, trained, tmp_path, capsys):
    """Also where the data have moved since: the split names the old place."""
    data = without_truth(trained.data, tmp_path / "data")
    out = tmp_path / "out"
    arguments = ["--model-path", str(tested[0]), "--data", str(data), "--out-path", str(out)]
    arguments += ["--augment", "none"]
    assert submit_main(arguments) == Exit.DONE
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == str(out / "submission.csv") and not said[-2].startswith("NE")
    page = Page((out / "report.html").read_text(encoding="utf-8"))
    page.check_alone()
    held_out = (tested[0] / "split.csv").read_text().count(",val")
    assert f"Scored on the {held_out} pictures that the run held out from training" in page.text
    assert 0 < len(page.pictures()) <= held_out


def test_no_truth_at_all(tested, trained, tmp_path, capsys):
    data = without_truth(trained.data, tmp_path / "data")
    shutil.rmtree(data / "train")
    run = tmp_path / "run"
    shutil.copytree(tested[0], run)
    (run / "history.csv").unlink()
    assert main(["report", str(run), "--data", str(data)]) == Exit.DONE
    assert "no annotations to train on" in capsys.readouterr().err
    page = Page((run / "report.html").read_text(encoding="utf-8"))
    page.check_alone()
    assert "No scores. The truth of the test list is not known, and" in page.text
    assert "No learning curves" in page.text and not page.tables and not page.pictures()


def test_refuses_what_is_no_run_or_no_data(trained, tmp_path, capsys):
    run, empty = tmp_path / "run", tmp_path / "empty"
    shutil.copytree(trained.folder, run)
    (run / "report.html").unlink(missing_ok=True)  # another test may have made one
    empty.mkdir()
    assert main(["report", str(empty)]) == Exit.BAD_MODEL
    assert main(["report", str(run), "--data", str(empty)]) == Exit.BAD_DATA
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and all(line.startswith("error: ") for line in said)
    assert not (run / "report.html").exists()


def test_unreadable_pictures_are_named_and_not_scored(tested, trained, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(trained.data, data)
    model = load(tested[0])
    records = fashionai.read_part(fashionai.find(data).test)
    units = metrics.units(metrics.truth_of(records), fashionai.SCHEMA)
    only = [record for record, unit in zip(records, units, strict=True) if unit > 0][:2]
    only[0].path.write_bytes(only[0].path.read_bytes()[:300])
    plain = PredictOptions("none")
    predictions = predict_records(model, only, plain)
    found = collect(Evaluated(model, data, predictions, "Two pictures.", plain))
    assert [name for name, _ in found.skipped] == [only[0].image_id]
    assert [shown.name for shown in found.worst] == [only[1].image_id] and not found.best
    counted = collect(Evaluated(model, data, predictions, "", plain, anyway=True))
    assert counted.scores.visible > found.scores.visible  # the mean shape counts
    assert [shown.name for shown in counted.worst] == [only[1].image_id]
    page = Page(render(found))
    page.check_alone()
    assert "Pictures that could not be read: 1." in page.text and only[0].image_id in page.text


# === History ===


def test_history_of_no_file_and_no_epoch(tmp_path):
    assert read_history(tmp_path / "history.csv") == History()
    (tmp_path / "history.csv").write_text("epoch,step,learning_rate,loss,P2,val_ne_percent\n")
    assert not read_history(tmp_path / "history.csv").epochs


def test_history_with_unknown_validation(tmp_path):
    (tmp_path / "history.csv").write_text(
        "epoch,step,learning_rate,loss,P2,refine,val_ne_percent,val_swap_rate,seconds\n"
        "1,7,0.1,3.5,3,0.5,,,2\n2,14,0.05,nan,2,0.25,7.5,0,2\n3,21"
    )
    history = read_history(tmp_path / "history.csv")
    assert history.epochs == [1, 2, 3]
    assert history.terms == {"P2": [3, 2, None], "refine": [0.5, 0.25, None]}
    assert history.loss == [3.5, None, None]
    assert history.validation_percent == [None, 7.5, None]
    assert history.seconds == [2, 2, None]
