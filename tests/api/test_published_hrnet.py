"""Published HRNets: which one a file is, what it becomes here, and networks of other heads."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import published_small
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aifashion import runs
from aifashion.api import published
from aifashion.api.models import load, start_weights
from aifashion.api.published import convert_file, recognise, run_of
from aifashion.backbones.hrnet import HRNet
from aifashion.backbones.names_hrnet import hrnet_names
from aifashion.cli import main
from aifashion.convert import Foreign
from aifashion.datasets.deepfashion2.landmarks import AGGREGATED, CHANNELS, KEYPOINTS, SCHEMA
from aifashion.errors import Exit, Failure
from aifashion.keypoints.hrnet_pose import HRNetPose
from aifashion.keypoints.names_hrnet_pose import hrnet_pose_names
from aifashion.recipes import Recipe
from aifashion.training import Training

WIDTH_OF = "stage4.0.branches.0.0.conv1.weight"
IMAGENET = ("incre_modules.0.0.conv1.weight", "final_layer.0.weight", "classifier.weight")


def named(names, **arrays) -> Foreign:
    """A file with arrays of these names, tiny where it does not matter."""
    return Foreign(Path("pose.pth"), dict.fromkeys(names, np.zeros(1)) | arrays, True)


def pose_file(width: int, count: int) -> Foreign:
    names = hrnet_pose_names(HRNet(width=width)).values()
    shapes = {WIDTH_OF: (width, width, 3, 3), "final_layer.weight": (count, width, 1, 1)}
    return named(names, **{name: np.zeros(shape) for name, shape in shapes.items()})


# === Recognised by names and shapes ===


@pytest.mark.parametrize(
    ("width", "count", "recipe_name"),
    [
        (48, 81, "hrnet_w48_agg81"),
        (32, 81, "hrnet_w32_agg81"),
        (48, 294, "hrnet_w48"),
        (32, 294, "hrnet_w48"),  # none of its width is in the menu
    ],
)
def test_the_landmark_networks(width, count, recipe_name):
    found = recognise(pose_file(width, count))
    assert (found.recipe_name, found.category) == (recipe_name, "all")
    assert found.title.startswith(f"HRNet-W{width} for DeepFashion2's {count} keypoints")
    assert found.config.keypoints == {81: KEYPOINTS, 294: CHANNELS}[count]
    assert found.config.backbone == HRNet(width=width)
    assert found.names == hrnet_pose_names(HRNet(width=width))
    reading = found.config.reading
    assert (reading.peak, reading.shift, reading.flip_shift) == ("neighbours", -1.5, 1)


@pytest.mark.parametrize("count", [16, 17])
def test_other_poses_are_start_weights(count):
    found = recognise(pose_file(32, count))
    assert found.recipe_name is None and f"{count} keypoints" in found.title
    assert found.config.backbone == HRNet(width=32) and len(found.config.keypoints) == count


@pytest.mark.parametrize("width", [18, 48])
def test_of_imagenet(width):
    config = HRNet(width=width)
    weights = {WIDTH_OF: np.zeros((width, width, 3, 3))}
    found = recognise(named([*hrnet_names(config).values(), *IMAGENET], **weights))
    assert (found.title, found.config, found.recipe_name) == (f"HRNet-W{width}", config, None)
    assert found.names == hrnet_names(config)


@pytest.mark.parametrize("shape", [(), (48,), (0, 48, 3, 3)])
@pytest.mark.parametrize("name", [WIDTH_OF, "final_layer.weight"])
def test_no_convolution(name, shape):
    foreign = pose_file(48, 81)
    foreign.arrays[name] = np.zeros(shape)
    with pytest.raises(Failure) as caught:
        recognise(foreign)
    assert (
        str(caught.value) == f"pose.pth: {name} is {shape}, no convolution's. Get the file again."
    )


# === Files ===


@pytest.fixture(name="small")
def _small(monkeypatch, tmp_path):
    """Published networks have one block and few channels from here on."""
    published_small.put_into_the_menu(monkeypatch)
    few = published_small.HRNET
    monkeypatch.setattr(published, "HRNet", lambda width: replace(few, width=width))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return published_small.filled(published_small.POSE.build())


def state_dict(network: keras.Model) -> dict[str, np.ndarray]:
    names = hrnet_pose_names(published_small.HRNET)
    return published_small.in_torchs_layout({names[v.path]: np.array(v) for v in network.variables})


def maps(network: keras.Model) -> np.ndarray:
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype("uint8")
    keypoints = network.input["keypoint_mask"].shape[1]
    inputs = {"image": image, "keypoint_mask": np.ones((1, keypoints), "float32")}
    return np.array(network(inputs, training=False)["heatmaps"])


def start(system: HRNetPose, weights: Path) -> keras.Model:
    fresh = system.build()
    start_weights(fresh, Recipe(system=system, training=Training(), weights=str(weights)))
    return fresh


@pytest.mark.usefixtures("small")
def test_a_checkpoint_becomes_a_run(network):
    """As the published training writes it, from several GPUs."""
    torch = pytest.importorskip("torch")
    tensors = {name: torch.from_numpy(array) for name, array in state_dict(network).items()}
    tensors["bn1.num_batches_tracked"] = torch.tensor(7)
    content = {
        "epoch": 12,
        "model": "pose_hrnet",
        "state_dict": {f"module.{name}": tensor for name, tensor in tensors.items()},
        "best_state_dict": tensors,
        "perf": np.float64(0.6),
        "optimizer": {"state": {}, "param_groups": [{"lr": 1e-5, "betas": (0.9, 0.999)}]},
    }
    torch.save(content, "checkpoint.pth")
    folder = convert_file(Path("checkpoint.pth"))
    run = runs.load(folder)
    assert (run.asked.recipe_name, run.recipe.dataset) == ("hrnet_w48_agg81", "deepfashion2")
    assert run.recipe.system.reading.peak == "neighbours" and run.state == runs.FINISHED
    (trained,) = load(folder).trained
    assert_array_equal(maps(trained.network), maps(network))
    assert trained.categories == tuple(SCHEMA.categories)


def _written(network: keras.Model, names: dict[str, str], others: tuple[str, ...] = ()) -> Path:
    """A file of a network with the names of a table, and arrays of other names."""
    arrays = {names[v.path]: np.array(v) for v in network.variables}
    arrays = published_small.in_torchs_layout(arrays)
    arrays |= {name: np.zeros(3, "float32") for name in others}
    return published_small.write_safetensors(Path("published.safetensors"), arrays)


@pytest.mark.usefixtures("small")
def test_other_poses_start_all_but_the_head(capsys):
    seventeen = replace(published_small.POSE, keypoints=tuple(map(str, range(17))))
    pose = published_small.filled(seventeen.build())
    path = _written(pose, hrnet_pose_names(published_small.HRNET))
    assert main(["convert", str(path), "--out", "coco.safetensors"]) == Exit.DONE
    said = capsys.readouterr().out
    assert f"{path}: HRNet-W4 for 17 keypoints that are none of a garment's\n" in said
    assert "For a network with this backbone: HRNet(width=4, " in said

    fresh = published_small.filled(published_small.POSE.build(), seed=1)
    head = [np.array(x) for x in fresh.get_layer("head_maps").get_weights()]
    recipe = Recipe(published_small.POSE, Training(), weights="coco.safetensors")
    start_weights(fresh, recipe)
    said = capsys.readouterr().out
    assert "  head: all 81 channels are new, those given have no names\n" in said
    for kept, now in zip(head, fresh.get_layer("head_maps").get_weights(), strict=True):
        assert_array_equal(now, kept)
    theirs = {v.path: np.array(v) for v in pose.variables if "head" not in v.path}
    for variable in fresh.variables:
        if variable.path in theirs:
            assert_array_equal(variable, theirs.pop(variable.path))
    assert not theirs


@pytest.mark.usefixtures("small")
def test_imagenets_start_the_backbone(capsys):
    backbone = published_small.filled(published_small.HRNET.build(64, 64))
    path = _written(backbone, hrnet_names(published_small.HRNET), IMAGENET)
    assert main(["convert", str(path), "--out", "imagenet.safetensors"]) == Exit.DONE
    told = capsys.readouterr().out.partition("  not used: ")[2].partition("\n")[0]
    assert sorted(told.split(", ")) == sorted(IMAGENET)
    fresh = start(published_small.POSE, Path("imagenet.safetensors"))
    for layer in ("stem_conv1", "stage4_module1_C5_to_C2_conv"):
        mine, theirs = (net.get_layer(layer).kernel for net in (fresh, backbone))
        assert_array_equal(mine, theirs)


@pytest.mark.usefixtures("small")
def test_other_poses_find_nothing():
    path = Path("coco.safetensors")
    seventeen = replace(published_small.POSE, keypoints=tuple(map(str, range(17))))
    made = _written(seventeen.build(), hrnet_pose_names(published_small.HRNET)).rename(path)
    with pytest.raises(Failure) as caught:
        run_of(made)
    assert "which finds no garment's keypoints yet. Train from it: --weights" in str(caught.value)


# === Other heads ===


@pytest.mark.usefixtures("small")
def test_every_categorys_keypoints_from_the_shared_ones_and_back(network, capsys):
    folder = convert_file(_written(network, hrnet_pose_names(published_small.HRNET)))
    capsys.readouterr()
    apart = start(replace(published_small.POSE, keypoints=CHANNELS), folder)
    assert "  head: 294 of 294 channels taken by name, 0 new\n" in capsys.readouterr().out
    assert_allclose(maps(apart), maps(network)[..., AGGREGATED], rtol=1e-6)

    path = _written(apart, hrnet_pose_names(published_small.HRNET))
    folder = convert_file(path, Path("apart"))
    assert runs.load(folder).asked.recipe_name == "hrnet_w48"
    together = start(published_small.POSE, folder)
    assert "  head: 81 of 81 channels taken by name, 0 new\n" in capsys.readouterr().out
    assert_allclose(maps(together), maps(network), atol=1e-6)
