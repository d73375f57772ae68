import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from aifashion.keypoints import losses


def _maps(*rows: list[float]) -> np.ndarray:
    """One map (1, h, w, 1)."""
    return np.array(rows, "float32")[None, :, :, None]


def _gradient(loss, maps: np.ndarray) -> np.ndarray:
    maps = tf.constant(maps)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        total = tf.reduce_sum(loss(maps))
    return tape.gradient(total, maps).numpy()


def _counts(*counts: int) -> np.ndarray:
    return np.array(counts, "float32")


# === Mean squared error ===


def test_no_pictures():
    nothing = np.zeros((0, 4, 4, 3), "float32")
    assert losses.mean_squared_error(nothing, nothing).shape == (0, 3)
    assert losses.spatial_cross_entropy(nothing, nothing).shape == (0, 3)
    assert losses.hardest(np.zeros((0, 3), "float32"), _counts()).shape == (0, 3)


def test_squared_error_by_hand():
    # (1 + 4 + 0 + 9) / 4 cells.
    loss = losses.mean_squared_error(_maps([1, 2], [3, 4]), _maps([0, 4], [3, 1]))
    assert_allclose(loss, [[3.5]])


def test_squared_error_keeps_pictures_and_keypoints_apart():
    maps = np.zeros((2, 3, 5, 4), "float32")
    maps[1, 2, 4, 3] = 15  # 15^2 over 15 cells
    expected = np.zeros((2, 4))
    expected[1, 3] = 15
    assert_allclose(losses.mean_squared_error(maps, np.zeros_like(maps)), expected)


def test_squared_error_of_half_precision_is_full():
    # 300^2 is beyond float16.
    maps = np.full((1, 2, 2, 1), 300, "float16")
    assert_allclose(losses.mean_squared_error(maps, 0 * maps), [[90000]])


# === Spatial cross-entropy ===


def test_cross_entropy_by_hand():
    # The soft-max of (0, ln 3) is (1/4, 3/4); of the target (1/2, 1/2) that misses
    # 1/2 ln(2) + 1/2 ln(2/3) = 1/2 ln(4/3).
    loss = losses.spatial_cross_entropy(_maps([0, np.log(3)]), _maps([1, 1]))
    assert_allclose(loss, [[0.5 * np.log(4 / 3)]], rtol=1e-5)
    # A target of one cell: -ln(3/4).
    loss = losses.spatial_cross_entropy(_maps([0, np.log(3)]), _maps([0, 1]))
    assert_allclose(loss, [[np.log(4 / 3)]], rtol=1e-5)


def test_cross_entropy_is_zero_at_the_perfect_logits():
    target = _maps([0.1, 0.5, 0.2], [0.05, 0.9, 0.3])
    for logits in (np.log(target), np.log(target) + 17):
        assert_allclose(losses.spatial_cross_entropy(logits, 3 * target), 0, atol=1e-5)
        assert_allclose(
            _gradient(lambda x: losses.spatial_cross_entropy(x, 3 * target), logits), 0, atol=1e-6
        )


def test_cross_entropy_is_never_below_zero():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 5, (8, 6, 5, 7)).astype("float32")
    target = rng.random((8, 6, 5, 7)).astype("float32") ** 8
    assert np.min(losses.spatial_cross_entropy(logits, target)) > 0


def test_cross_entropy_of_flat_logits_has_the_gradient_of_a_soft_max():
    # Soft-max less target: 1/4 each, less 1 at the target's cell.
    target = _maps([0, 0], [0, 2])
    gradient = _gradient(lambda x: losses.spatial_cross_entropy(x, target), 0 * target)
    assert_allclose(gradient, _maps([0.25, 0.25], [0.25, -0.75]), atol=1e-6)


def test_a_target_without_mass_costs_nothing():
    logits = _maps([0, 3], [-2, 50])
    loss = losses.spatial_cross_entropy(logits, 0 * logits)
    gradient = _gradient(lambda x: losses.spatial_cross_entropy(x, 0 * logits), logits)
    assert_array_equal(loss, [[0]])
    assert_array_equal(gradient, 0 * logits)


def test_cross_entropy_of_huge_logits_is_finite():
    logits = _maps([0, 1e6], [-1e6, 3e4])
    loss = losses.spatial_cross_entropy(logits, _maps([1, 0], [0, 0]))
    assert_allclose(loss, [[1e6]])  # -ln of exp(0) / exp(1e6)


@pytest.mark.parametrize("loss", [losses.mean_squared_error, losses.spatial_cross_entropy])
def test_gradients_at_zero_are_finite(loss):
    nothing = np.zeros((2, 4, 4, 3), "float32")
    for target in (nothing, nothing + 1):
        assert np.isfinite(_gradient(lambda x, t=target: loss(x, t), nothing)).all()


# === Hard keypoints ===


def test_hardest_by_hand():
    values = np.array([[3, 1, 4, 1.5], [0.1, 0.4, 0.3, 0.2], [5, 6, 7, 8]], "float32")
    chosen = losses.hardest(values, _counts(2, 3, 0))
    assert_array_equal(chosen, [[1, 0, 1, 0], [0, 1, 1, 1], [0, 0, 0, 0]])
    assert chosen.dtype == "float32"


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_ties_keep_the_count(value):
    chosen = losses.hardest(np.full((4, 24), value, "float32"), _counts(0, 1, 7, 24))
    assert_array_equal(np.sum(chosen, axis=1), [0, 1, 7, 24])


def test_more_than_there_are_is_all():
    assert_array_equal(losses.hardest(np.array([[2, 1]], "float32"), _counts(5)), [[1, 1]])


def test_no_gradient_flows_through_the_choice():
    values = np.array([[3, 1, 4, 2]], "float32")
    # Of the chosen losses' sum the gradient is the choice itself, and nothing beside.
    gradient = _gradient(lambda x: x * losses.hardest(x, _counts(2)), values)
    assert_array_equal(gradient, [[1, 0, 1, 0]])


# === Everywhere the same ===


def _all(maps, target):
    error = losses.mean_squared_error(maps, target)
    entropy = losses.spatial_cross_entropy(maps, target)
    return error, entropy, losses.hardest(entropy, _counts(2, 1))


@pytest.mark.parametrize("how", ["graph", "xla", "tf.data"])
def test_the_same_however_it_is_run(how):
    rng = np.random.default_rng(0)
    maps = tf.constant(rng.normal(size=(2, 5, 6, 4)), "float32")
    target = tf.constant(rng.random((2, 5, 6, 4)), "float32")
    if how == "tf.data":
        results = next(iter(tf.data.Dataset.from_tensors((maps, target)).map(_all)))
    else:
        results = tf.function(_all, jit_compile=how == "xla")(maps, target)
    for result, expected in zip(results, _all(maps, target), strict=True):
        assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
