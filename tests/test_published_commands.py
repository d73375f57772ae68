"""The commands of docs/published_commands.md run, on small networks; and the page names them all.

Functions run as Python here: ten small networks are trained, and tracing each takes longer than
its steps. Compiled steps have their own tests.
"""

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import published_small
import pytest
import tensorflow as tf
from support import ROOT

from aifashion import api, checkpoints, runs
from aifashion.cli import demo_main, flags, main, train_main
from aifashion.cli import test_main as submit_main
from aifashion.datasets.fashionai import CATEGORIES, KEYPOINTS
from aifashion.datasets.synthetic import draw_fashionai
from aifashion.errors import Exit
from aifashion.recipes import RECIPES, override

PAGE = (ROOT / "docs/published_commands.md").read_text()
# Pictures are read in graphs all the same, which TensorFlow finds worth a warning.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run")
TITLES = ("## The all-in-one system", "## The per-garment system")
DOORS = {"train.py": train_main, "test.py": submit_main, "demo.py": demo_main}


def section(title: str) -> str:
    return PAGE.partition(title)[2].partition("\n## ")[0]


def blocks(title: str) -> list[list[str]]:
    """The commands of each fenced block of a section."""
    found = re.findall(r"```bash\n(.*?)```", section(title), flags=re.DOTALL)
    return [block.splitlines() for block in found]


AS_THEY_STAND, BY_HAND = blocks(TITLES[0])
FLOW, ONE_GARMENT, CHECKPOINTS = blocks(TITLES[1])
SGD = "training.optimizer=sgd"  # Adam takes longer when it runs as Python
EPOCHS = {"all_weights_5.hdf5": "7", "kpt_outwear_036.ckpt": "37"}  # one more than are done


def run(command: str) -> int:
    """Runs a command of the page; training takes one epoch."""
    _, *words = shlex.split(command)
    if words[0] == "-m":
        return main(words[2:])
    if words[0] == "train.py":
        done = [epochs for name, epochs in EPOCHS.items() if name in command]
        words += ["--epochs", *(done or ["1"]), "--batch-size", "8", "--set", SGD]
    return DOORS[words[0]](words[1:])


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """50 drawn pictures in the all-in-one system's layout."""
    folder = tmp_path_factory.mktemp("published") / "data"
    draw_fashionai(folder, 40, 10, seed=0, size=64, processes=1)
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty working folder, the menu's big networks made small, functions run as Python."""
    published_small.put_into_the_menu(monkeypatch)
    ours = RECIPES["cpn_resnet101"]
    backbone = replace(ours.system.backbone, blocks=published_small.FEW, width=8)
    ours = replace(ours, system=replace(ours.system, size=64, width=16, backbone=backbone))
    small = {"cpn_resnet101": ours, **{name: RECIPES[name] for name in published_small.SYSTEMS}}
    for name, recipe in small.items():
        monkeypatch.setitem(RECIPES, name, replace(recipe, weights="none"))
    monkeypatch.chdir(tmp_path)
    tf.config.run_functions_eagerly(True)
    yield tmp_path
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def data_dir(place, drawn):
    """The per-garment system's DATA_DIR: two labelled parts, and a test list without answers."""
    table = pd.read_csv(drawn / "train/Annotations/train.csv", dtype=str)
    parts = {"wu_train/Annotations/annotations.csv": table[:15]}
    parts["r1_train/Annotations/train.csv"] = table[15:]
    parts["r2_test_b/test.csv"] = pd.read_csv(drawn / "test/test.csv", dtype=str)
    for name, rows in parts.items():
        csv = place / "DATA_DIR" / name
        csv.parent.mkdir(parents=True)
        rows.to_csv(csv, index=False)
        root = csv.parents[1] if csv.parent.name == "Annotations" else csv.parent
        for image_id in rows["image_id"]:
            (root / image_id).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(drawn / ("test" if "test" in name else "train") / image_id, root / image_id)
    (answers,) = (drawn / "test").glob("*_answer_*.csv")
    shutil.copy(answers, place / "truth.csv")
    return place / "DATA_DIR"


# === The all-in-one system ===


@pytest.fixture
def of_2018(place, drawn):
    """What the README's commands find: data, a run with its log, the published weights."""
    shutil.copytree(drawn, place / "data")
    folder = place / "trained_models/all/2018_05_23_15_18_07"
    folder.mkdir(parents=True)
    network = published_small.filled(published_small.SYSTEMS["cpn_v11_2018"].build())
    arrays = published_small.as_keras_2(network)
    for path in ("all_weights_5.hdf5", "../fashion_ai_keypoint_weights_epoch28.hdf5"):
        published_small.write_keras_2(folder / path, arrays)
    log = "../../trained_models/all/2018_05_23_15_18_07/all_weights_5.hdf5, Socre 0.08\n"
    (folder / "val.log").write_text(log + "dress: 0.08\n")
    backbone = ("res", "bn", "scale", "conv1")
    arrays = {name: array for name, array in arrays.items() if name.startswith(backbone)}
    published_small.write_keras_2(place / "data/resnet101_weights_tf.h5", arrays)


def test_its_commands_work_as_they_stand(of_2018, place, capsys):
    train, resume, test, demo = AS_THEY_STAND
    assert run(train) == Exit.DONE
    said = capsys.readouterr()
    assert "Training v11 on data" in said.out and "--gpu 2: no such device" in said.err
    assert run(resume) == Exit.DONE
    said = capsys.readouterr().out
    assert "the all-in-one FashionAI network of 2018" in said and "epoch 7:" in said
    newest = runs.listed()[-1]
    assert newest.recipe.system == RECIPES["cpn_v11_2018"].system
    assert run(test) == Exit.DONE
    table = pd.read_csv(place / "submission/2018_04_19/submission.csv", dtype=str)
    listed = pd.read_csv(place / "data/test/test.csv", dtype=str)
    assert list(table["image_id"]) == list(listed["image_id"])
    capsys.readouterr()
    assert run(demo) == Exit.DONE
    assert (place / capsys.readouterr().out.splitlines()[-1]).is_file()


def test_its_weights_by_hand(of_2018, place, capsys):
    split, train, convert, test = BY_HAND
    assert run(split) == Exit.DONE
    assert (place / "data/train/Annotations/val_split.csv").is_file()
    assert run(train) == Exit.DONE
    assert "resnet101_weights_tf.h5: " in capsys.readouterr().out
    assert run(convert) == Exit.DONE
    assert run(test) == Exit.DONE
    assert "NE " in capsys.readouterr().out
    assert (place / "submission/v11_2018/submission.csv").is_file()


# === The per-garment system ===


def filled(row) -> set[str]:
    return {name for name in KEYPOINTS if row[name] != "-1_-1_-1"}


def test_ten_networks_make_one_csv(data_dir, place, capsys):
    """Five garments, two networks each, one submission of them all."""
    *trainings, test = FLOW
    for command, recipe in zip(trainings, ("cpn_resnet152", "cpn_senet154"), strict=True):
        assert run(command) == Exit.DONE
        folder = place / capsys.readouterr().out.splitlines()[-1]
        for category, own in CATEGORIES.items():
            trained = runs.load(folder / category)
            assert trained.state == runs.FINISHED and trained.asked.recipe_name == recipe
            assert trained.recipe.system.keypoints == own
            assert checkpoints.newest(trained.checkpoints) is not None
    assert run(test) == Exit.DONE
    table = pd.read_csv(place / "submission/final/submission.csv", dtype=str)
    listed = pd.read_csv(data_dir / "r2_test_b/test.csv", dtype=str)
    assert list(table["image_id"]) == list(listed["image_id"])
    assert set(table["image_category"]) == set(CATEGORIES)
    for _, row in table.iterrows():
        assert filled(row) == set(CATEGORIES[row["image_category"]])
    # Each network alone says something else than both together.
    row = table[table["image_category"] == "skirt"].iloc[0]
    picture, own = str(data_dir / "r2_test_b" / row["image_id"]), CATEGORIES["skirt"]
    for name in ("A", "B"):
        model = ["--model-path", f"trained_models/{name}/skirt", "-c", "skirt"]
        assert main(["predict", picture, *model]) == Exit.DONE
        answer = json.loads(capsys.readouterr().out.splitlines()[-1])
        cells = [f"{int(x)}_{int(y)}_1" for x, y, _ in answer["keypoints"].values()]
        assert list(answer["keypoints"]) == list(own) and cells != [row[k] for k in own]


def test_one_garment(data_dir, place, capsys):
    train, demo, sheet, check, evaluate = ONE_GARMENT
    assert run(train) == Exit.DONE
    assert "outware is taken as outwear" in capsys.readouterr().err
    assert runs.load(place / "trained_models/outwear").asked.category == "outwear"
    shutil.copytree("trained_models/outwear", "trained_models/A/blouse")  # as if it were one
    assert run(demo) == Exit.DONE
    assert len(list((place / "submission/blouse").glob("*_keypoints.jpg"))) == 2  # of two there
    assert run(sheet) == Exit.DONE
    assert (place / "submission/outwear.png").is_file()
    assert run(check) == Exit.DONE
    (place / "submission/final").mkdir()
    shutil.copy("truth.csv", "submission/final/submission.csv")
    capsys.readouterr()
    assert run(evaluate) == Exit.DONE
    assert '"ne_percent": 0.0' in capsys.readouterr().out


@pytest.fixture
def its_checkpoints(data_dir, place):
    """Files as its training saved them, of small networks: ResNet and SENet, one name for both."""
    torch = pytest.importorskip("torch")
    for name, folder in (("cpn_resnet152", "checkpoints"), ("cpn_senet154", "checkpoints_v9")):
        arrays = published_small.as_torch(published_small.of_garment(name, "outwear"), name)
        state = {key: torch.from_numpy(array) for key, array in arrays.items()}
        content = {"epoch": 36, "state_dict": state, "lr": 1e-5, "best_val_loss": np.float32(9.0)}
        (place / folder).mkdir()
        torch.save(content, place / folder / "kpt_outwear_036.ckpt")


def test_its_checkpoints(its_checkpoints, data_dir, place, capsys):
    one, two, further, convert = CHECKPOINTS
    tables = []
    for command, folder in ((one, "one"), (two, "two")):
        assert run(command) == Exit.DONE
        tables.append(pd.read_csv(place / f"submission/{folder}/submission.csv", dtype=str))
        assert set(tables[-1]["image_category"]) == {"outwear"}
    assert not tables[0].equals(tables[1])
    capsys.readouterr()
    assert run(further) == Exit.DONE
    assert "cpn_resnet152" in (said := capsys.readouterr().out) and "epoch 37:" in said
    assert run(convert) == Exit.DONE
    assert runs.load(place / "trained_models/outwear_2018").asked.category == "outwear"


# === Names and spellings ===

# script -> its flags, and nothing besides, from the sources at the commits that the page names.
ALL_IN_ONE = {
    "src/top/train.py": "--gpuID --category --network --batchSize --epochs --resume --lrdecay "
    "--resumeModel --initEpoch",
    "src/top/test.py": "--gpuID --modelpath --outpath --augment",
    "src/top/demo.py": "--gpuID --modelfile",
}
PER_GARMENT = {
    "src/stage2/trainval.py": "-c --clothes -r --resume",
    "src/stage2/autorun.sh": "",
    "src/stage2/predict_one.py": "-c --clothes -g --gpu -m --model -v --visual",
    "src/stage2/predict_ensemble.py": "-c --clothes -g --gpu -m1 --model1 -m2 --model2 -v --visual",
    "src/kpdetector/predict.py": "-c --clothes -g --gpu -m --model -v --visual",
    "src/kpdetector/predict_ensemble.py": "-c --clothes -g --gpu -m1 --model1 -m2 --model2 "
    "-v --visual",
    "src/kpdetector/concatenate_results.py": "",
    "src/kpdetector/verify_result.py": "",
    "src/offline_evaluation.py": "",
    "src/check_duplicated_image.py": "",
    "src/lr_scheduler.py": "",
    "src/capb_parser.py": "",
    "src/kpda_parser.py": "",
    "src/stage1/trainval.py": "",
    "src/stage1/predict.py": "",
}


@pytest.mark.parametrize(("title", "scripts"), [(TITLES[0], ALL_IN_ONE), (TITLES[1], PER_GARMENT)])
def test_every_script_and_flag_is_told(title, scripts):
    spans = re.findall(r"`([^`\n]+)`", section(title))
    told = {word for span in spans for word in span.split()}
    asked = {flag for names in scripts.values() for flag in names.split()}
    assert sorted((asked | set(scripts)) - told) == []


def help_of(door, *words: str, capsys) -> str:
    with pytest.raises(SystemExit):
        door([*words, "--help"])
    return capsys.readouterr().out


def test_every_flag_of_ours_exists(capsys):
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
    ours = " ".join(" ".join(re.findall(r"`([^`]+)`", " ".join(row[1:]))) for row in rows)
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", ours))
    assert {"--category", "--model-path", "--set", "--crop"} <= named
    known = "".join(help_of(door, capsys=capsys) for door in DOORS.values())
    for verb in ("split", "sheet"):
        known += help_of(main, verb, capsys=capsys)
    known = set(re.findall(r"--[a-z][\w-]*", known))
    assert sorted(named - known - {"--model1", "--model2", "--model"}) == []


@pytest.mark.parametrize(
    ("door", "published"),
    [
        (train_main, "--gpuID 2 --category all --network v5 --batchSize 3 --epochs 30"),
        (train_main, "--network v5 --resume True --lrdecay True --resumeModel . --initEpoch 6"),
        (train_main, "--network v5 --resume False --lrdecay False -c outwear --clothes outwear"),
        (submit_main, "--gpuID 2 --modelpath no --outpath out --augment True"),
        (submit_main, "--clothes outwear --gpu 0 --model no --visual False --augment False"),
        (submit_main, "-c outwear -g 0 -m1 no -m2 no -v True --model1 no --model2 no"),
        (demo_main, "--gpuID 2 --modelfile no"),
    ],
)
def test_published_spellings_are_flags_of_ours(door, published, place, capsys):
    """Parsed; refused afterwards, since v5 was never kept and there is no run `no`."""
    assert door(published.split()) in (Exit.USAGE, Exit.BAD_MODEL)
    assert "unrecognized" not in (said := capsys.readouterr().err) and said.count("error: ") == 1


def test_networks_named_one_by_one_are_all_taken(monkeypatch):
    asked = []

    def test(options):
        asked.append(options.models)
        return api.TestResult(Path("submission.csv"), None, {}, 0)

    monkeypatch.setattr(api, "test", test)
    for words in ("", "-m a", "-m1 a -m2 b", "--model-path a b", "--modelpath a --model b c"):
        assert submit_main(words.split()) == Exit.DONE
    a, b, c = map(Path, "abc")
    assert asked == [(), (a,), (a, b), (a, b), (a, b, c)]


def test_every_setting_fits():
    settings = set(re.findall(r"`--set ([^`]+)`", PAGE))
    assert {"model.sigma=8", "training.schedule=step"} <= settings
    recipe = RECIPES["cpn_resnet152"]
    new = {setting for setting in settings if override(recipe, setting) != recipe}
    # The others are called the defaults.
    assert new == {"training.schedule=step", "training.milestones=[16,26]"}


def test_another_spelling_is_not(capsys):
    with pytest.raises(SystemExit):
        submit_main(["--model3", "no"])
    assert "unrecognized" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        train_main(["--resume", "kpt_outwear_036.ckpt"])
    assert "weights are named by --resume-model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("door", "words"),
    [
        (train_main, ["--network", "v5"]),
        (submit_main, ["--model-path", "no"]),
        (demo_main, ["--model-file", "no"]),
        (main, ["predict", "no.jpg", "--model-path", "no"]),
        (main, ["sheet", "no"]),
    ],
)
def test_outware_is_outwear_everywhere(door, words, place, capsys):
    assert door([*words, "--category", "Outware"]) != Exit.DONE
    assert capsys.readouterr().err.startswith("warning: outware is taken as outwear\n")


def test_other_categories_stay_as_they_are(capsys):
    assert flags.category("outware") == "outwear"
    capsys.readouterr()
    assert [flags.category(name) for name in ("outwear", "all", "hat")] == ["outwear", "all", "hat"]
    assert capsys.readouterr().err == ""
