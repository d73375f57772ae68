"""The menu's names, and `--set`: one field of a recipe, checked against its type."""

import json

import pytest

from aifashion.backbones.resnet import ResNet
from aifashion.datasets.fashionai import KEYPOINTS
from aifashion.errors import Exit, Failure
from aifashion.keypoints.cpn import CPN
from aifashion.recipes import ALIASES, RECIPES, REFUSED, Augmentation, Recipe, override, resolve
from aifashion.training import Training

# Not one of the menu, whose numbers may change.
RECIPE = Recipe(
    system=CPN(size=128, backbone=ResNet(blocks=(1, 1, 2, 1), width=32)),
    training=Training(epochs=10, learning_rate=2e-3, clip_norm=5.0),
    augmentation=Augmentation(scale=(0.75, 1.25)),
)


MENU = (
    "cpn_resnet101, cpn_resnet50, cpn_resnet152, cpn_senet154, cpn_v11_2018, hrnet_w48_agg81, "
    "hrnet_w48_agg81_finetune, hrnet_w32_agg81, hrnet_w48_joint, hrnet_w48, hrnet_quick, quick"
)


def refusal(call, *arguments) -> str:
    with pytest.raises(Failure) as caught:
        call(*arguments)
    assert caught.value.exit_code == Exit.USAGE and "\n" not in str(caught.value)
    return str(caught.value)


# === Names ===


def test_no_name():
    assert f"Use one of {MENU}, v11." in refusal(resolve, "")


def test_names_and_the_published_alias():
    for name, recipe in RECIPES.items():
        assert resolve(name) is recipe
    assert resolve("v11") is RECIPES["cpn_resnet101"]
    assert set(ALIASES.values()) <= set(RECIPES)


@pytest.mark.parametrize("name", [f"v{n}" for n in range(2, 10)])
def test_published_names_without_a_network(name):
    message = refusal(resolve, name)
    assert message.startswith(f"--network {name}: ") and "its final one is v11" in message
    assert f"Use one of {MENU}." in message
    assert name in REFUSED


@pytest.mark.parametrize("name", ["v1", "v10", "v12", "V11", "cpn", "../quick"])
def test_unknown_names(name):
    assert refusal(resolve, name).startswith(f"--network {name}: unknown. Use one of cpn_resnet101")


# === Values that fit ===


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("training.epochs=3", 3),
        (" training.epochs = 3", 3),
        ("training.learning_rate=1e-3", 0.001),
        ("training.learning_rate=1", 1.0),
        ("training.clip_norm=null", None),
        ("training.clip_norm=5", 5.0),
        ("training.optimizer=sgd", "sgd"),
        ('training.optimizer="sgd"', "sgd"),
        ("model.size=64", 64),
        ("system.size=64", 64),
        ("model.hard_keypoints=8", 8),
        ("model.hard_keypoints=null", None),
        ("model.reading.blur=1", 1.0),
        ("model.backbone.depth=101", 101),
        ("model.backbone.blocks=[3, 4, 6, 3]", (3, 4, 6, 3)),
        ("model.backbone.blocks=null", None),
        ('model.keypoints=["crotch", "waistband_left"]', ("crotch", "waistband_left")),
        ("augmentation.scale=[0.5, 2]", (0.5, 2)),
        ("augmentation.erase_most=0", 0),
        ("augmentation=null", None),
        ("weights=imagenet", "imagenet"),
        ("weights=a=b.safetensors", "a=b.safetensors"),
        ("weights=2018", "2018"),
        ("weights=null", "null"),
    ],
)
def test_a_value_that_fits(setting, value):
    path = setting.partition("=")[0].strip().replace("model.", "system.").split(".")
    changed = override(RECIPE, setting)
    field = changed
    for name in path:
        field = getattr(field, name)
    assert field == value and type(field) is type(value)
    if isinstance(value, tuple):
        assert isinstance(field, tuple) and hash(field) is not None


def test_nothing_else_changes():
    changed = override(RECIPE, "model.backbone.width=8")
    assert changed.training is RECIPE.training and changed.augmentation is RECIPE.augmentation
    assert changed.system.backbone.blocks == RECIPE.system.backbone.blocks
    assert changed.system.keypoints == KEYPOINTS
    assert RECIPE.system.backbone.width == 32
    assert override(changed, "model.backbone.width=32") == RECIPE


# === Values and names that do not ===


@pytest.mark.parametrize(
    ("setting", "right"),
    [
        ("epochs=3", "there are system, training, dataset, augmentation, weights"),
        ("training.epoch=3", "there are epochs, batch_size, accumulation, optimizer"),
        ("model.backbone.dept=50", "there are depth, stride_in, width, blocks"),
        ("modell.size=64", "no field 'modell'; there are system, training"),
        ("=3", "no field ''; there are system, training"),
        ("training.=3", "no field ''; there are epochs"),
        ("training.epochs.most=3", "no field 'most'; 10 has none"),
        ("training.__class__=3", "no field '__class__'; there are epochs"),
        ("augmentation.model.x=3", "no field 'model'; there are flip"),
    ],
)
def test_wrong_names_list_the_right_ones(setting, right):
    message = refusal(override, RECIPE, setting)
    assert message.startswith(f"--set {setting}: no field") and right in message


def test_fields_of_what_is_switched_off():
    off = override(RECIPE, "augmentation=null")
    assert "no field 'flip'; None has none" in refusal(override, off, "augmentation.flip=0")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("training.epochs=many", "'many' does not fit; epochs is int, now 10"),
        ("training.epochs=", "'' does not fit; epochs is int, now 10"),
        ("training.epochs=3.5", "epochs is int"),
        ("training.epochs=true", "epochs is int"),
        ("training.epochs=null", "epochs is int"),
        ("training.epochs=[3]", "epochs is int"),
        ("training.learning_rate=fast", "learning_rate is float, now 0.002"),
        ("training.learning_rate=true", "learning_rate is float"),
        ("training.learning_rate=NaN", "learning_rate is float"),
        ("training.learning_rate=-Infinity", "learning_rate is float"),
        ("training.learning_rate=1e999", "learning_rate is float"),
        ("training.learning_rate=1" + "0" * 400, "learning_rate is float"),
        ("training.clip_norm=high", "clip_norm is float | None, now 5.0"),
        ("model.hard_keypoints=8.5", "hard_keypoints is int | None, now None"),
        ("model.backbone.blocks=3", "blocks is tuple[int, ...] | None"),
        ('model.backbone.blocks=[3, "4", 6, 3]', "blocks is tuple[int, ...] | None"),
        ("model.keypoints=crotch", "keypoints is tuple[str, ...]"),
        ("model.keypoints=[[]]", "keypoints is tuple[str, ...]"),
        ("augmentation.scale=[0.5]", "scale is tuple[float, float], now (0.75, 1.25)"),
        ("augmentation.scale=[0.5, 1, 2]", "scale is tuple[float, float]"),
        ("training=3", "name one of its fields: epochs, batch_size"),
        ("model=null", "name one of its fields: size, keypoints"),
        ("augmentation=strong", "name one of its fields: flip"),
        # What a type cannot tell, the system's own check does.
        ("training.optimizer=adagrad", "Training.optimizer is one of adam, adamw, sgd"),
        ("model.size=100", "CPN.size is a multiple of 32, not 100"),
        ("model.backbone.blocks=[1, 2]", "ResNet.blocks is four numbers"),
    ],
)
def test_wrong_values(setting, said):
    message = refusal(override, RECIPE, setting)
    assert message.startswith(f"--set {setting}: ") and said in message


def test_not_a_setting():
    assert refusal(override, RECIPE, "training.epochs") == (
        "--set training.epochs: write it as field=value."
    )


def test_deep_nesting_is_only_a_wrong_value():
    deep = "[" * 100_000
    with pytest.raises(Failure):
        override(RECIPE, f"training.epochs={deep}")
    assert override(RECIPE, f"weights={json.dumps(deep)}").weights == deep
