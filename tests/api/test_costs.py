"""The table of costs: the page's is what the code computes, for every recipe at full size."""

import keras
import pytest
from support import ROOT

from aifashion import api
from aifashion.api.costs import HEAD, cost, cost_table
from aifashion.cli import main
from aifashion.recipes import RECIPES, override

PAGE = (ROOT / "docs/recipes.md").read_text()
WRITTEN = PAGE[PAGE.index("| recipe | input") :].partition("\n\n")[0].splitlines()
LARGE = ("cpn_resnet152", "cpn_senet154")  # seconds each


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_no_recipes():
    assert len(cost_table({}).splitlines()) == 2


def test_the_page_has_the_menu():
    assert WRITTEN[:2] == cost_table({}).splitlines()
    assert [cells(line)[0] for line in WRITTEN[2:]] == [f"`{name}`" for name in RECIPES]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in LARGE else ()) for name in RECIPES],
)
def test_the_page_is_what_the_code_computes(name):
    row = cost_table({name: RECIPES[name]}).splitlines()[2]
    assert row == WRITTEN[2 + list(RECIPES).index(name)]


@pytest.mark.parametrize("line", WRITTEN[2:], ids=RECIPES)
def test_the_numbers_of_a_row_agree(line):
    row = dict(zip(HEAD, cells(line), strict=True))
    forward, whole = float(row["forward, GFLOP"]), float(row["training, GFLOP"])
    assert whole == pytest.approx(3 * forward, abs=0.16)
    full, half = map(int, row["a picture, MiB"].split(" / "))
    assert half < full < 2 * half + 2
    batches = [list(map(int, row[f"batch, {gb} GB"].split(" / "))) for gb in (11, 24, 80)]
    assert all(b[0] < b[1] for b in batches) and batches == sorted(batches)


def test_the_training_of_a_recipe_counts():
    plain = RECIPES["quick"]
    fixed = cost(plain).memory["float32"].fixed
    weights, trained = 2_649_944, 2_635_288
    assert fixed == 4 * (weights + 3 * trained)
    for setting, more in (
        ("training.optimizer=sgd", -trained),
        ("training.ema=0.99", weights),
        ("training.accumulation=2", trained),
    ):
        assert cost(override(plain, setting)).memory["float32"].fixed == fixed + 4 * more
    frozen = cost(override(plain, 'training.freeze=["stem_*", "stage*"]'))
    assert frozen.memory["float32"].fixed < fixed / 2
    assert frozen.memory["float32"].per_sample < cost(plain).memory["float32"].per_sample
    assert keras.config.dtype_policy().name == "float32"


def test_the_verb_prints_it(capsys, monkeypatch):
    assert cost_table.__defaults__ == (RECIPES,)  # which takes long
    one = {"quick": RECIPES["quick"]}
    monkeypatch.setattr(api, "cost_table", lambda: cost_table(one))
    assert main(["list", "--costs"]) == 0
    assert capsys.readouterr().out == f"{cost_table(one)}\n"
