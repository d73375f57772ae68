"""The rows are commands that the doors take, about recipes and fields that exist."""

from itertools import pairwise

import pytest

from aifashion.ablations import rows
from aifashion.recipes import override, resolve

FLAGS = {"--epochs": "training.epochs", "--batch-size": "training.batch_size"}
FLAGS |= {"--learning-rate": "training.learning_rate"}
TRAINED = [v for v in rows.variants().values() if v.trained_as is None]


def settings(flags: tuple[str, ...]) -> list[str]:
    return [value for flag, value in pairwise(flags) if flag == "--set"]


def recipe_of(variant: rows.Variant):
    flags = dict(zip(variant.train, variant.train[1:], strict=False))
    recipe = resolve(flags["--network"])
    for flag, path in FLAGS.items():
        if flag in flags:
            recipe = override(recipe, f"{path}={flags[flag]}")
    for setting in settings(variant.train):
        recipe = override(recipe, setting)
    return recipe


def test_every_name_is_one_variant():
    found = [v for row in rows.measured() for v in (row.base, *row.variants)]
    assert len(set(found)) == len(rows.variants()) == len({v.name for v in found}) >= 28
    named = rows.variants()
    assert all(v.trained_as is None or v.trained_as in named for v in found)
    # Networks are trained before others are only tested.
    order = [v.trained_as is not None for v in named.values()]
    assert order == sorted(order)


@pytest.mark.parametrize("variant", TRAINED, ids=lambda v: v.name)
def test_a_trained_variant_changes_one_thing(variant):
    recipe = recipe_of(variant)
    assert max(recipe.system.frame) <= 128
    assert recipe.training.epochs == (2 if variant.start else 8)
    base = next(
        row.base for row in rows.measured() if variant == row.base or variant in row.variants
    )
    assert (recipe == recipe_of(base)) == (variant == base or variant.name == "each")


def test_what_starts_from_another_has_its_network():
    (variant,) = (v for v in TRAINED if v.start)
    other = rows.variants()[variant.start]
    assert recipe_of(variant).system == recipe_of(other).system and variant.data == other.data
    assert list(rows.variants()).index(other.name) < list(rows.variants()).index(variant.name)


@pytest.mark.parametrize(
    "variant",
    [v for v in rows.variants().values() if v.trained_as],
    ids=lambda v: v.name,
)
def test_a_tested_variant_differs_in_how_it_is_tested(variant):
    base = rows.variants()[variant.trained_as]
    assert not variant.train and variant.test != base.test
    recipe = recipe_of(base)
    for setting in settings(variant.test):
        assert setting.startswith("model.reading.")
        assert override(recipe, setting) != recipe


def test_what_is_not_measured_says_how_to():
    left = [row for row in rows.ROWS if row not in rows.measured()]
    assert len(left) == 2 and all(row.command.startswith("python train.py ") for row in left)
