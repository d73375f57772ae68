"""Published networks' files as runs: converted by the verb, or named straight to the doors."""

import csv
import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import formula
import keras
import numpy as np
import published_small
import pytest
from numpy.testing import assert_array_equal

from aifashion import checkpoints, runs
from aifashion.api.fitting.start import TrainOptions, find_or_create
from aifashion.api.models import Model, load, start_weights
from aifashion.api.published import best_of_2018, convert_file, run_of
from aifashion.cli import demo_main, main, train_main
from aifashion.cli import test_main as submit_main
from aifashion.datasets.fashionai import KEYPOINTS, SCHEMA
from aifashion.errors import Exit, Failure
from aifashion.recipes import RECIPES

PUBLISHED = Path("trained_models/published")


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """The small all-in-one network; its weights are in the file."""
    return published_small.filled(published_small.SYSTEMS["cpn_v11_2018"].build())


@pytest.fixture(scope="module")
def content(network, tmp_path_factory) -> bytes:
    """Of `all_weights_8.hdf5`."""
    path = tmp_path_factory.mktemp("keras2") / "all_weights_8.hdf5"
    return published_small.write_keras_2(path, published_small.as_keras_2(network)).read_bytes()


@pytest.fixture(scope="module")
def others(network, tmp_path_factory) -> bytes:
    """Of a file with other weights."""
    arrays = published_small.as_keras_2(network)
    arrays["out2x/bias"] = arrays["out2x/bias"] + 1
    return published_small.write_keras_2(tmp_path_factory.mktemp("b") / "b", arrays).read_bytes()


@pytest.fixture(name="file")
def _file(monkeypatch, tmp_path, content) -> Path:
    published_small.put_into_the_menu(monkeypatch)
    monkeypatch.chdir(tmp_path)
    path = Path("all_weights_8.hdf5")
    path.write_bytes(content)
    return path


def refused(code: Exit, call, *arguments) -> str:
    with pytest.raises(Failure) as caught:
        call(*arguments)
    assert caught.value.exit_code == code and "\n" not in str(caught.value)
    return str(caught.value)


def maps(network: keras.Model) -> dict[str, np.ndarray]:
    """What a network makes of a picture of a formula."""
    channels = network.input["keypoint_mask"].shape[1]
    inputs = {"image": formula.picture(64), "keypoint_mask": np.ones((1, channels), "float32")}
    return {name: np.array(x) for name, x in network(inputs, training=False).items()}


def assert_predicts_as(model: Model, network: keras.Model) -> None:
    (trained,) = model.trained
    expected = maps(network)
    assert all(np.std(x) > 0 for x in expected.values())
    for name, found in maps(trained.network).items():
        assert_array_equal(found, expected[name], err_msg=name)


def bias_in(folder: Path) -> np.ndarray:
    """Of the last maps of the global net, in a run's best weights."""
    return checkpoints.newest(runs.load(folder).best).groups["weights"]["global_C1_maps/bias"]


# === The verb ===


def test_convert_makes_a_run_that_predicts_the_same(file, network, capsys):
    assert main(["convert", str(file)]) == Exit.DONE
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{file}: the all-in-one FashionAI network of 2018"
    assert told[1] == f"{file}: {len(network.variables)} of {len(network.variables)} arrays fit"
    assert told[-1] == str(PUBLISHED / "all_weights_8")
    model = load(told[-1])
    assert_predicts_as(model, network)
    assert model.run.asked.recipe_name == "cpn_v11_2018" and model.run.state == runs.FINISHED
    assert model.run.recipe == RECIPES["cpn_v11_2018"]
    assert model.categories == tuple(SCHEMA.categories)
    assert "convert all_weights_8.hdf5  # sha256 " in model.run.asked.command
    shapes = json.loads((PUBLISHED / "all_weights_8/mean_shapes.json").read_text())
    assert shapes == {name: [[0.5, 0.5]] * len(KEYPOINTS) for name in SCHEMA.categories}


def test_converting_again_leaves_the_run_as_it_is(file):
    before = convert_file(file)
    wrote = (before / "recipe.json").stat().st_mtime_ns
    assert convert_file(file) == before
    assert (before / "recipe.json").stat().st_mtime_ns == wrote


def test_convert_to_a_named_folder(file, network, capsys):
    assert main(["convert", str(file), "--out", "mine"]) == Exit.DONE
    assert_predicts_as(load("mine"), network)
    assert not PUBLISHED.exists()
    assert main(["convert", str(file), "--out", "mine"]) == Exit.USAGE
    assert "mine holds a run already" in capsys.readouterr().err
    assert bias_in(Path("mine")).shape == (24,)


@pytest.mark.parametrize("recipe_name", ["cpn_resnet152", "cpn_senet154"])
def test_a_garments_network(recipe_name, file):
    skirt = published_small.of_garment(recipe_name, "skirt")
    arrays = published_small.as_torch(skirt, recipe_name)
    path = published_small.write_safetensors(Path("kpt_skirt_031.safetensors"), arrays)
    model = load(convert_file(path))
    assert_predicts_as(model, skirt)
    assert model.categories == ("skirt",)
    assert model.run.asked.recipe_name == recipe_name


# === Files named straight to the doors ===


def test_a_file_is_converted_once(file, network, capsys):
    assert_predicts_as(load(file), network)
    said = capsys.readouterr().out
    assert f"{file}: converting it to {PUBLISHED / 'all_weights_8'}, which may be named" in said
    assert_predicts_as(load(file), network)
    assert "converting" not in capsys.readouterr().out
    assert [run.folder for run in runs.listed()] == [PUBLISHED / "all_weights_8"]


def test_a_checkpoint_of_torch(file):
    torch = pytest.importorskip("torch")
    skirt = published_small.of_garment("cpn_resnet152", "skirt")
    arrays = published_small.as_torch(skirt, "cpn_resnet152")
    weights = {f"module.{name}": torch.from_numpy(array) for name, array in arrays.items()}
    torch.save({"epoch": 31, "state_dict": weights, "lr": 1e-4}, "kpt_skirt_031.ckpt")
    model = load("kpt_skirt_031.ckpt")
    assert_predicts_as(model, skirt)
    assert model.categories == ("skirt",)


def test_another_file_of_the_same_name(file, network, others):
    first = run_of(file)
    Path("other").mkdir()
    again = Path("other") / file.name
    again.write_bytes(others)
    second = run_of(again)
    assert first != second and second.name.startswith("all_weights_8_")
    assert_array_equal(bias_in(second), bias_in(first) + 1)
    assert (run_of(file), run_of(again)) == (first, second)
    again.write_bytes(file.read_bytes())  # the same one elsewhere
    assert run_of(again) == first


def test_an_interrupted_conversion_is_done_again(file, network, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoints, "save", interrupted)
        load(file)
    assert runs.is_run(PUBLISHED / "all_weights_8")
    assert_predicts_as(load(file), network)


def test_a_run_of_it_that_is_trained_further_is_not_made_again(file):
    folder = run_of(file)
    runs.load(folder).set_state(runs.RUNNING)
    (folder / "history.csv").write_text("epoch\n1\n")
    assert run_of(file) == folder
    assert (folder / "history.csv").read_text() == "epoch\n1\n"


def test_a_file_that_went(file):
    run_of(file)
    file.unlink()
    assert refused(Exit.BAD_MODEL, load, file) == "all_weights_8.hdf5: no such file."


def test_a_backbone_predicts_nothing(file):
    """The arrays of the ResNet alone, which is a published file of its own."""
    arrays = published_small.as_keras_2(published_small.SYSTEMS["cpn_v11_2018"].build())
    backbone = ("conv1", "bn_conv1", "scale", "res", "bn2", "bn3", "bn4")
    arrays = {name: array for name, array in arrays.items() if name.startswith(backbone)}
    path = published_small.write_keras_2(Path("resnet101_weights_tf.h5"), arrays)
    said = refused(Exit.BAD_MODEL, load, path)
    assert "finds no garment's keypoints yet" in said
    assert "--weights resnet101_weights_tf.h5" in said
    assert not Path("trained_models").exists()


def test_test_and_demo_take_the_file(file, sample, capsys):
    submit = ["--data", str(sample), "--model-path", str(file), "--out-path", "out"]
    assert submit_main([*submit, "--category", "skirt"]) == Exit.DONE
    with Path("out/submission.csv").open() as rows:
        categories = [row["image_category"] for row in csv.DictReader(rows)]
    assert categories == ["skirt"] * 4
    picture = next((sample / "test/Images/dress").glob("*.jpg"))
    drawn = ["--model-file", str(file), "--category", "dress", "--out-path", "drawn.jpg"]
    assert demo_main([str(picture), *drawn]) == Exit.DONE
    assert Path("drawn.jpg").is_file()


def test_where_it_was_trained_is_not_taken_for_a_folder(file, sample):
    """The working folder is no data; without --data the sample is found."""
    Path("data/sample").mkdir(parents=True)
    Path("data/sample/fashionai").symlink_to(sample)
    submit = ["--model-path", str(file), "--out-path", "out", "--category", "skirt"]
    assert submit_main(submit) == Exit.DONE


# === Runs of 2018 ===


def log(folder: Path, *lines: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "val.log").write_text("".join(f"{line}\n" for line in lines))
    return folder


def test_the_lowest_score_wins_as_a_number(tmp_path):
    """Whatever the working folder was, whose letters come first, and how it was spelt."""
    elsewhere = "../../trained_models/all/2018_05_20_10_11_12"
    folder = log(
        tmp_path / "2018_05_20_10_11_12",
        f"{elsewhere}/all_weights_1.hdf5, Socre 0.1",
        "skirt: 0.01",
        f"{elsewhere}/all_weights_2.hdf5, Score 9e-2",
        f"{elsewhere}/all_weights_3.hdf5, Socre 0.095",
        f"{elsewhere}/all_weights_4.hdf5, Socre 0.01",  # deleted since
    )
    for number in (1, 2, 3):
        (folder / f"all_weights_{number}.hdf5").touch()
    assert best_of_2018(folder) == folder / "all_weights_2.hdf5"
    (folder / "all_weights_2.hdf5").unlink()
    assert best_of_2018(folder) == folder / "all_weights_3.hdf5"


@pytest.mark.parametrize("lines", [(), ("../all_weights_1.hdf5, Socre 0.1",), ("skirt: 0.1",)])
def test_a_log_that_names_nothing_there(lines, tmp_path):
    folder = log(tmp_path / "2018", *lines)
    said = refused(Exit.BAD_MODEL, load, folder)
    assert said.startswith(f"{folder}/val.log: names no weight file that is in {folder}.")


def test_a_run_of_2018_is_a_model(file, network, content, others):
    folder = log(
        Path("2018_05_20_10_11_12"),
        "../all/2018_05_20_10_11_12/all_weights_9.hdf5, Socre 0.1",
        "../all/2018_05_20_10_11_12/all_weights_8.hdf5, Socre 9e-2",
    )
    (folder / "all_weights_8.hdf5").write_bytes(content)
    (folder / "all_weights_9.hdf5").write_bytes(others)
    assert_predicts_as(load(folder), network)


# === Training from them ===


def asked(options: TrainOptions) -> runs.Run:
    with ExitStack() as held:
        return find_or_create(options, held)


def test_resume_model_says_which_network_it_is(file, sample, network, capsys):
    run = asked(TrainOptions(resume_model=file, data=sample, run=Path("on"), init_epoch=3))
    said = capsys.readouterr().out
    assert "2018, so --network cpn_v11_2018 --category all\n" in said
    assert (run.asked.recipe_name, run.asked.category) == ("cpn_v11_2018", "all")
    assert run.recipe.weights == str(file) and run.asked.first_epoch == 3
    fresh = run.recipe.system.build()
    start_weights(fresh, run.recipe)
    for name, found in maps(fresh).items():
        assert_array_equal(found, maps(network)[name])


def test_resume_model_of_a_garment_says_the_garment(file, sample):
    torch = pytest.importorskip("torch")
    skirt = published_small.of_garment("cpn_resnet152", "skirt")
    arrays = published_small.as_torch(skirt, "cpn_resnet152")
    weights = {name: torch.from_numpy(array) for name, array in arrays.items()}
    torch.save({"state_dict": weights}, "kpt.ckpt")
    options = TrainOptions(resume_model=Path("kpt.ckpt"), data=sample, run=Path("a"))
    run = asked(options)
    assert (run.asked.recipe_name, run.asked.category) == ("cpn_resnet152", "skirt")
    assert run.recipe.system.keypoints == SCHEMA.categories["skirt"]
    other = asked(replace(options, run=Path("b"), category="dress"))  # said, so it is meant
    assert other.asked.category == "dress"
    named = asked(replace(options, run=Path("c"), network="cpn_senet154"))
    assert (named.asked.recipe_name, named.asked.category) == ("cpn_senet154", "all")


def test_weights_take_the_file(file, sample, network, capsys):
    weights = TrainOptions(network="cpn_v11_2018", data=sample, run=Path("a"), weights=str(file))
    run = asked(weights)
    fresh = run.recipe.system.build()
    start_weights(fresh, run.recipe)
    count = len(network.variables)
    assert f"{file}: {count} of {count} arrays fit\n" in capsys.readouterr().out
    assert_array_equal(maps(fresh)["stack_1"], maps(network)["stack_1"])


@pytest.mark.parametrize("flag", ["--weights", "--resume-model"])
def test_a_bad_file_is_refused_before_a_run_is_made(flag, file, sample, capsys):
    file.write_bytes(file.read_bytes()[:5000])
    assert train_main([flag, str(file), "--data", str(sample)]) == Exit.BAD_MODEL
    said = capsys.readouterr().err
    assert "no readable HDF5 file" in said and said.count("\n") == 1
    assert not Path("trained_models").exists()
