"""docs/add_a_dataset.md, taken at its word: its file, its line, its recipe and its commands."""

import importlib.util
import json
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from support import ROOT, TINY

from aifashion import cli, datasets, recipes
from aifashion.api import look
from aifashion.datasets.schema import ABSENT, OCCLUDED, VISIBLE
from aifashion.errors import Exit, Failure

PAGE = (ROOT / "docs/add_a_dataset.md").read_text()
MODULE, LINE, RECIPE = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
COMMANDS = re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)[0].splitlines()
DOORS = {"train.py": cli.train_main, "test.py": cli.test_main, "demo.py": cli.demo_main}
SMALL = (
    *TINY[2:],
    "--epochs",
    "1",
    "--weights",
    "none",
    "--set",
    "model.backbone.blocks=[1,1,1,1]",
)


@pytest.fixture
def hats(tmp_path, monkeypatch):
    """The page's module, line and recipe in place, and an empty working directory."""
    (tmp_path / "hats.py").write_text(MODULE)
    spec = importlib.util.spec_from_file_location("aifashion.datasets.hats", tmp_path / "hats.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "aifashion.datasets.hats", module)
    monkeypatch.setattr(datasets, "hats", module, raising=False)
    line = {}
    exec(LINE, line)
    monkeypatch.setitem(datasets.DATASETS, "hats", line["DATASETS"]["hats"])
    recipe = eval(RECIPE, {**vars(recipes), "hats": module})
    monkeypatch.setitem(recipes.RECIPES, "hats", recipe["hats"])
    monkeypatch.chdir(tmp_path)
    return module


def draw(folder: Path, name: str, count: int) -> None:
    """Triangles on grey, each second one a beanie without crease; their keypoints in a JSON."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rng, rows = np.random.default_rng(count), []
    for n in range(count):
        left, right, top = rng.integers((4, 40, 4), (20, 60, 20)).tolist()
        image = np.full((64, 64, 3), 128, np.uint8)
        crown = ((left + right) // 2, top)
        cv2.fillPoly(image, [np.array([(left, 50), (right, 50), crown])], (40, 40, 200))
        points = {"brim_left": (left, 50), "brim_right": (right, 50), "crown": crown}
        if n % 2 == 0:
            points["crease"] = (crown[0], 40)
        path = f"images/{name}_{n}.png"
        cv2.imwrite(str(folder / path), image)
        seen = {key: [*point, 1 if key == "crease" else 2] for key, point in points.items()}
        category = "beanie" if n % 2 else "hat"
        rows.append({"image": path, "category": category, "keypoints": seen})
    (folder / f"{name}.json").write_text(json.dumps(rows))


def run(command: str) -> int:
    """Runs a command of the page in this process; training, on a small network for an epoch."""
    _, program, *rest = shlex.split(command)
    if program == "-m":
        return cli.main(rest[1:])
    return DOORS[program]([*rest, *(SMALL if program == "train.py" else ())])


def test_the_page_has_its_parts():
    assert MODULE.startswith('"""Hats') and LINE.count("hats") == 3 and "Recipe(" in RECIPE
    programs = [shlex.split(command)[1] for command in COMMANDS]
    assert programs == ["-m", "train.py", "test.py", "demo.py", "-m", "-m"]


def test_every_command_of_the_page(hats, tmp_path, capsys):
    draw(tmp_path / "data/hats", "train", 24)
    draw(tmp_path / "data/hats", "test", 4)
    (tmp_path / "data/hats/images/0.png").symlink_to("test_0.png")
    for command in COMMANDS[:4]:
        assert run(command) == Exit.DONE, command
    assert "28 pictures: clean" in capsys.readouterr().out
    submitted = json.loads((tmp_path / "submission/hats/submission.json").read_text())
    assert [row["category"] for row in submitted] == ["hat", "beanie", "hat", "beanie"]
    assert [list(row["keypoints"]) for row in submitted[:2]] == [
        list(hats.KEYPOINTS), ["brim_left", "brim_right", "crown"],
    ]  # fmt: skip
    metrics = json.loads((tmp_path / "submission/hats/metrics.json").read_text())
    assert metrics["visible"] == 4 * 3  # the creases are hidden
    assert set(metrics["per_category"]) == {"hat", "beanie"} and metrics["drawn"] is False
    assert cv2.imread("submission/hats/sheet.jpg") is not None
    capsys.readouterr()
    assert run(COMMANDS[4]) == Exit.DONE
    assert list(json.loads(capsys.readouterr().out)["keypoints"]) == list(hats.KEYPOINTS)
    assert run(COMMANDS[5]) == Exit.DONE
    # What is submitted is not rounded, so that the file scores what the test did.
    scored = json.loads(capsys.readouterr().out)
    assert scored["ne_percent"] == pytest.approx(metrics["ne_percent"], abs=1e-6)


def test_the_file_reads_what_it_writes(hats, tmp_path):
    hats.write(tmp_path / "none.json", [])
    assert hats.read(tmp_path / "none.json", tmp_path) == []
    draw(tmp_path, "train", 2)
    hat, beanie = hats.read_part(tmp_path / "train.json")
    row = json.loads((tmp_path / "train.json").read_text())[0]
    x, y, _ = row["keypoints"]["brim_left"]
    assert hat.keypoints[0].tolist() == [x + 0.5, y + 0.5]  # the centre of the pixel
    assert hat.visibility.tolist() == [VISIBLE, VISIBLE, VISIBLE, OCCLUDED]
    assert beanie.visibility.tolist() == [VISIBLE, VISIBLE, VISIBLE, ABSENT]
    hats.write(tmp_path / "again.json", [hat, beanie, replace(hat, keypoints=None)])
    again = hats.read(tmp_path / "again.json", tmp_path)
    assert again[0].path == tmp_path / "images/train_0.png" and again[2].keypoints is None
    for one, other in zip((hat, beanie), again, strict=False):
        np.testing.assert_array_equal(one.keypoints, other.keypoints)
        np.testing.assert_array_equal(one.visibility, other.visibility)


def test_demo_takes_a_list_of_the_datasets_own(hats, tmp_path):
    draw(tmp_path, "test", 4)
    model = SimpleNamespace(dataset=hats, categories=("beanie",))
    options = look.DemoOptions(source=tmp_path / "test.json")
    pictures = [tmp_path / "images/test_1.png", tmp_path / "images/test_3.png"]
    assert look._pictures(options, model) == [look.Picture(path, "beanie") for path in pictures]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("[]", "no hats in it"),
        ('[{"image": "a.png", "category": "cap"}]', "hat 1: ValueError('category cap is none of"),
        ('[{"image": "a.png", "category": "hat", "keypoints": {"rim": [1, 2, 2]}}]', "hat 1: "),
        ('[{"category": "hat"}]', "hat 1: KeyError('image')"),
    ],
)
def test_the_file_names_faults(content, said, hats, tmp_path):
    if content is not None:
        (tmp_path / "train.json").write_text(content)
    with pytest.raises(Failure, match=re.escape(said)) as caught:
        hats.read_part(tmp_path / "train.json")
    assert caught.value.exit_code == Exit.BAD_DATA
    assert str(caught.value).startswith(f"{tmp_path / 'train.json'}: ")


# === What the commands say where a piece is missing ===


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--network", "hats"], Exit.BAD_DATA, "data/hats: neither train.json nor test.json"),
        (["--network", "quick", "--set", "dataset=caps"], Exit.USAGE,
         "dataset caps: unknown. Use one of fashionai, deepfashion2, hats."),
        (["--network", "quick", "--set", "dataset=hats"], Exit.USAGE,
         "dataset hats has no keypoint neckline_left (24 unknown)"),
        (["--network", "hats", "--category", "dress"], Exit.USAGE,
         "--category dress: unknown. Use all, each or one of hat, beanie."),
    ],
)  # fmt: skip
def test_train_refuses_in_one_line(arguments, code, said, hats, tmp_path, capsys):
    assert cli.train_main([*arguments, "--run", str(tmp_path / "run")]) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error and error.count("\n") == 1
    assert not (tmp_path / "run").exists() and not (tmp_path / "data").exists()


def test_evaluate_refuses_an_unknown_dataset(capsys):
    assert cli.main(["evaluate", "caps", "--truth", "a", "--predictions", "b"]) == Exit.USAGE
    said = "error: dataset caps: unknown. Use one of fashionai, deepfashion2.\n"
    assert capsys.readouterr().err == said
