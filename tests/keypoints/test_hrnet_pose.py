from dataclasses import replace
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aifashion.backbones.hrnet import HRNet
from aifashion.convert import Foreign
from aifashion.keypoints.hrnet_pose import HRNetPose
from aifashion.keypoints.names_hrnet_pose import hrnet_pose_names
from aifashion.ops import heatmaps

NARROW = HRNet(width=4, modules=(1, 1, 1), blocks=1, stem_width=8, first_blocks=1, first_width=4)
TINY = HRNetPose(height=64, width=32, keypoints=tuple("abcd"), backbone=NARROW, sigma=2.0)


def _inputs(pictures: int) -> dict[str, np.ndarray]:
    image = np.random.default_rng(0).integers(0, 256, (pictures, 64, 32, 3)).astype("uint8")
    return {"image": image, "keypoint_mask": np.ones((pictures, 4), "float32")}


def _truth(visibility) -> dict[str, np.ndarray]:
    points = np.array([[10.0, 12.0], [20.3, 40.0], [30.0, 60.0], [3.0, 33.0]], "float32")
    visibility = np.array(visibility, "int32")
    return {"keypoints": np.tile(points, (len(visibility), 1, 1)), "visibility": visibility}


def _loss(system: HRNetPose, maps: np.ndarray, mask, visibility) -> float:
    """Of maps whose targets are `heatmaps.encode`'s."""
    inputs = {"keypoint_mask": np.array(mask, "float32")}
    targets = {"keypoints": np.zeros((*np.shape(mask), 2)), "visibility": np.array(visibility)}
    ((total, weight),) = system.loss_terms({"heatmaps": maps}, inputs, targets).values()
    return float(total) / float(weight)


# === Fields and structure ===


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"height": 500}, "HRNetPose.height is a multiple of 32, not 500"),
        ({"width": 0}, "HRNetPose.width is a multiple of 32, not 0"),
        ({"sigma": 0.0}, "HRNetPose.sigma is above 0, not 0.0"),
        ({"hard_keypoints": 0}, "HRNetPose.hard_keypoints is above 0, not 0"),
        ({"targets": "dark"}, "HRNetPose.targets is one of unbiased, msra, not 'dark'"),
        ({"condition": "multiply"}, "HRNetPose.condition is one of none, add, not 'multiply'"),
        ({"occluded_weight": -0.5}, "HRNetPose.occluded_weight is at least 0, not -0.5"),
    ],
)
def test_a_wrong_field_is_named(fields, said):
    with pytest.raises(ValueError) as caught:
        HRNetPose(**fields)
    assert str(caught.value) == said


def test_the_defaults_are_the_published_networks():
    system = HRNetPose()
    assert (system.frame, system.stride, system.sigma) == ((384, 512), 4, 3.0)
    assert len(system.keypoints) == 81 and system.backbone.width == 48


@pytest.fixture(name="tiny", scope="module")
def _tiny() -> keras.Model:
    keras.utils.set_random_seed(2)
    return TINY.build()


@pytest.fixture(name="conditioned", scope="module")
def _conditioned() -> keras.Model:
    keras.utils.set_random_seed(2)
    return replace(TINY, condition="add").build()


def test_maps_of_the_height_and_width(tiny):
    maps = tiny(_inputs(2), training=False)
    assert {name: x.shape for name, x in maps.items()} == {"heatmaps": (2, 16, 8, 4)}
    for pictures in (0, 2):
        prediction = TINY.decode({"heatmaps": maps["heatmaps"][:pictures]}, _inputs(pictures))
        assert prediction["keypoints"].shape == (pictures, 4, 2)


def test_a_fresh_head_says_next_to_nothing(tiny):
    kernel, bias = tiny.get_layer("head_maps").get_weights()
    assert 0.0003 < kernel.std() < 0.002 and not bias.any()
    assert np.abs(tiny(_inputs(2), training=True)["heatmaps"]).max() < 0.05


def test_outputs_are_float32_where_the_network_computes_in_halves():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = replace(TINY, condition="add").build()
        maps = network(_inputs(1), training=False)["heatmaps"]
    finally:
        keras.config.set_dtype_policy(policy)
    assert network.get_layer("stage4_module1_C2_relu").output.dtype == "bfloat16"
    assert maps.dtype == "float32" and np.isfinite(maps).all()


# === The category's condition ===


def test_a_fresh_condition_changes_nothing(tiny, conditioned):
    variables = {variable.path: variable for variable in conditioned.variables}
    for variable in tiny.variables:
        variables.pop(variable.path).assign(variable)
    assert set(variables) == {f"condition_C{n}/kernel" for n in (2, 3, 4, 5)}
    inputs = _inputs(2)
    inputs["keypoint_mask"][:, 1:] = 0
    found, expected = (net(inputs, training=False)["heatmaps"] for net in (conditioned, tiny))
    assert np.std(expected) > 0
    assert_array_equal(found, expected)


@pytest.mark.parametrize("level", ["C2", "C5"])
def test_a_learnt_condition_changes_the_maps_shape(conditioned, level):
    """Not their height alone, which would move no peak."""
    kernel = conditioned.get_layer(f"condition_{level}").kernel
    kernel.assign(np.random.default_rng(0).normal(scale=4, size=kernel.shape))
    both = _inputs(1), {**_inputs(1), "keypoint_mask": np.array([[1, 0, 0, 1]], "float32")}
    first, second = (np.array(conditioned(x, training=False)["heatmaps"]) for x in both)
    kernel.assign(0 * kernel)
    difference = first - second
    assert (difference.std(axis=(1, 2)) > 0.1 * first.std(axis=(1, 2))).all()


# === Loss ===


@pytest.fixture(name="formula")
def _formula(monkeypatch) -> np.ndarray:
    """Maps (b + 1)(k + 1) c / 100 and targets (k + 1) c / 200 of 2 pictures and 3 keypoints, c the
    number of the cell, of 4 x 4."""
    cells = np.arange(16.0).reshape(1, 4, 4, 1) * np.array([1, 2, 3])
    monkeypatch.setattr(heatmaps, "encode", lambda *_: np.repeat(0.005 * cells, 2, axis=0))
    return 0.01 * cells * np.array([1, 2]).reshape(2, 1, 1, 1)


@pytest.mark.parametrize(
    ("fields", "mask", "loss"),
    [
        ({}, [[1, 1, 0], [1, 0, 1]], 0.0153385417),
        ({}, [[1, 1, 1], [1, 1, 1]], 0.0226041667),
        ({"hard_keypoints": 2}, [[1, 1, 0], [1, 0, 1]], 0.0230078125),
        ({"hard_keypoints": 3}, [[1, 1, 0], [1, 0, 1]], 0.0153385417),
        ({"hard_keypoints": 9}, [[1, 1, 0], [1, 0, 1]], 0.0153385417),
    ],
)
def test_the_published_loss(fields, mask, loss, formula):
    system = replace(TINY, **fields)
    seen = np.full((2, 3), 2)
    assert_allclose(_loss(system, formula, mask, seen), loss, rtol=1e-7)
    # Absent is as good as not the category's; occluded counts like visible.
    absent = np.array(mask) * [[2, 1, 1], [1, 2, 2]]
    assert_allclose(_loss(system, formula, np.ones((2, 3)), absent), loss, rtol=1e-7)


def test_a_weight_enters_squared(formula):
    # Of the first keypoint of the first picture: 1/2 mean (0.01 - 0.005)^2 c^2, c^2 being 77.5.
    mask = [[1, 0, 0], [0, 0, 0]]
    whole = 0.5 * 0.005**2 * 77.5 / 6
    assert_allclose(_loss(TINY, formula, mask, np.ones((2, 3), int)), whole, rtol=1e-6)
    half = replace(TINY, occluded_weight=0.5)
    assert_allclose(_loss(half, formula, mask, np.ones((2, 3), int)), whole / 4, rtol=1e-6)


@pytest.mark.parametrize("pictures", [0, 2])
def test_nothing_visible_costs_nothing(pictures):
    maps = np.ones((pictures, 16, 8, 4), "float32")
    truth = _truth(np.zeros((pictures, 4)))
    terms = TINY.loss_terms({"heatmaps": maps}, _inputs(pictures), truth)
    assert [float(x) for x in terms["heatmaps"]] == [0, 4 * pictures]


@pytest.mark.parametrize("targets", ["unbiased", "msra"])
def test_the_target_costs_nothing(targets):
    system, truth = replace(TINY, targets=targets), _truth([[2, 1, 2, 2]])
    maps = heatmaps.encode(truth["keypoints"], (16, 8), 4, 2.0, targets)
    assert system.loss_terms({"heatmaps": maps}, _inputs(1), truth)["heatmaps"][0] == 0
    other = {"unbiased": "msra", "msra": "unbiased"}[targets]
    terms = replace(TINY, targets=other).loss_terms({"heatmaps": maps}, _inputs(1), truth)
    assert terms["heatmaps"][0] > 1e-4


# === Decoding ===


def test_decode_reads_what_was_learnt():
    truth = _truth([[2, 2, 2, 2]])
    maps = np.array(heatmaps.encode(truth["keypoints"], (16, 8), 4, 2.0)) - 0.01
    mask = np.array([[1, 1, 1, 0]], "float32")
    prediction = TINY.decode({"heatmaps": maps}, {"keypoint_mask": mask})
    assert_allclose(prediction["keypoints"], truth["keypoints"], atol=0.1)
    assert_allclose(prediction["confidence"], mask, atol=0.08)
    # Of other categories' keypoints too, and not cut at 0: the published scores and means need it.
    assert_array_equal(TINY.heatmaps({"heatmaps": maps}), maps)


def test_every_variable_learns(conditioned):
    import tensorflow as tf

    inputs, truth = _inputs(2), _truth([[2, 1, 2, 2], [2, 2, 2, 0]])
    inputs["keypoint_mask"][0, 1] = 0
    head = conditioned.get_layer("head_maps").kernel
    head.assign(100 * head)
    with tf.GradientTape() as tape:
        outputs = conditioned(inputs, training=True)
        ((total, weight),) = TINY.loss_terms(outputs, inputs, truth).values()
        loss = total / weight
    gradients = tape.gradient(loss, [v.value for v in conditioned.trainable_variables])
    for variable, gradient in zip(conditioned.trainable_variables, gradients, strict=True):
        assert np.isfinite(gradient).all() and np.any(gradient), variable.path


# === Parity with the published PyTorch code ===

# Weights and a picture of a formula, and what pose_hrnet.py makes of them in float64.
# (width, keypoints) -> the maps' mean, standard deviation, least, largest; {(row, column,
# keypoint): value}; and the largest cells of keypoints 0 and 5.
GOLDEN = {
    (32, 81): (
        (-0.00511115, 0.54903571, -1.93915483, 1.35330722),
        {
            (0, 0, 0): 0.30942926, (10, 7, 3): -0.24616278, (31, 23, 80): 0.71208699,
            (16, 12, 40): 0.33764499, (0, 23, 80): 0.68071064,
        },
        ((0, 15), (31, 0)),
    ),
    (48, 81): (
        (0.09943530, 0.58648776, -1.33798158, 1.32921379),
        {
            (0, 0, 0): 0.52335175, (10, 7, 3): 1.10182856, (31, 23, 80): -0.45398707,
            (16, 12, 40): -0.27884567, (0, 23, 80): -0.30575667,
        },
        ((2, 1), (0, 1)),
    ),
    (32, 17): (
        (-0.04666053, 0.51038943, -1.26327511, 1.10067645),
        {(0, 0, 0): 0.30942926, (10, 7, 3): -0.24616278, (31, 23, 16): -1.08698109},
        ((0, 15), (31, 0)),
    ),
    (48, 17): (
        (0.49163240, 0.39355221, -0.53608915, 1.22652819),
        {(0, 0, 0): 0.52335175, (10, 7, 3): 1.10182856, (31, 23, 16): -0.02253280},
        ((2, 1), (0, 1)),
    ),
}  # fmt: skip
SUMS = {(32, 81): 26357.333168, (48, 81): 30722.795852}  # of the maps' absolute values
INSIDE = {  # layer -> mean and standard deviation of its output
    (32, 81): {
        "stage1_block4_relu3": (0.16073469, 0.18886523),
        "stage2_module1_C2_relu": (0.09540270, 0.10214456),
        "stage2_module1_C3_relu": (0.08161382, 0.07203396),
        "stage3_module4_C2_relu": (0.51288377, 0.54253490),
        "stage3_module4_C3_relu": (0.47326319, 0.56533938),
        "stage3_module4_C4_relu": (0.19246272, 0.16467638),
        "stage4_module3_C2_relu": (0.69090654, 0.58689156),
    },
    (48, 81): {
        "stage2_module1_C2_relu": (0.09699564, 0.10655504),
        "stage2_module1_C3_relu": (0.08174121, 0.07455357),
        "stage3_module4_C2_relu": (0.54893855, 0.66905315),
        "stage3_module4_C3_relu": (0.54668474, 0.65998569),
        "stage3_module4_C4_relu": (0.19705707, 0.17991949),
        "stage4_module3_C2_relu": (0.84700542, 0.78938710),
    },
}
BOUND = 1e-5
STATISTICS = {32: 54_336, 48: 79_584}  # BatchNorm's
TRAINABLE = {
    (32, 17): 28_536_113, (32, 81): 28_538_225, (32, 294): 28_545_254,
    (48, 17): 63_595_745, (48, 81): 63_598_881, (48, 294): 63_609_318,
}  # fmt: skip
SHAPES = {  # of the state dict of W48 with 81 keypoints
    "conv1.weight": (64, 3, 3, 3),
    "layer1.0.downsample.0.weight": (256, 64, 1, 1),
    "transition1.0.0.weight": (48, 256, 3, 3),
    "transition2.2.0.0.weight": (192, 96, 3, 3),
    "transition3.3.0.0.weight": (384, 192, 3, 3),
    "stage4.0.fuse_layers.3.0.1.0.weight": (48, 48, 3, 3),
    "stage4.0.fuse_layers.3.0.2.0.weight": (384, 48, 3, 3),
    "stage4.2.fuse_layers.0.3.0.weight": (48, 384, 1, 1),
    "stage4.2.branches.3.3.bn2.running_var": (384,),
    "final_layer.weight": (81, 48, 1, 1),
    "final_layer.bias": (81,),
}


def _cases(keys, quick) -> list:
    return [pytest.param(*key, marks=() if key in quick else pytest.mark.slow) for key in keys]


@cache
def _network(width: int, keypoints: int) -> keras.Model:
    """Nothing of it is drawn, which takes longer than to run it."""
    names = tuple(map(str, range(keypoints)))
    with keras.StatelessScope(initialize_variables=False):
        return HRNetPose(128, 96, names, HRNet(width=width)).build()


def _published_shapes(network: keras.Model, names: dict[str, str]) -> dict:
    """{name in the state dict: shape}."""
    shapes = {variable.path: tuple(variable.shape) for variable in network.variables}
    assert set(shapes) == set(names)
    kernel = (3, 2, 0, 1)
    return {
        names[path]: tuple(shape[axis] for axis in kernel) if len(shape) == 4 else shape
        for path, shape in shapes.items()
    }


def _state_dict(shapes: dict) -> dict[str, np.ndarray]:
    """From a formula of an array's place among the names in order and of a value's in its array."""
    arrays = {}
    for place, (name, shape) in enumerate(sorted(shapes.items())):
        value = np.arange(np.prod(shape, dtype=np.int64))
        u = (((7919 * value + 104729 * place) % 10007) / 10007 - 0.5).reshape(shape)
        if len(shape) == 4:
            array = 3 * np.sqrt(1 / np.prod(shape[1:])) * u
        elif name.endswith("running_mean"):
            array = 0.1 * u
        elif name.endswith("running_var"):
            array = 1.25 + 0.5 * u
        else:
            array = 0.2 * u if name.endswith("bias") else 0.6 + 0.4 * u
        arrays[name] = array.astype(np.float32)
    return arrays


def _outputs(network: keras.Model, arrays: dict, layers) -> dict[str, np.ndarray]:
    """The maps and layers' outputs, from a normalised picture on."""
    names = hrnet_pose_names(HRNet())
    shapes = {variable.path: tuple(variable.shape) for variable in network.variables}
    match = Foreign(Path("pose.pth"), arrays, is_torch=True).under(names, shapes)
    assert not (match.missing or match.reshaped or match.unused)
    outputs = {name: network.get_layer(name).output for name in layers} | network.output
    part = keras.Model(network.get_layer("stem_conv1_pad").input, outputs)
    y, x = np.mgrid[:128, :96]
    channels = [np.sin(0.1 * (c + 1) * y) * np.cos(0.05 * (c + 2) * x) for c in range(3)]
    picture = np.stack(channels, axis=-1)[None].astype("float32")
    kinds = part.trainable_variables, part.non_trainable_variables
    weights = [[match.matched[variable.path] for variable in kind] for kind in kinds]
    found, _ = part.stateless_call(*weights, picture, training=False)
    return {name: np.array(x, np.float64)[0] for name, x in found.items()}


@pytest.mark.parametrize(("width", "keypoints"), _cases(GOLDEN, [(32, 81)]))
def test_equals_the_published_network(width, keypoints):
    network, names = _network(width, keypoints), hrnet_pose_names(HRNet())
    arrays = _state_dict(_published_shapes(network, names))
    found = _outputs(network, arrays, INSIDE.get((width, keypoints), ()))
    maps = found.pop("heatmaps")
    numbers, values, largest = GOLDEN[width, keypoints]
    assert_allclose([maps.mean(), maps.std(), maps.min(), maps.max()], numbers, atol=BOUND)
    assert_allclose([maps[place] for place in values], list(values.values()), atol=BOUND)
    for keypoint, cell in zip((0, 5), largest, strict=True):
        assert np.unravel_index(maps[..., keypoint].argmax(), (32, 24)) == cell
    if (width, keypoints) in SUMS:
        assert_allclose(np.abs(maps).sum(), SUMS[width, keypoints], rtol=BOUND)
    for name, expected in INSIDE.get((width, keypoints), {}).items():
        assert_allclose([found[name].mean(), found[name].std()], expected, atol=BOUND, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "field", "value"),
    [
        ("", "epsilon", 1e-3),
        ("_pad", "padding", ((0, 1), (0, 1))),  # Keras' own "same", of an even side halved
        ("_up", "interpolation", "bilinear"),
    ],
)
def test_what_is_easily_mistaken_shows(suffix, field, value, monkeypatch):
    network = _network(32, 81)
    for layer in network.layers:
        if layer.name.endswith(suffix) and hasattr(layer, field):
            monkeypatch.setattr(layer, field, value)
    arrays = _state_dict(_published_shapes(network, hrnet_pose_names(HRNet())))
    maps = _outputs(network, arrays, ())["heatmaps"]
    _, values, _ = GOLDEN[32, 81]
    differences = [maps[place] - value for place, value in values.items()]
    assert np.abs(differences).max() > 10 * BOUND


@pytest.mark.parametrize(("width", "keypoints"), _cases(TRAINABLE, SUMS))
def test_published_numbers_of_parameters(width, keypoints):
    network = _network(width, keypoints)
    both = network.trainable_variables, network.non_trainable_variables
    counts = [sum(int(np.prod(v.shape)) for v in kind) for kind in both]
    assert counts == [TRAINABLE[width, keypoints], STATISTICS[width]]


def test_published_shapes():
    shapes = _published_shapes(_network(48, 81), hrnet_pose_names(HRNet()))
    assert {name: shapes[name] for name in SHAPES} == SHAPES


def test_names():
    names = hrnet_pose_names(HRNet())
    assert len(set(names.values())) == len(names) == 1462
    assert list(names.items())[-1] == ("head_maps/bias", "final_layer.bias")
