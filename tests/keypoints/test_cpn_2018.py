import re
from pathlib import Path

import keras
import numpy as np
import published_2018
import pytest
from formula import picture
from numpy.testing import assert_allclose, assert_array_equal
from published_2018 import TOLERANCE

from aifashion.backbones.resnet_2018 import ResNet2018
from aifashion.datasets.fashionai import KEYPOINTS, SCHEMA
from aifashion.keypoints.cpn_2018 import CPN2018
from aifashion.keypoints.names_cpn_2018 import cpn_2018_names, is_cpn_2018
from aifashion.ops import heatmaps

RECORD = published_2018.read(Path(__file__).with_name("recorded_cpn_2018.json"))
K = len(KEYPOINTS)
NAMES = ("global", "stack_0", "stack_1")
BLOCKS, FULL = (3, 2, 2), (3, 3, 23)
SIGMA = 20 / np.sqrt(8 * np.log(2)) / 2  # 20 pixels wide at half the height, in cells


def _cpn(**fields) -> CPN2018:
    fields = {"backbone": ResNet2018(blocks=(1, 1, 1), width=8), "width": 16, **fields}
    return CPN2018(size=64, **fields)


def _masks(*categories: str) -> np.ndarray:
    return np.array([SCHEMA.mask(name) for name in categories], "float32")


def _inputs(*categories: str) -> dict:
    shape = (len(categories), 64, 64, 3)
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return {"image": image, "keypoint_mask": _masks(*categories)}


def _truth(pictures: int) -> dict:
    rng = np.random.default_rng(0)
    return {
        "keypoints": rng.uniform(0, 64, (pictures, K, 2)).astype("float32"),
        "visibility": rng.integers(0, 3, (pictures, K), dtype="int32"),
    }


def _perfect(inputs: dict, truth: dict) -> dict:
    """Outputs without any error: a Gaussian where a keypoint is, visible or not."""
    maps = np.array(heatmaps.encode(truth["keypoints"], (32, 32), 2, SIGMA))
    shown = inputs["keypoint_mask"] * (truth["visibility"] > 0)
    return {name: maps * shown[:, None, None] for name in NAMES}


def _stored(blocks: tuple[int, ...]) -> list[str]:
    return published_2018.variables(published_2018.layers_of(RECORD, blocks))


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return _cpn().build()


@pytest.fixture(scope="module")
def published() -> keras.Model:
    """The published network with fewer blocks."""
    return CPN2018(size=64, backbone=ResNet2018(blocks=BLOCKS)).build()


def _run(network: keras.Model, inputs: dict) -> dict[str, np.ndarray]:
    return {name: np.array(maps) for name, maps in network(inputs, training=False).items()}


def _numbers(terms: dict) -> dict[str, tuple[float, float]]:
    return {name: (float(total), float(weight)) for name, (total, weight) in terms.items()}


# === Fields ===


WRONG = ({"size": 100}, {"size": 16}, {"width": 6}, {"width": 0}, {"fwhm": 0.0},
         {"hard_keypoints": 0})  # fmt: skip


@pytest.mark.parametrize("fields", WRONG)
def test_a_wrong_field_is_named(fields):
    with pytest.raises(ValueError, match=f"CPN2018.{next(iter(fields))} "):
        CPN2018(**fields)


# === Network ===


def test_shapes(network):
    outputs = _run(network, _inputs("dress", "skirt"))
    assert {name: maps.shape for name, maps in outputs.items()} == {
        name: (2, 32, 32, K) for name in NAMES
    }
    few = _cpn(keypoints=KEYPOINTS[:4]).build()
    assert {tuple(maps.shape) for maps in few.output.values()} == {(None, 32, 32, 4)}


def test_parameters(published):
    counts = dict.fromkeys(NAMES, 0)
    for variable in published.variables:
        for name in NAMES:
            if variable.path.startswith(name):
                counts[name] += int(np.prod(variable.shape))
    # The global net's, as the original counts them. Of the first stack: 256 channels of 128 with
    # bias and normalisation, 128 of these, 128 of 24 twice, and 24 of 384. The second has 128 in
    # place of 24 once.
    stack = (129 + 4) * 256 + (257 + 4) * 128 + 2 * (25 + 4) * 128 + 385 * 24
    assert counts == {"global": 4_322_312, "stack_0": stack, "stack_1": stack + 104 * 128}


def test_statistics_move_as_in_keras_2(published):
    norms = [x for x in published.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} == {0.99}
    assert {layer.epsilon for layer in norms} == {1.1e-5, 1e-3}


def test_outputs_are_float32_under_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = _cpn().build()
    finally:
        keras.config.set_dtype_policy("float32")
    assert {maps.dtype for maps in network.output.values()} == {"float32"}
    maps = [layer for layer in network.layers if layer.name.endswith("_maps")]
    assert [layer.compute_dtype for layer in maps] == ["float32"] * 5
    assert all(np.isfinite(maps).all() for maps in _run(network, _inputs("dress")).values())


def test_channels_outside_the_category_are_zero(network):
    inputs = _inputs("blouse", "trousers")
    full = _run(network, {**inputs, "keypoint_mask": np.ones((2, K), "float32")})
    for name, maps in _run(network, inputs).items():
        assert (np.abs(full[name]).max(axis=(1, 2)) > 0).all()
        assert_array_equal(maps, full[name] * inputs["keypoint_mask"][:, None, None])


# === Parity ===


def _difference(network: keras.Model, case: dict) -> float:
    inputs = {
        "image": picture(case["size"], case["seed"]),
        "keypoint_mask": np.ones((1, K), "float32"),
    }
    return published_2018.difference(network(inputs, training=False), case["outputs"])


def test_equals_the_published_one(published):
    names = _stored(BLOCKS)
    cases = [case for case in RECORD["cases"] if case["size"] == 64]
    for case in cases:
        published_2018.fill(published, names, cpn_2018_names(names, BLOCKS), case["seed"])
        assert _difference(published, case) <= TOLERANCE
    assert len(cases) == 3


@pytest.mark.parametrize(
    "mutation",
    [
        ("(global|stack)_.*_norm[12]?", "epsilon", 1.1e-5),  # the backbone's, not the heads'
        ("global_C3_conv", "dilation_rate", (1, 1)),
        ("global_C2_up", "activation", keras.activations.linear),
        ("stack_1_C2_upsample", "interpolation", "bilinear"),
    ],
)
def test_other_heads_would_show(published, monkeypatch, mutation):
    names, case = _stored(BLOCKS), RECORD["cases"][0]
    published_2018.fill(published, names, cpn_2018_names(names, BLOCKS), case["seed"])
    pattern, field, value = mutation
    for layer in published.layers:
        if re.fullmatch(pattern, layer.name):
            monkeypatch.setattr(layer, field, value)
    assert _difference(published, case) > 10 * TOLERANCE


@pytest.mark.slow
def test_equals_the_published_one_in_full():
    (case,) = (case for case in RECORD["cases"] if case["size"] == 512)
    names, network = _stored(FULL), CPN2018().build()
    published_2018.fill(network, names, cpn_2018_names(names, FULL), case["seed"])
    assert network.count_params() == 31_921_784
    assert _difference(network, case) <= TOLERANCE


def test_the_same_under_xla(network):
    import tensorflow as tf

    inputs, truth = _inputs("dress", "trousers"), _truth(2)

    def call(inputs, truth):
        outputs = network(inputs, training=False)
        return outputs, _cpn().loss_terms(outputs, inputs, truth), _cpn().heatmaps(outputs)

    expected = tf.nest.flatten(call(inputs, truth))
    results = tf.nest.flatten(tf.function(call, jit_compile=True)(inputs, truth))
    for result, value in zip(results, expected, strict=True):
        assert_allclose(result, value, rtol=1e-4, atol=1e-4 * np.std(value))


# === Names ===


def test_every_variable_has_its_name():
    stored = _stored(FULL)
    names = cpn_2018_names(stored, FULL)
    assert sorted(names.values()) == sorted(stored) and len(stored) == 725
    assert names["global_C2_up/kernel"] == "upsample_8x/kernel"
    assert names["global_C1_maps/bias"] == "out2x/bias"
    assert names["stack_0_C3_conv1/kernel"] == "stack_0_refine8x_1/kernel"
    assert names["stack_1_maps/kernel"] == "stack_1refine2x/kernel"
    assert names["stage4_block23_norm3/beta"] == "bn4b22_branch2c/beta"


def _renumbered(stored: list[str], first: int) -> list[str]:
    """As a session writes them that had made `first` other normalisations before."""
    renumbered = []
    for name in stored:
        layer, _, variable = name.rpartition("/")
        if layer.startswith("batch_normalization"):
            number = int(layer.removeprefix("batch_normalization").strip("_") or 0) + first
            layer = f"batch_normalization_{number}" if number else "batch_normalization"
        renumbered.append(f"{layer}/{variable}")
    return renumbered


@pytest.mark.parametrize("first", [0, 1, 7, 95])
def test_normalisations_are_found_by_their_order(first):
    stored = sorted(_renumbered(_stored(FULL), first))  # by letters: 10 comes before 9
    names = cpn_2018_names(stored, FULL)
    assert sorted(names.values()) == stored
    made = (
        "global_C4", "global_C3", "global_C2", "global_C1",
        "stack_0_C3_1", "stack_0_C3_2", "stack_0_C2", "stack_0_C1",
        "stack_1_C3_1", "stack_1_C3_2", "stack_1_C2", "stack_1_C1",
    )  # fmt: skip
    for number, name in enumerate(made, start=first):
        part, _, last = name.partition("_C3_")
        ours = f"{part}_C3_norm{last}" if last else f"{name}_norm"
        suffix = f"_{number}" if number else ""
        assert names[f"{ours}/beta"] == f"batch_normalization{suffix}/beta"


def test_what_is_missing_and_what_is_too_much():
    """Every variable keeps a name of its own, and what belongs to none is in no table."""
    assert cpn_2018_names([], FULL).keys() == cpn_2018_names(_stored(FULL), FULL).keys()
    assert len(set(cpn_2018_names([], FULL).values())) == 725
    lost = [name for name in _stored(FULL) if not name.startswith("batch_normalization_11/")]
    missing = set(cpn_2018_names(lost, FULL).values()) - set(lost)
    assert {name.partition("/")[0] for name in missing} == {"batch_normalization_11"}
    more = [*_stored(FULL), "batch_normalization_12/beta", "dense/kernel"]
    assert set(more) - set(cpn_2018_names(more, FULL).values()) == set(more[-2:])


def test_a_file_of_2018_is_told_by_its_layers():
    assert not is_cpn_2018([])
    assert is_cpn_2018(_stored(FULL)) and is_cpn_2018(_renumbered(_stored(FULL), 7))
    one_stack = [name for name in _stored(FULL) if not name.startswith("stack_1")]
    assert not is_cpn_2018(one_stack)


# === Loss ===


def test_no_pictures():
    truth = {"keypoints": np.zeros((0, K, 2)), "visibility": np.zeros((0, K))}
    outputs = {name: np.zeros((0, 32, 32, K), "float32") for name in NAMES}
    terms = _cpn().loss_terms(outputs, {"keypoint_mask": np.zeros((0, K))}, truth)
    assert _numbers(terms) == dict.fromkeys(NAMES, (0.0, 0.0))


def test_perfect_maps_cost_nothing_and_pull_nowhere():
    import tensorflow as tf

    inputs, truth = _inputs("dress", "skirt"), _truth(2)
    perfect = {name: tf.constant(maps) for name, maps in _perfect(inputs, truth).items()}
    truth["visibility"][:] = 0  # of empty maps, which are the same to the last digit under XLA
    empty = {name: 0 * maps for name, maps in perfect.items()}

    def gradients(outputs: dict, truth: dict) -> tuple:
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            terms = _cpn().loss_terms(outputs, inputs, truth)
            loss = tf.add_n([total for total, _ in terms.values()])
        return terms, tape.gradient(loss, outputs)

    # Eagerly, TensorFlow's kernel of the root's gradient forgives 0 / 0; compiled, it is not used.
    compiled = tf.function(gradients, jit_compile=True)
    for terms, pulls in (gradients(perfect, _truth(2)), compiled(empty, truth)):
        assert _numbers(terms) == dict.fromkeys(NAMES, (0.0, 2.0))
        for pull in pulls.values():
            assert_array_equal(pull, 0)


def test_an_empty_map_costs_the_gaussian():
    """The squares of exp(-4 ln 2 r^2 / 20^2) add up to pi 20^2 / (8 ln 2) pixels, 4 a cell."""
    truth = {"keypoints": np.full((1, K, 2), 31.0), "visibility": np.zeros((1, K), "int32")}
    truth["visibility"][0, KEYPOINTS.index("crotch")] = 1  # occluded counts as visible does
    outputs = {name: np.zeros((1, 32, 32, K), "float32") for name in NAMES}
    terms = _cpn().loss_terms(outputs, {"keypoint_mask": _masks("trousers")}, truth)
    for name in NAMES:
        assert_allclose(_numbers(terms)[name], (np.sqrt(np.pi * 400 / np.log(256) / 4), 1), 1e-3)


def test_terms_by_hand():
    inputs, truth = _inputs("dress", "dress"), _truth(2)
    truth["visibility"][0, 0] = 0  # absent: trained to zero, and an error as any other
    outputs = _perfect(inputs, truth)
    for maps in outputs.values():
        maps[0, 5, 5, 0] += 3
        maps[0, 6, 6, 1] += 2
        maps[0, 7, 7, 2] -= 1
        maps[1, 8, 8, 3] += 6
    # The root of 3^2 + 2^2 + 1^2 + 6^2; of each dress's two hardest, 3^2 + 2^2 + 6^2; of the
    # hardest, 3^2 + 6^2. Times two pictures, over two pictures.
    for hard, squares in ((8, 50), (2, 49), (1, 45)):
        terms = _numbers(_cpn(hard_keypoints=hard).loss_terms(outputs, inputs, truth))
        assert_allclose([terms["global"], terms["stack_0"]], [(2 * np.sqrt(50), 2)] * 2, rtol=1e-5)
        assert_allclose(terms["stack_1"], (2 * np.sqrt(squares), 2), rtol=1e-5)


def test_mining_is_not_learnt_from():
    """Keypoints that are not mined have no gradient; those that are, the root's."""
    import tensorflow as tf

    inputs, truth = _inputs("dress"), _truth(1)
    maps = _perfect(inputs, truth)["stack_1"]
    maps[0, 5, 5, 0] += 3
    maps[0, 6, 6, 1] += 2
    maps[0, 7, 7, 2] += 4
    maps = tf.constant(maps)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        loss = _cpn(hard_keypoints=2).loss_terms({"stack_1": maps}, inputs, truth)["stack_1"][0]
    gradient = tape.gradient(loss, maps).numpy()
    assert_allclose(gradient[0, [5, 6, 7], [5, 6, 7], [0, 1, 2]], [3 / 5, 0, 4 / 5], rtol=1e-5)
    assert np.count_nonzero(np.abs(gradient) > 1e-6) == 2


def test_what_is_outside_the_category_changes_nothing():
    inputs, truth = _inputs("trousers", "blouse"), _truth(2)
    outputs = {name: maps * 0.5 for name, maps in _perfect(inputs, truth).items()}
    expected = _numbers(_cpn().loss_terms(outputs, inputs, truth))
    foreign = inputs["keypoint_mask"] == 0
    truth["keypoints"][foreign] = 31
    truth["visibility"][foreign] = 2
    assert _numbers(_cpn().loss_terms(outputs, inputs, truth)) == expected


def test_a_batch_without_keypoints_trains_nothing(network):
    import tensorflow as tf

    inputs, truth = _inputs("dress", "skirt"), _truth(2)

    def gradients(inputs: dict) -> list:
        with tf.GradientTape() as tape:
            terms = _cpn().loss_terms(network(inputs, training=False), inputs, truth)
            loss = tf.add_n([total / weight for total, weight in terms.values()])
        return tape.gradient(loss, [v.value for v in network.trainable_variables])

    assert all(np.isfinite(g).all() and np.any(g) for g in gradients(inputs))
    inputs["keypoint_mask"] = np.zeros((2, K), "float32")  # as of pictures that could not be read
    assert all(np.count_nonzero(g) == 0 for g in gradients(inputs))


# === Decoding ===


def test_decode_reads_what_was_learnt():
    config, inputs, truth = _cpn(), _inputs("dress", "skirt"), _truth(2)
    truth["visibility"][:] = 2
    truth["keypoints"] = np.floor(truth["keypoints"] / 2) * 2 + 1  # peaks on cells, so they are 1
    prediction = config.decode(_perfect(inputs, truth), inputs)
    has = inputs["keypoint_mask"] == 1
    assert_allclose(np.array(prediction["keypoints"])[has], truth["keypoints"][has], atol=0.01)
    assert_allclose(prediction["confidence"], inputs["keypoint_mask"], atol=1e-5)


def test_a_map_outside_the_category_is_never_believed():
    maps = np.full((1, 32, 32, K), 0.5, "float32")
    confidence = _cpn().read(maps, _masks("skirt"))["confidence"]
    assert_array_equal(confidence, 0.5 * _masks("skirt"))


def test_maps_are_the_mean_of_the_outputs():
    values = {"global": 3.0, "stack_0": -1.0, "stack_1": 1.0}
    maps = {name: np.full((1, 32, 32, K), value, "float32") for name, value in values.items()}
    assert_array_equal(_cpn().heatmaps(maps), np.ones((1, 32, 32, K)))
    assert_array_equal(_cpn().heatmaps({name: -x for name, x in maps.items()}), 0)
    assert _cpn().stride == 2
