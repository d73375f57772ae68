"""The flow of docs/deepfashion2.md on drawn garments and a tiny HRNet: raw folders to ten numbers.

Functions run as Python: fourteen networks are trained, and tracing each takes longer than its
steps. Compiled steps of these networks have their own tests.
"""

import json
import re
import shlex
from dataclasses import replace
from types import SimpleNamespace

import pytest
import tensorflow as tf
from small_backbones import two_branches
from support import ROOT

from aifashion.api.fitting import each
from aifashion.backbones.hrnet import HRNet
from aifashion.cli import demo_main, main, train_main
from aifashion.cli import test_main as submit_main
from aifashion.datasets import deepfashion2
from aifashion.datasets.deepfashion2 import CHANNELS
from aifashion.datasets.deepfashion2.landmarks import CATEGORIES, NUMBERS
from aifashion.datasets.synthetic import draw_deepfashion2
from aifashion.errors import Exit
from aifashion.keypoints.oks import NAMES
from aifashion.recipes import RECIPES

DOORS = {"train.py": train_main, "test.py": submit_main, "demo.py": demo_main}
PAGE = (ROOT / "docs/deepfashion2.md").read_text()
TINY = HRNet(width=4, modules=(1, 1, 1), blocks=1, stem_width=4)  # and two branches
LANDMARKS = [name for name, recipe in RECIPES.items() if recipe.dataset == "deepfashion2"]
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A working folder with drawn data, the menu's landmark networks made tiny."""
    folder = tmp_path_factory.mktemp("landmarks")
    draw_deepfashion2(folder / "data/deepfashion2", 26, 13, seed=0, size=64, processes=1)
    with pytest.MonkeyPatch.context() as patch:
        for name in LANDMARKS:
            recipe = RECIPES[name]
            system = replace(recipe.system, height=64, width=32, backbone=TINY)
            # Adam takes longer when it runs as Python.
            settings = replace(recipe.training, epochs=1, batch_size=8, optimizer="sgd")
            patch.setitem(RECIPES, name, replace(recipe, system=system, training=settings))
        patch.setattr(HRNet, "first_stages", two_branches)  # all takes three times as long to build
        patch.chdir(folder)
        # After each network, of all that this process holds: the more tests, the longer.
        patch.setattr(each.keras.utils, "clear_session", lambda: None)
        patch.setattr(each, "gc", SimpleNamespace(collect=lambda: None))
        tf.config.run_functions_eagerly(True)
        yield folder
        tf.config.run_functions_eagerly(False)


def run(command: str) -> None:
    """Runs a command of the page, which starts from no weights that a test does not have."""
    _, door, *words = shlex.split(command.replace(" --weights pose_hrnet_w48_384x288.pth", ""))
    code = main(words[1:]) if door == "-m" else DOORS[door](words)
    assert code == Exit.DONE, command


def blocks() -> list[list[str]]:
    found = re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)
    return [block.splitlines() for block in found]


DATA, COCO, FLOW, JOINT, QUICK, EVALUATED = blocks()


@pytest.fixture(scope="module")
def flow(place):
    """Trained, fine-tuned and tested as published: the score and the submission."""
    train, finetune, test, _ = FLOW
    run(train)
    run(finetune)
    run(test)
    return place / "submission/validation"


def test_thirteen_categories_make_one_file_and_ten_numbers(flow, place):
    score = json.loads((flow / "metrics.json").read_text())
    assert all(0 <= score[name] <= 1 or score[name] == -1 for name in NAMES)
    assert score["ne_percent"] > 0 and 0 < score["oks"] < 1
    garments = deepfashion2.read(flow / "keypoints.json", place)
    part = deepfashion2.find(place / "data/deepfashion2").validation
    truth = deepfashion2.read_part(part)
    assert [record.category for record in garments] == [record.category for record in truth]
    assert {record.category for record in garments} == set(CATEGORIES)
    for category in CATEGORIES:
        recipe = json.loads(
            (place / f"trained_models/finetuned/{category}/recipe.json").read_text()
        )
        assert len(recipe["recipe"]["system"]["keypoints"]) == 81


def test_the_file_scores_as_it_did(flow, place, capsys):
    """Against the converted truth, by the verb: the numbers of metrics.json."""
    run("python -m aifashion coco deepfashion2 data/deepfashion2 --out coco")
    truth = "coco/annotations/validation_coco.json"
    capsys.readouterr()
    command = f"python -m aifashion evaluate deepfashion2 --truth {truth}"
    run(f"{command} --predictions submission/validation/keypoints.json")
    found = json.loads(capsys.readouterr().out)
    score = json.loads((flow / "metrics.json").read_text())
    assert found == pytest.approx({name: score[name] for name in NAMES}, abs=1e-9)


def test_one_category_at_a_time_and_merged_is_the_same(flow, place):
    for category in ("trousers", "8"):
        run(
            "python test.py --data data/deepfashion2 --split validation --category "
            f"{category} --model-path trained_models/finetuned/trousers "
            f"--out-path submission/{category}"
        )
    assert NUMBERS["trousers"] == 8
    alone = (place / "submission/8/keypoints.json").read_text()
    assert alone == (place / "submission/trousers/keypoints.json").read_text()
    rest = [r for r in json.loads((flow / "keypoints.json").read_text()) if r["category_id"] != 8]
    (place / "rest.json").write_text(json.dumps(rest))
    files = "submission/8/keypoints.json rest.json"
    run(f"python -m aifashion merge deepfashion2 {files} --out all.json")
    key = lambda r: (r["image_id"], r["category_id"], r["keypoints"])  # noqa: E731
    merged = sorted(json.loads((place / "all.json").read_text()), key=key)
    whole = sorted(json.loads((flow / "keypoints.json").read_text()), key=key)
    assert [key(r) for r in merged] == [key(r) for r in whole]


def test_a_detectors_boxes(flow, place, capsys):
    """The truth's own boxes as detections, one twice, one unsure: AP without NE."""
    part = deepfashion2.find(place / "data/deepfashion2").validation
    truth = deepfashion2.read_part(part)
    found = [replace(r, keypoints=None, visibility=None, score=0.9) for r in truth]
    unsure = replace(truth[0], keypoints=None, visibility=None, score=0.001)
    deepfashion2.write(place / "detected.json", [*found, found[0], unsure])
    test = "python test.py --data data/deepfashion2 --model-path trained_models/agg81"
    run(f"{test} --out-path submission/given")
    asked = "--boxes detected.json --box-threshold 0.01 --oks-nms 0.99"
    run(f"{test} {asked} --out-path submission/boxes")
    said = capsys.readouterr().out
    assert f"{len(truth) + 1} of {len(truth) + 2} boxes from 0.01 on" in said
    assert f"1 of {len(truth) + 1} garments are found twice" in said
    score = json.loads((place / "submission/boxes/metrics.json").read_text())
    whole = json.loads((place / "submission/given/metrics.json").read_text())
    assert score["ne_percent"] is None
    assert [score[name] for name in NAMES] == pytest.approx([whole[name] for name in NAMES])
    sure = {r["score"] for r in json.loads((place / "submission/boxes/keypoints.json").read_text())}
    assert max(sure) <= 0.9


def test_the_test_list_needs_boxes(flow, capsys):
    words = shlex.split(
        "--data data/deepfashion2 --model-path trained_models/agg81 --split test --out-path x"
    )
    assert submit_main(words) == Exit.USAGE
    assert "--boxes FILE" in capsys.readouterr().err


def test_channels_of_their_own(flow, place):
    """294 channels begin with the head of 81, by name, and predict each category by its own."""
    run(
        "python train.py --network hrnet_w48 --data data/deepfashion2 --weights "
        "trained_models/agg81 --run trained_models/apart"
    )
    assert len(RECIPES["hrnet_w48"].system.keypoints) == len(CHANNELS) == 294
    run(
        "python test.py --data data/deepfashion2 --model-path trained_models/apart --score all "
        "--out-path submission/apart"
    )
    score = json.loads((place / "submission/apart/metrics.json").read_text())
    assert score["ne_percent"] < 200
