"""The table of costs: the page's is what the code computes, for every recipe at full size."""

import keras
import pytest
from support import ROOT

from aifashion.api.costs import HEAD, cost, cost_table
from aifashion.cli import main
from aifashion.recipes import RECIPES, override

PAGE = (ROOT / "docs/recipes.md").read_text()


@pytest.fixture(scope="module")
def table() -> str:
    return cost_table()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_no_recipes():
    assert len(cost_table({}).splitlines()) == 2


def test_the_page_is_what_the_code_computes(table):
    written = PAGE[PAGE.index("| recipe") :].partition("\n\n")[0]
    assert written == table
    assert len(table.splitlines()) == 2 + len(RECIPES)


def test_the_numbers_of_a_row_agree(table):
    for line in table.splitlines()[2:]:
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


def test_the_verb_prints_it(capsys, table):
    assert main(["list", "--costs"]) == 0
    assert capsys.readouterr().out == f"{table}\n"
