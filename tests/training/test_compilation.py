"""XLA: training and prediction compiled as a whole give the numbers of plain TensorFlow.

Every recipe of the menu is tried, with one block a stage and narrow layers, which keeps every kind
of operation. Two things would blur the comparison, since they turn a rounding into a jump:

* A unit next to its ReLU's kink: its gradient passes or not, by the last bit (measured: 1e-6 of
  the weights moves the gradients by up to 3e-2). So each channel's beta is put far from 0: half of
  the channels pass everything, the others nothing.
* A peak between two cells of nearly the same height. So a keypoint is compared where noise of
  NOISE of its peak leaves it in its place.
"""

import signal
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from small_backbones import Ladder, Ladder2018, TwoBranches
from small_systems import Line
from small_systems import batch as line_batch
from support import TINY

from aifashion import affine, training
from aifashion.backbones.hrnet import HRNet
from aifashion.backbones.resnet import ResNet
from aifashion.backbones.resnet_2018 import ResNet2018
from aifashion.backbones.senet import SENet
from aifashion.cli import test_main as submit_main
from aifashion.cli import train_main
from aifashion.errors import Exit, Failure
from aifashion.keypoints.cpn_2018 import CPN2018
from aifashion.keypoints.hrnet_pose import HRNetPose
from aifashion.keypoints.predict import FLIP, PLAIN, TURNED, Member, Predictor
from aifashion.progress import TrainingProgress
from aifashion.recipes import RECIPES

# Network family -> its recipe whose proof belongs to the quick tests.
FAST = {
    "CPN": "quick",
    "GarmentCPN": "cpn_resnet152",
    "CPN2018": "cpn_v11_2018",
    "HRNetPose": "hrnet_quick",
}
# Of a backbone, what makes it small; blocks stand in place of the depth's.
NARROW = {
    ResNet: {"depth": 50, "blocks": (1, 1, 1, 1), "width": 8},
    SENet: {"blocks": (1, 1, 1, 1), "width": 8, "groups": 4, "reduction": 8},
    ResNet2018: {"blocks": (1, 1, 1), "width": 8},
    HRNet: {
        "width": 4,
        "modules": (1, 1, 1),
        "blocks": 1,
        "stem_width": 8,
        "first_blocks": 1,
        "first_width": 4,
    },
}
SIZE, WIDTH, ROWS, PICTURES = 64, 16, 4, 2
TOLERANCE = 1e-4  # of the largest value compared
NOISE = 1e-5
SGD = training.Training(optimizer="sgd", learning_rate=0.01, batch_size=ROWS)


# Of a family whose network takes long to compile: what stands in for its backbone.
BRIEF = {"GarmentCPN": Ladder, "CPN2018": Ladder2018, "HRNetPose": TwoBranches}


class Watched:
    """A system that counts how often its loss is traced, and whose answers hold their maps."""

    def __init__(self, system):
        self.system, self.traced = system, 0

    def __getattr__(self, name: str):
        return getattr(self.system, name)

    def loss_terms(self, outputs, inputs, targets) -> dict:
        self.traced += 1
        return self.system.loss_terms(outputs, inputs, targets)

    def read(self, maps, mask) -> dict:
        return {**self.system.read(maps, mask), "maps": maps}


def family(name: str) -> str:
    return type(RECIPES[name].system).__name__


def rate(system) -> float:
    """Of learning; the root of a sum has a hundred times a mean's gradient."""
    return 1e-4 if isinstance(system, CPN2018) else SGD.learning_rate


def small(name: str, is_brief: bool = False):
    """A recipe's system with one block a stage, narrow; or with BRIEF's backbone."""
    system = RECIPES[name].system
    backbone = replace(system.backbone, **NARROW[type(system.backbone)])
    if is_brief and family(name) in BRIEF:
        backbone = BRIEF[family(name)](**vars(backbone))
    if isinstance(system, HRNetPose):
        return replace(system, height=SIZE, width=SIZE // 2, backbone=backbone)
    return replace(system, size=SIZE, width=WIDTH, backbone=backbone)


def batch(system, step: int = 0, rows: int = ROWS) -> tuple[dict, dict]:
    """A batch of the contract, drawn from numbers: noise, and points anywhere."""
    draw = np.random.default_rng([step, 7])
    count, (width, height) = len(system.keypoints), system.frame
    inputs = {
        "image": draw.integers(0, 256, (rows, height, width, 3), np.uint8),
        "keypoint_mask": (draw.random((rows, count)) < 0.7).astype(np.float32),
        "record": np.arange(rows),
        "seed": np.arange(rows, dtype=np.int32),
    }
    targets = {
        "keypoints": draw.uniform(0, system.frame, (rows, count, 2)).astype(np.float32),
        "visibility": draw.integers(0, 3, (rows, count), np.int32),
    }
    return inputs, targets


def leave_kinks(network: keras.Model) -> None:
    draw = np.random.default_rng(3)
    for variable in network.variables:
        if variable.path.endswith(("/beta", "conv/bias", "conv1/bias", "conv2/bias", "up/bias")):
            sides = np.where(np.arange(variable.shape[0]) % 2, -3.0, 3.0)
            variable.assign(sides + draw.uniform(-0.2, 0.2, sides.shape))
        if variable.path.endswith("/gamma"):
            variable.assign(draw.uniform(0.8, 1.1, variable.shape))
        # HRNetPose's fresh maps are next to nothing, and the mask does nothing to them.
        if variable.path.endswith("head_maps/kernel"):
            variable.assign(draw.uniform(0, 0.1, variable.shape))
        if variable.path.startswith("condition_"):
            variable.assign(draw.uniform(-0.02, 0.02, variable.shape))


def pair(system, **settings) -> SimpleNamespace:
    """A network and trainers of it: `plain`, and `xla`. Both begin at `start`."""
    keras.utils.set_random_seed(0)
    settings = replace(SGD, **{"learning_rate": rate(system), **settings})
    network = training.build(system, settings, training.devices())
    leave_kinks(network)
    two = SimpleNamespace(network=network)
    for name, jit in (("plain", False), ("xla", True)):
        asked = replace(settings, jit_compile=jit)
        setattr(two, name, training.Trainer(Watched(system), network, asked, 100))
    two.system, two.start = two.plain.system, two.plain.arrays()
    return two


def menu() -> list:
    """FAST's recipes in brief; then every recipe, but one of those alike when small, slow."""
    brief = {small(name, is_brief=True): name for name in FAST.values()}
    others = {small(name): name for name in reversed(RECIPES)}
    params = [pytest.param(system, id=name) for system, name in brief.items()]
    return params + [
        pytest.param(system, id=f"{name}-whole", marks=pytest.mark.slow)
        for system, name in others.items()
        if system not in brief
    ]


@pytest.fixture(scope="module", params=menu())
def two(request) -> SimpleNamespace:
    """A small network of every kind in turn."""
    return pair(request.param)


def train(two, trainer, *batches) -> tuple[list[dict], dict]:
    """The losses of steps from the start, and the weights after them."""
    trainer.restore(two.start)
    outcomes = [trainer.step(given, number) for number, given in enumerate(batches)]
    assert all(outcome.is_finite for outcome in outcomes)
    return [outcome.losses for outcome in outcomes], training.weights_of(two.network)


def assert_close(found, expected, what: str = "") -> None:
    # A soft-max does not feel its maps' bias, whose gradient is rounding alone, below 1e-8.
    largest = max(np.abs(expected).max(), 1e-4)
    assert_allclose(found, expected, rtol=0, atol=TOLERANCE * largest, err_msg=what)


# === The menu ===


def test_every_family_is_proven_quickly():
    """Where this fails, name the new family's recipe that compiles soonest in FAST."""
    assert set(FAST) == {family(name) for name in RECIPES}
    assert all(family(name) == key for key, name in FAST.items())


# === Training ===


def test_two_steps(two):
    batches = [batch(two.system, step) for step in range(2)]
    losses, expected = train(two, two.plain, *batches)
    compiled_losses, weights = train(two, two.xla, *batches)
    for one, other in zip(compiled_losses, losses, strict=True):
        assert list(one) == list(other)
        assert_allclose([*one.values()], [*other.values()], rtol=TOLERANCE)
    apart, learnt = 0.0, 0.0
    for name, array in expected.items():
        assert_close(weights[name], array, name)
        start = two.start["weights"][name]
        off, change = np.abs(weights[name] - array).max(), np.abs(array - start).max()
        # Float32 holds a weight to 6e-8 of itself, and a change is the difference of two.
        assert off <= 1e-2 * change + 3e-7 * np.abs(array).max() + 1e-8, name
        apart, learnt = apart + np.sum((weights[name] - array) ** 2), learnt + change**2
    assert learnt > 0 and apart <= (1e-3) ** 2 * learnt


def trains_absent(system) -> bool:
    """Whether absent keypoints of the category are trained to zero, as in the network of 2018."""
    return isinstance(system, CPN2018) or getattr(system, "absent_weight", 0) > 0


HIDDEN = {"outside every category": (0, 0), "absent": (1, 0), "masked": (0, 2)}


@pytest.mark.parametrize(("mask", "visibility"), HIDDEN.values(), ids=HIDDEN)
def test_nothing_to_learn_from(two, mask, visibility):
    """No loss and no gradient: the weights stay, and only the statistics move."""
    inputs, targets = batch(two.system)
    inputs["keypoint_mask"][:] = mask
    targets["visibility"][:] = visibility
    _, expected = train(two, two.plain, (inputs, targets))
    losses, weights = train(two, two.xla, (inputs, targets))
    is_free = not (mask and trains_absent(two.system.system))
    assert all(loss == 0 for loss in losses[0].values()) == is_free
    learnt = {variable.path for variable in two.network.trainable_variables}
    for name, array in expected.items():
        assert_close(weights[name], array, name)
        if is_free and name in learnt:
            assert_array_equal(weights[name], two.start["weights"][name], name)
    assert any(
        (weights[name] != two.start["weights"][name]).any() for name in weights.keys() - learnt
    )


def test_steps_compile_once(two):
    before = two.xla.system.traced
    train(two, two.xla, *(batch(two.system, step) for step in range(3)))
    assert two.xla.system.traced == max(before, 1)


def test_xla_does_compile():
    """What XLA cannot compile, a call back to Python, is refused with it and computed without."""

    class Calling(Line):
        def loss_terms(self, outputs, inputs, targets) -> dict:
            terms = super().loss_terms(outputs, inputs, targets)
            weight = tf.ensure_shape(tf.numpy_function(np.float32, [2.0], tf.float32), ())
            return {"fit": (terms["fit"][0], weight)}

    given = line_batch([1, 2], [3, 6])
    for jit in (False, True):
        network = Line().build()
        asked = replace(SGD, batch_size=2, jit_compile=jit)
        trainer = training.Trainer(Calling(), network, asked, 1)
        if jit:
            with pytest.raises(tf.errors.InvalidArgumentError, match="unsupported operations"):
                trainer.step(given, 0)
        else:
            assert trainer.step(given, 0).losses == {"fit": 22.5}  # (9 + 36) / 2


@pytest.mark.slow
def test_losses_of_validation(two):
    batches = [batch(two.system, step) for step in range(2)]
    losses = []
    for trainer in (two.plain, two.xla):
        trainer.restore(two.start)
        losses.append(trainer.mean_losses(batches))
    assert list(losses[0]) == list(losses[1])
    assert_allclose([*losses[1].values()], [*losses[0].values()], rtol=TOLERANCE)


@pytest.mark.slow
def test_bfloat16():
    """Plain TensorFlow rounds after every operation, XLA after several of them: 8 bits, 4e-3."""
    two = pair(small("quick"), precision="bfloat16")
    batches = [batch(two.system, step) for step in range(2)]
    losses, expected = train(two, two.plain, *batches)
    compiled_losses, weights = train(two, two.xla, *batches)
    for one, other in zip(compiled_losses, losses, strict=True):
        assert_allclose([*one.values()], [*other.values()], rtol=1e-2)
    learnt = [variable.path for variable in two.network.trainable_variables]
    start = two.start["weights"]
    ours, theirs = (
        np.concatenate([(found[name] - start[name]).ravel() for name in learnt])
        for found in (weights, expected)
    )
    assert ours @ theirs > 0.99 * np.linalg.norm(ours) * np.linalg.norm(theirs)
    for name in weights.keys() - set(learnt):
        largest = np.abs(expected[name]).max()
        assert_allclose(weights[name], expected[name], rtol=0, atol=2e-2 * largest, err_msg=name)


# === Prediction ===


VIEWS = {"plain": PLAIN, "flip": FLIP, "turned": TURNED}


def answer(two, views, jit: bool) -> dict:
    """The predictor's answer for PICTURES pictures, the last of them outside every category."""
    count = len(views.each)
    inputs, _ = batch(two.system, 5, PICTURES * count)
    inputs["keypoint_mask"][-count:] = 0
    width, height = two.system.frame
    middle = (width / two.system.stride / 2, height / two.system.stride / 2)
    ways = [affine.about(middle, view.angle, view.scale) for view in views.each]
    inputs["way_0"] = np.tile(np.float32(ways), (PICTURES, 1, 1))
    inputs[f"image_{width}x{height}"] = inputs["image"]
    predictor = Predictor([Member(two.system, two.network)], views)
    given = {name: inputs[name] for name in predictor.network.input}
    (found,) = training.Forward(predictor.network, jit_compile=jit)([given])
    return {**found, "mask": inputs["keypoint_mask"][::count]}


@pytest.mark.parametrize(
    "views",
    [pytest.param(v, marks=() if v is TURNED else pytest.mark.slow) for v in VIEWS.values()],
    ids=VIEWS,
)
def test_predictions(two, views):
    # After two steps its statistics are those of no constant.
    train(two, two.plain, *(batch(two.system, step) for step in range(2)))
    plain, xla = answer(two, views, False), answer(two, views, True)
    assert_close(xla["maps"], plain["maps"])
    assert_close(xla["confidence"], plain["confidence"])
    assert (xla["confidence"][-1] == 0).all() and np.isfinite(xla["keypoints"]).all()

    maps = plain["maps"]
    noise = np.random.default_rng(0).uniform(-NOISE, NOISE, maps.shape)
    noisy = maps + noise * maps.max(axis=(1, 2), keepdims=True)
    moved = np.array(two.system.read(noisy.astype("float32"), plain["mask"])["keypoints"])
    apart = np.abs(moved - plain["keypoints"]).max(axis=-1)
    clear = (plain["confidence"] > 0) & (apart < TOLERANCE * SIZE)
    assert clear.sum() > 0.7 * plain["mask"].sum()
    off = np.abs(xla["keypoints"] - plain["keypoints"]).max(axis=-1)
    assert off[clear].max() < TOLERANCE * SIZE


def test_several_devices_are_refused():
    cluster = SimpleNamespace(replicas=2, strategy=None)
    for make in (
        lambda: training.Trainer(Line(), None, replace(SGD, jit_compile=True), 1, cluster),
        lambda: training.Forward(Line().build(), cluster, jit_compile=True),
    ):
        with pytest.raises(Failure, match="jit_compile works on one device; here are 2") as refused:
            make()
        assert refused.value.exit_code == Exit.USAGE
    cluster.strategy = tf.distribute.get_strategy()
    training.Forward(Line().build(), cluster, jit_compile=False)


# === Full size ===


@pytest.mark.slow
def test_full_depth():
    """cpn_resnet101 as it is but for the size of its pictures."""
    two = pair(replace(RECIPES["cpn_resnet101"].system, size=128), batch_size=2)
    given = batch(two.system, rows=2)
    (losses,), expected = train(two, two.plain, given)
    (compiled_losses,), weights = train(two, two.xla, given)
    assert list(compiled_losses) == list(losses)
    assert_allclose([*compiled_losses.values()], [*losses.values()], rtol=TOLERANCE)
    for name, array in expected.items():
        # XLA's variance is the mean of squares less the square of the mean, which loses digits
        # where blocks have added up their betas: 3e-4 of the statistics at the end of stage 4.
        largest = max(np.abs(array).max(), 1e-4)
        assert_allclose(weights[name], array, rtol=0, atol=1e-3 * largest, err_msg=name)
    inputs = {name: given[0][name] for name in two.network.input}
    plain, xla = (
        next(training.Forward(two.network, jit_compile=jit)([inputs])) for jit in (False, True)
    )
    for level, maps in plain.items():
        assert_close(xla[level], maps, level)


# === The doors ===


@pytest.mark.slow
def test_train_with_xla_and_resume(trained, tmp_path, monkeypatch):
    """Stopped within the second epoch and resumed: the losses of the plain run, but for kinks."""
    run = tmp_path / "run"
    step = TrainingProgress.step

    def step_then_stop(bar, number, *numbers):
        step(bar, number, *numbers)
        if number == 9:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(TrainingProgress, "step", step_then_stop)
    asked = ["--data", str(trained.data), "--run", str(run)]
    compiled = ["--set", "training.jit_compile=true"]
    assert train_main([*asked, *TINY, *compiled]) == Exit.INTERRUPTED
    monkeypatch.undo()
    assert train_main([*asked, "--resume", "auto"]) == Exit.DONE
    found, expected = (pd.read_csv(folder / "history.csv") for folder in (run, trained.folder))
    assert list(found) == list(expected) and len(found) == 2
    assert list(found["step"]) == list(expected["step"])
    assert_allclose(found["learning_rate"], expected["learning_rate"], rtol=TOLERANCE)
    assert_allclose(found["loss"], expected["loss"], rtol=2e-2)  # kinks: measured 4e-3
    assert np.isfinite(found["val_ne_percent"]).all()


@pytest.mark.slow
def test_submission_with_xla(trained, tmp_path, monkeypatch):
    """The plain one, but for a point halfway between two pixels."""
    tables, compilers = [], []
    make = training.Forward.__init__

    def note(forward, network, cluster=None, jit_compile=False):
        compilers.append(jit_compile)
        make(forward, network, cluster, jit_compile)

    monkeypatch.setattr(training.Forward, "__init__", note)
    for flags in ([], ["--jit"]):
        out = tmp_path / f"out{len(flags)}"
        asked = ["--data", str(trained.data), "--model-path", str(trained.folder)]
        assert submit_main([*asked, "--out-path", str(out), *flags]) == Exit.DONE
        tables.append(pd.read_csv(out / "submission.csv").to_numpy())
    assert compilers == [False, True]
    plain, compiled = tables
    assert plain.shape == compiled.shape and len(plain) == 20
    assert (plain != compiled).sum() <= 0.01 * (plain != "-1_-1_-1").sum()
