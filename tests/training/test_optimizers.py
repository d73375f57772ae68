"""Optimizers over groups of weights, what decays, and what is frozen."""

from dataclasses import replace

import keras
import pytest
from keras import ops
from numpy.testing import assert_allclose, assert_array_equal
from small_systems import SGD, Chain, Normed, batch, make, pictures, weight

from aifashion.errors import Exit, Failure
from aifashion.ops.norm import BatchNorm
from aifashion.training import make_optimizer

# === Rates ===


def test_momentum_of_sgd():
    optimizer = make_optimizer(SGD)
    w = keras.Variable([0.0], name="w")
    optimizer.build([w])
    optimizer.apply([ops.ones((1,))], [w])
    assert_allclose(w, [-0.1])
    optimizer.apply([ops.ones((1,))], [w])
    assert_allclose(w, [-0.1 - 0.1 * 1.9])


@pytest.mark.parametrize(
    ("rates", "backbone", "head"),
    [
        ((), 0.2, 1.6),
        ((("backbone*", 0.1),), 0.92, 1.6),
        ((("*/kernel", 0.5),), 0.6, 1.8),  # all weights, so that none has the rate itself
        ((("head/*", 0.5), ("*", 0.1)), 0.92, 1.8),  # a weight belongs to the first that fits
        ((("head/*", 0.0),), 0.2, 2.0),
    ],
)
def test_a_step_at_several_rates(rates, backbone, head):
    # x = 1 and y = 0, b = 1 and h = 2: the loss is (b h)² = 4, its slopes 2 b h h = 8 along b and
    # 2 b h b = 4 along h; the rate is 0.1.
    trainer = make(replace(SGD, batch_size=1, rates=rates), Chain())
    trainer.step(batch([1], [0]), 0)
    assert weight(trainer, "backbone") == pytest.approx(backbone)
    assert weight(trainer, "head") == pytest.approx(head)


def test_each_groups_rate_follows_the_schedule():
    settings = replace(SGD, schedule="step", milestones=(1,), rates=(("backbone*", 0.5),))
    trainer = make(settings, Chain())
    trainer.step(batch([1, 1], [0, 0]), 4)  # the first step of the second epoch
    assert [float(g.optimizer.learning_rate) for g in trainer.groups] == pytest.approx([0.01, 5e-3])
    trainer.step(batch([1, 1], [0, 0]), 4, rate=0.5)
    assert [float(g.optimizer.learning_rate) for g in trainer.groups] == pytest.approx(
        [5e-3, 2.5e-3]
    )


def test_no_two_groups_share_the_name_of_a_slot():
    settings = replace(SGD, rates=(("backbone*", 0.1), ("head*", 0.2)))
    trainer = make(settings, Chain())
    trainer.step(batch([1, 1], [0, 0]), 0)
    slots = trainer.arrays()["optimizer"]
    assert len(slots) == 2 * 3  # the iteration, the rate and a momentum each
    assert_allclose(slots["optimizer_1/backbone_kernel_momentum"], [[-0.1 * 0.1 * 8]], rtol=1e-6)
    assert_allclose(slots["optimizer_2/head_kernel_momentum"], [[-0.1 * 0.2 * 4]], rtol=1e-6)


def test_rates_that_fit_nothing_are_refused():
    with pytest.raises(Failure, match=r"training.rates: 'spine\*' fits no weight") as refused:
        make(replace(SGD, rates=(("spine*", 0.1),)), Chain())
    assert refused.value.exit_code == Exit.USAGE
    assert "backbone/kernel, head/kernel" in str(refused.value)


def test_rates_that_leave_nothing_to_a_later_pattern_are_refused():
    with pytest.raises(Failure, match=r"'head\*' fits no weight"):
        make(replace(SGD, rates=(("*", 0.1), ("head*", 0.2))), Chain())


# === Decay ===


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_decay_shrinks_kernels_alone(optimizer):
    x = keras.Input((1, 1, 1))
    network = keras.Model(x, BatchNorm("norm")(keras.layers.Dense(1, name="gamma_line")(x)))
    optimizer = make_optimizer(replace(SGD, optimizer=optimizer, weight_decay=0.5))
    weights = network.trainable_variables
    optimizer.build(weights)
    for each in weights:
        each.assign(ops.full(each.shape, 2.0))
    optimizer.apply([ops.zeros(each.shape) for each in weights], weights)
    shrunk = {each.path: float(ops.sum(each)) for each in weights}
    assert shrunk.pop("gamma_line/kernel") == pytest.approx(2 - 0.1 * 0.5 * 2)
    assert shrunk == {"gamma_line/bias": 2, "norm/gamma": 2, "norm/beta": 2}


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_no_decay_unless_asked(optimizer):
    kernel = keras.Variable([[2.0]], name="kernel")
    optimizer = make_optimizer(replace(SGD, optimizer=optimizer))
    optimizer.build([kernel])
    optimizer.apply([ops.zeros((1, 1))], [kernel])
    assert float(kernel[0, 0]) == 2


# === Freezing ===


def test_frozen_layers_stay_as_in_inference():
    trainer = make(replace(SGD, freeze=("norm*",)), Normed())
    before = trainer.arrays()["weights"]
    # Moving mean 0, variance 1: y = x / sqrt(1 + 1e-5). The batch's own mean 4 and deviation 1
    # would make -1 and 1 of it, and a loss of 1.
    outcome = trainer.step(pictures([3, 5], [0, 0]), 0)
    assert outcome.losses["fit"] == pytest.approx((9 + 25) / 2, rel=1e-4)
    after = trainer.arrays()["weights"]
    for name in ("norm/gamma", "norm/beta", "norm/moving_mean", "norm/moving_variance"):
        assert_array_equal(after[name], before[name])
    # The slope is 2 (9 + 25) / 2 = 34.
    assert weight(trainer) == pytest.approx(1 - 0.1 * 34, rel=1e-4)


def test_layers_that_are_not_frozen_move():
    trainer = make(SGD, Normed())
    assert trainer.step(pictures([3, 5], [0, 0]), 0).losses["fit"] == pytest.approx(1, rel=1e-4)
    # With momentum 0.5 half way from 0 to the mean 4.
    assert_allclose(trainer.arrays()["weights"]["norm/moving_mean"], [2])


def test_freezing_what_is_not_there_is_refused():
    with pytest.raises(Failure, match="freeze: 'spine' fits no layer") as refused:
        make(replace(SGD, freeze=("head", "spine")), Chain())
    assert refused.value.exit_code == Exit.USAGE
    assert "There are backbone, head" in str(refused.value)


def test_freezing_all_is_refused():
    with pytest.raises(Failure, match="leaves no weight to train") as refused:
        make(replace(SGD, freeze=("*",)), Chain())
    assert refused.value.exit_code == Exit.USAGE
