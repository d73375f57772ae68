"""The training loop on a network small enough to check by hand: y = w x."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from numpy.testing import assert_allclose, assert_array_equal

from aifashion import training
from aifashion.errors import Exit, Failure
from aifashion.training import Progress, Trainer, Training, Watch


class Line:
    """A system: the squared error of y = w x, w = 0 at first, averaged over the batch."""

    def build(self) -> keras.Model:
        x = keras.Input((1,), name="x")
        y = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="line")(x)
        return keras.Model({"x": x}, {"y": y})

    def loss_terms(self, outputs, inputs, targets) -> dict:
        error = ops.square(outputs["y"] - targets["y"])
        return {"fit": (ops.sum(error), ops.cast(ops.size(error), "float32"))}


SGD = Training(epochs=2, batch_size=2, optimizer="sgd", learning_rate=0.1)


def batches(first: int = 0, last: int = 8):
    """x = 1 and 2 with y = 3 x, the first coordinate moving with the step."""
    xs = [np.float32([[1 + 0.1 * step], [2]]) for step in range(first, last)]
    return tf.data.Dataset.from_tensor_slices(np.array(xs)).map(lambda x: ({"x": x}, {"y": 3 * x}))


def make(settings: Training = SGD, steps_per_epoch: int = 4) -> Trainer:
    keras.utils.set_random_seed(0)
    system = Line()
    return Trainer(system, system.build(), settings, steps_per_epoch)


def watch(stop_after: int | None = None, saved: list | None = None) -> Watch:
    seen = []
    return Watch(
        on_step=lambda *what: seen.append(what),
        stop_asked=lambda: len(seen) == stop_after,
        save=lambda progress: saved.append(replace(progress)),
    )


def weight(trainer: Trainer) -> float:
    return float(trainer.network.get_weights()[0][0, 0])


# === Step ===


def test_one_step_by_hand():
    # x = (1, 2), y = (3, 6), w = 0: the loss is (9 + 36) / 2 and its slope
    # -2 (1 * 3 + 2 * 6) / 2 = -15, so that w becomes 0.1 * 15.
    trainer = make()
    losses = trainer.step(next(iter(batches())))
    assert float(losses["fit"]) == pytest.approx(22.5)
    assert weight(trainer) == pytest.approx(1.5)


def test_clipping_bounds_the_norm_of_all_gradients():
    trainer = make(replace(SGD, clip_norm=1.0))
    trainer.step(next(iter(batches())))
    assert weight(trainer) == pytest.approx(0.1)  # slope -15, clipped to -1


def test_average_follows_the_weights():
    # The decay is min(0.9, (1 + t) / (10 + t)) after t updates: 2 / 11 after the first.
    trainer = make(replace(SGD, ema=0.9))
    trainer.step(next(iter(batches())))
    with trainer.averaged() as network:
        assert float(network.get_weights()[0][0, 0]) == pytest.approx(1.5 * 9 / 11)
    assert weight(trainer) == pytest.approx(1.5)


def test_decay_shrinks_kernels_alone():
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="line")])
    optimizer = training.make_optimizer(replace(SGD, optimizer="adamw", weight_decay=0.5))
    optimizer.build(network.trainable_variables)
    kernel, bias = network.trainable_variables
    kernel.assign([[2.0]])
    bias.assign([2.0])
    optimizer.apply([ops.zeros((1, 1)), ops.zeros((1,))], [kernel, bias])
    assert float(kernel[0, 0]) == pytest.approx(2 - 0.1 * 0.5 * 2)
    assert float(bias[0]) == 2


def test_cosine_rises_and_falls():
    # 2 epochs of 4 steps, 1 epoch of warm-up: 0 at first, the full rate after 4 steps, half of it
    # after 6, nothing after 8.
    settings = replace(SGD, schedule="cosine", warmup=1.0)
    rate = training.make_schedule(settings, 4)
    assert_allclose(
        [float(rate(step)) for step in (0, 2, 4, 6, 8)], [0, 0.05, 0.1, 0.05, 0], atol=1e-7
    )


@pytest.mark.parametrize("wrong", [{"optimizer": "lion"}, {"schedule": "step"}])
def test_unknown_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong.values()))):
        Training(**wrong)


# === Loop ===


def test_epochs_hand_over_means():
    trainer, progress = make(), Progress()
    means = list(training.epochs(trainer, batches(), progress, 4, watch()))
    assert [epoch for epoch, _ in means] == [0, 1]
    assert progress == Progress(step=8, sums=None)
    again = make()
    losses = [float(again.step(batch)["fit"]) for batch in batches()]
    assert_allclose([mean["fit"] for _, mean in means], np.reshape(losses, (2, 4)).mean(1))


def test_no_batches_no_epochs():
    assert list(training.epochs(make(), batches(0, 0), Progress(), 4, watch())) == []


@pytest.mark.parametrize("ema", [None, 0.9])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_stop_and_go_on_is_the_same_run(optimizer, ema):
    settings = Training(
        epochs=2, optimizer=optimizer, learning_rate=0.1, schedule="cosine", ema=ema
    )
    whole = make(settings)
    expected = list(training.epochs(whole, batches(), Progress(), 4, watch()))

    first, saved = make(settings), []
    with pytest.raises(Failure) as stopped:
        list(training.epochs(first, batches(), Progress(), 4, watch(3, saved)))
    assert stopped.value.exit_code == Exit.INTERRUPTED
    assert saved[0].step == 3

    second = make(settings)
    second.restore(first.arrays())
    rest = training.epochs(second, batches(3), saved[0], 4, watch())
    assert list(rest) == expected
    for group, arrays in whole.arrays().items():
        for name, array in arrays.items():
            assert_array_equal(second.arrays()[group][name], array, err_msg=name)


def test_loss_that_is_not_finite_ends_the_run():
    bad = [({"x": np.float32([[np.inf]])}, {"y": np.float32([[1]])})]
    with pytest.raises(Failure, match="fit is not finite") as diverged:
        list(training.epochs(make(), bad, Progress(), 4, watch()))
    assert diverged.value.exit_code == Exit.DIVERGED


# === State ===


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda arrays: {}, "line/kernel is missing"),
        (lambda arrays: {**arrays, "foreign": np.zeros(2)}, "foreign is unknown"),
        (lambda arrays: {"line/kernel": np.zeros((2, 1))}, r"\(2, 1\), not \(1, 1\)"),
    ],
)
def test_foreign_weights_are_refused_by_name(change, said):
    network = make().network
    with pytest.raises(Failure, match=said) as refused:
        training.set_weights(network, change(training.weights_of(network)))
    assert refused.value.exit_code == Exit.BAD_MODEL


def test_weights_round_trip():
    network = make().network
    training.set_weights(network, {"line/kernel": np.float32([[7]])})
    assert_array_equal(training.weights_of(network)["line/kernel"], [[7]])
