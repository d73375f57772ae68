"""What differs between two recipes: which field, from what, to what."""

from dataclasses import dataclass, replace

from aifashion.backbones.resnet import ResNet
from aifashion.keypoints.cpn import CPN
from aifashion.recipes import Augmentation, Recipe, differences, override
from aifashion.runs import decode_config, encode_config
from aifashion.training import Training

# Not one of the menu, whose numbers may change.
RECIPE = Recipe(
    system=CPN(size=128, keypoints=("crotch",), backbone=ResNet(depth=50)),
    training=Training(epochs=10, batch_size=8, clip_norm=5.0),
    augmentation=Augmentation(scale=(0.75, 1.25)),
)


@dataclass(frozen=True)
class OtherBackbone:
    depth: int = 50  # a field's name and value that ResNet has too


def test_no_difference():
    assert differences(RECIPE, RECIPE) == []
    assert differences(RECIPE, decode_config(encode_config(RECIPE))) == []  # equal, another object


def test_fields_at_every_depth_in_order():
    changed = RECIPE
    for setting in (  # not the order of the fields
        "weights=imagenet", "augmentation.scale=[0.5, 1.25]", "training.clip_norm=null",
        "training.batch_size=16", "system.backbone.depth=101", "system.size=64",
    ):  # fmt: skip
        changed = override(changed, setting)
    expected = [
        ("system.size", 128, 64),
        ("system.backbone.depth", 50, 101),
        ("training.batch_size", 8, 16),
        ("training.clip_norm", 5.0, None),
        ("augmentation.scale", (0.75, 1.25), (0.5, 1.25)),
        ("weights", "none", "imagenet"),
    ]
    assert differences(RECIPE, changed) == expected
    assert differences(changed, RECIPE) == [(path, new, old) for path, old, new in expected]


def test_a_config_of_another_type_is_one_difference():
    plain = replace(RECIPE, augmentation=None)
    assert differences(RECIPE, plain) == [("augmentation", RECIPE.augmentation, None)]
    assert differences(plain, RECIPE) == [("augmentation", None, RECIPE.augmentation)]
    other = replace(RECIPE, system=replace(RECIPE.system, backbone=OtherBackbone()))
    expected = ("system.backbone", RECIPE.system.backbone, OtherBackbone())
    assert differences(RECIPE, other) == [expected]
