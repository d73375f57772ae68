"""Which published network a file is, told by names alone, and its weights under our names."""

from pathlib import Path

import h5py
import numpy as np
import published_2018
import published_small
import pytest
from numpy.testing import assert_array_equal
from support import ROOT

from aifashion.api.models import read_weights, start_weights
from aifashion.api.published import read_published, recognise
from aifashion.backbones.names_resnet import keras_applications_names, torchvision_names
from aifashion.backbones.names_resnet_2018 import resnet_2018_names
from aifashion.backbones.names_senet import senet_names
from aifashion.backbones.resnet import BLOCKS, ResNet
from aifashion.backbones.senet import SENet
from aifashion.cli import main
from aifashion.convert import Foreign
from aifashion.datasets.fashionai import CATEGORIES
from aifashion.errors import Exit, Failure
from aifashion.keypoints.cpn import CPN
from aifashion.keypoints.names_garment_cpn import garment_cpn_names
from aifashion.recipes import RECIPES, Recipe
from aifashion.training import Training

RECORD = published_2018.read(ROOT / "tests/keypoints/recorded_cpn_2018.json")
SENET_154 = (3, 8, 36, 3)
GARMENT_BACKBONES = {"cpn_resnet152": ResNet(depth=152), "cpn_senet154": SENet()}


def named(names, **arrays) -> Foreign:
    """A file with arrays of these names, tiny where it does not matter."""
    return Foreign(Path("weights.pth"), dict.fromkeys(names, np.zeros(1)) | arrays, True)


def refused(call, *arguments) -> str:
    with pytest.raises(Failure) as caught:
        call(*arguments)
    assert caught.value.exit_code == Exit.BAD_MODEL and "\n" not in str(caught.value)
    return str(caught.value)


# === Recognised by names ===


def test_nothing_is_nothing_known():
    said = refused(recognise, named([]))
    assert said.startswith("weights.pth: holds nothing …, which is none of: ")


@pytest.mark.parametrize(
    "names",
    [
        ["features.0.weight", "features.0.bias", "classifier.6.bias", "more"],
        ["block1_conv1/kernel"],
        ["stem_conv/kernel", "stem_norm/gamma"],  # ours
        ["layer1.0.conv1.weight", "layer1.0.conv2.weight"],  # ResNet-18
    ],
)
def test_what_is_none_of_them(names):
    said = refused(recognise, named(names))
    assert ", ".join(names[:3]) in said and "more" not in said and "SENet-154" in said


def test_the_all_in_one_network():
    stored = published_2018.variables(published_2018.layers_of(RECORD, (3, 3, 23)))
    found = recognise(named(stored))
    assert found.recipe_name == "cpn_v11_2018" and found.category == "all"
    assert found.config == RECIPES["cpn_v11_2018"].system
    assert sorted(found.names.values()) == sorted(stored)


@pytest.mark.parametrize("recipe_name", GARMENT_BACKBONES)
@pytest.mark.parametrize("category", CATEGORIES)
def test_a_garments_network_by_its_keypoints(recipe_name, category):
    names = garment_cpn_names(GARMENT_BACKBONES[recipe_name])
    count = {"blouse": 13, "outwear": 14, "trousers": 7, "skirt": 4, "dress": 15}[category]
    arrays = {"global_net.toplayer3.bias": np.zeros(count)}
    found = recognise(named(names.values(), **arrays))
    assert (found.recipe_name, found.category) == (recipe_name, category)
    assert found.config.keypoints == CATEGORIES[category]
    assert found.config.backbone == RECIPES[recipe_name].system.backbone
    assert found.names == names and category in found.title


@pytest.mark.parametrize("count", [None, 0, 5, 24])
def test_a_network_of_no_garment(count):
    names = set(garment_cpn_names(ResNet(depth=152)).values()) - {"global_net.toplayer3.bias"}
    arrays = {} if count is None else {"global_net.toplayer3.bias": np.zeros(count)}
    said = refused(recognise, named(names, **arrays))
    assert said == (
        f"weights.pth: a network of {count or 0} keypoints; FashionAI's garments have "
        "4, 7, 13, 14, 15."
    )


@pytest.mark.parametrize("depth", BLOCKS)
@pytest.mark.parametrize(
    ("table", "fields", "extra"),
    [
        (torchvision_names, {"stride_in": "3x3", "epsilon": 1e-5, "pixels": "torch"}, "fc.weight"),
        (keras_applications_names, {}, "predictions/kernel"),
    ],
)
def test_resnets(depth, table, fields, extra):
    names = table(BLOCKS[depth])
    found = recognise(named([*names.values(), extra]))
    assert found.config == ResNet(depth, **fields) and found.names == names
    assert found.recipe_name is None


def test_senet():
    found = recognise(named([*senet_names(SENET_154).values(), "last_linear.weight"]))
    assert found.config == SENet() and found.names == senet_names(SENET_154)
    assert found.config.pixels == "torch" and found.recipe_name is None


def test_the_resnet_of_2018_alone():
    stored = [*resnet_2018_names([], (3, 4, 23)).values(), "fc1000/kernel"]
    found = recognise(named(stored))
    backbone = RECIPES["cpn_v11_2018"].system.backbone
    assert found.config == backbone and found.recipe_name is None
    assert found.names == resnet_2018_names(stored, backbone.blocks)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            torchvision_names((3, 4, 6, 4)).values(),
            "a ResNet of (3, 4, 6, 4) blocks; known are (3, 4, 6, 3), ",
        ),
        (keras_applications_names((1, 1, 1, 1)).values(), "a ResNet of (1, 1, 1, 1) blocks"),
        (["layer1.0.conv3.weight", "layer1.0.conv1.weight"], "has 1 stages of blocks, not 4"),
        (["layer0.conv1.weight"], "has 0 stages of blocks, not 4"),
        (["conv1_conv/kernel"], "has 0 stages of blocks, not 4"),
    ],
)
def test_other_numbers_of_blocks(names, said):
    assert refused(recognise, named(names)).startswith(f"weights.pth: {said}")


# === A file that is not whole ===


@pytest.fixture(scope="module")
def skirt() -> dict[str, np.ndarray]:
    """The state dict of a small network of skirts."""
    name = "cpn_resnet152"
    return published_small.as_torch(published_small.of_garment(name, "skirt"), name)


@pytest.fixture(name="small")
def _small(monkeypatch, tmp_path):
    published_small.put_into_the_menu(monkeypatch)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("small")
def test_a_whole_file_of_several_gpus(skirt):
    arrays = {f"module.{name}": array for name, array in skirt.items()}
    arrays["module.global_net.bn1.num_batches_tracked"] = np.array(5)
    path = published_small.write_safetensors(Path("skirt.safetensors"), arrays)
    converted = read_published(path)
    assert (converted.published.recipe_name, converted.published.category) == (
        "cpn_resnet152",
        "skirt",
    )
    assert len(converted.weights) == len(skirt) and converted.match.unused == []
    assert_array_equal(
        converted.weights["global_maps/kernel"],
        skirt["global_net.toplayer3.weight"].transpose(2, 3, 1, 0),
    )


def _without(arrays, name):
    del arrays[name]


def _cut(arrays, name):
    arrays[name] = arrays[name][:-1]


def _poisoned(arrays, name):
    arrays[name].flat[-1] = np.nan


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_without, "but 1 of its arrays are missing or of another shape: lateral_C4/kernel. Get"),
        (_cut, "but 1 of its arrays are missing or of another shape: lateral_C4/kernel. Get"),
        (_poisoned, "skirt.safetensors: lateral_C4/kernel is not finite. Get the file again."),
    ],
)
def test_one_bad_array_is_refused(damage, said, skirt, capsys):
    arrays = {name: array.copy() for name, array in skirt.items()}
    damage(arrays, "global_net.latlayer2.weight")
    path = published_small.write_safetensors(Path("skirt.safetensors"), arrays)
    assert main(["convert", str(path)]) == Exit.BAD_MODEL
    errors = capsys.readouterr().err
    assert said in errors and errors.count("\n") == 1
    assert not Path("trained_models").exists()


def test_no_such_file(tmp_path):
    assert refused(read_published, tmp_path / "a.h5") == f"{tmp_path}/a.h5: no such file."


# === Backbones ===


UNUSED = ("fc.weight", "fc.bias", *(f"other.{number}" for number in range(10)))


@pytest.fixture(name="shallow")
def _shallow(monkeypatch, tmp_path) -> ResNet:
    """ResNet-50 has one block a stage from here on."""
    monkeypatch.setitem(BLOCKS, 50, published_small.FEW)
    monkeypatch.chdir(tmp_path)
    return ResNet(stride_in="3x3", epsilon=1e-5, pixels="torch")


def torchvision_file(backbone: ResNet, path: Path) -> tuple[Path, dict]:
    """A file of torchvision's names with a classifier and ten arrays more, and our weights."""
    network = published_small.filled(backbone.build(64, 64))
    names = torchvision_names(published_small.FEW)
    ours = {variable.path: np.array(variable) for variable in network.variables}
    arrays = published_small.in_torchs_layout({names[path]: a for path, a in ours.items()})
    others = {name: np.zeros(3, "float32") for name in UNUSED}
    return published_small.write_safetensors(path, arrays | others), ours


def test_a_backbone_becomes_start_weights(shallow, capsys):
    path, ours = torchvision_file(shallow, Path("resnet50.safetensors"))
    assert main(["convert", str(path), "--out", "start.safetensors"]) == Exit.DONE
    told = capsys.readouterr().out
    assert f"{path}: ResNet of torchvision\n" in told and told.endswith("\nstart.safetensors\n")
    for name in UNUSED:  # all of them
        assert name in told

    system = CPN(size=64, width=16, backbone=shallow)
    network = system.build()
    recipe = Recipe(system=system, training=Training(), weights="start.safetensors")
    start_weights(network, recipe)
    assert f"start.safetensors: {len(ours)} of " in capsys.readouterr().out
    values = {v.path: np.array(v) for v in network.variables}
    for name, array in ours.items():
        assert_array_equal(values[name], array, err_msg=name)


def test_a_backbones_file_lies_below_trained_models_by_default(shallow, capsys):
    path, _ = torchvision_file(shallow, Path("resnet50.safetensors"))
    assert main(["convert", str(path)]) == Exit.DONE
    made = Path("trained_models/weights/resnet50.safetensors")
    assert capsys.readouterr().out.splitlines()[-1] == str(made) and made.is_file()


def test_a_backbone_is_not_written_over_a_foreign_file(shallow, capsys):
    path, _ = torchvision_file(shallow, Path("resnet50.safetensors"))
    assert main(["convert", str(path), "--out", "resnet50.pth"]) == Exit.USAGE
    assert "--out resnet50.pth" in capsys.readouterr().err and not Path("resnet50.pth").exists()


def test_biases_of_keras_applications_go_into_the_means(shallow):
    network = published_small.filled(shallow.build(64, 64))
    names = keras_applications_names(published_small.FEW)
    arrays = {names[v.path]: np.array(v) for v in network.variables}
    arrays["conv1_conv/bias"] = np.full(64, 0.5, "float32")
    with h5py.File("resnet50.h5", "w") as file:
        for name, array in arrays.items():
            file[f"{name.split('/')[0]}/{name}:0"] = array
    converted = read_published(Path("resnet50.h5"))
    assert converted.match.unused == []
    mean = converted.weights["stem_norm/moving_mean"]
    assert_array_equal(mean, arrays["conv1_bn/moving_mean"] - np.float32(0.5))
    assert_array_equal(converted.weights["stem_conv/kernel"], arrays["conv1_conv/kernel"])
    assert read_weights(Path("resnet50.h5")).keys() == names.keys()  # also as it is
