"""One update: gradients of the whole batch, clipping, averaged weights, state."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from small_systems import SGD, Chain, Line, Normed, assert_same, batch, make, pictures, weight

from aifashion.errors import Exit, Failure
from aifashion.training import Trainer

# === Step ===


def test_one_step_by_hand():
    # x = (1, 2), y = (3, 6), w = 0: the loss is (9 + 36) / 2 and its slope
    # -2 (1 * 3 + 2 * 6) / 2 = -15, so that w becomes 0.1 * 15.
    trainer = make()
    outcome = trainer.step(batch([1, 2], [3, 6]), 0)
    assert outcome.losses == {"fit": pytest.approx(22.5)}
    assert (outcome.is_finite, outcome.has_overflown, outcome.stop) == (True, False, False)
    assert weight(trainer) == pytest.approx(1.5)
    assert trainer.learning_rate == pytest.approx(0.1)


def test_rate_multiplies_the_scheduled_one():
    trainer = make()
    trainer.step(batch([1, 2], [3, 6]), 0, rate=0.5)
    assert weight(trainer) == pytest.approx(0.05 * 15)
    assert trainer.learning_rate == pytest.approx(0.05)


def test_the_schedule_follows_the_number_of_the_step():
    trainer = make(replace(SGD, schedule="step", milestones=(1,)))
    rates = []
    for number in (3, 4, 0):
        trainer.step(batch([1, 2], [3, 6]), number)
        rates.append(trainer.learning_rate)
    assert rates == pytest.approx([0.1, 0.01, 0.1])


def test_stop_is_told():
    assert make().step(batch([1, 2], [3, 6]), 0, stop=True).stop


@pytest.mark.parametrize(("parts", "names"), [(1, ["_at_once"]), (2, ["_gradients", "_apply"])])
def test_steps_are_traced_once(parts, names):
    trainer = make(replace(SGD, schedule="cosine", accumulation=parts))
    for number, rate in enumerate((1.0, 1.0, 0.5)):
        trainer.step(batch([1, 2], [3, 6]), number, rate, stop=number == 1)
    for name in names:
        assert getattr(trainer, name).experimental_get_tracing_count() == 1, name


# === Several terms and weights ===


class Weighed(Line):
    """A line whose rows count as much as the batch says, beside the size of its weight."""

    def loss_terms(self, outputs, inputs, targets) -> dict:
        error = tf.square(outputs["y"] - targets["y"])
        weight = targets["weight"]
        y = outputs["y"]
        return {
            "fit": (tf.reduce_sum(weight * error), tf.reduce_sum(weight)),
            "size": (tf.reduce_sum(y), tf.cast(tf.size(y), "float32")),
        }


def test_each_term_is_a_mean_over_its_own_weights():
    trainer = make(system=Weighed())
    inputs, targets = batch([1, 2], [3, 6])
    outcome = trainer.step((inputs, {**targets, "weight": np.float32([[1], [0]])}), 0)
    # The first row alone fits: 9, with slope -2 * 3; the size is 0 with slope (1 + 2) / 2.
    assert outcome.losses == {"fit": pytest.approx(9), "size": 0}
    assert weight(trainer) == pytest.approx(-0.1 * (-6 + 1.5))


def test_a_term_without_any_weight_is_nothing():
    trainer = make(system=Weighed())
    inputs, targets = batch([1, 2], [3, 6])
    outcome = trainer.step((inputs, {**targets, "weight": np.zeros((2, 1), "float32")}), 0)
    assert outcome.is_finite and outcome.losses == {"fit": 0, "size": 0}
    assert weight(trainer) == pytest.approx(-0.15)


def test_clipping_bounds_the_norm_of_all_gradients_together():
    # b = 1, h = 2, x = 1, y = 0: the slopes are 8 along b and 4 along h, their norm 4 sqrt(5).
    trainer = make(replace(SGD, batch_size=1, clip_norm=1.0), Chain())
    trainer.step(batch([1], [0]), 0)
    assert weight(trainer, "backbone") == pytest.approx(1 - 0.1 * 2 / 5**0.5)
    assert weight(trainer, "head") == pytest.approx(2 - 0.1 * 1 / 5**0.5)


def test_clipping_leaves_small_gradients():
    trainer = make(replace(SGD, batch_size=1, clip_norm=9.0), Chain())
    trainer.step(batch([1], [0]), 0)
    assert (weight(trainer, "backbone"), weight(trainer, "head")) == pytest.approx((0.2, 1.6))


# === Accumulation ===


@pytest.mark.parametrize("rows", [4, 5])
@pytest.mark.parametrize("parts", [2, 4])
def test_parts_give_the_gradients_of_the_whole(rows, parts):
    draw = np.random.default_rng(0)
    batches = [batch(draw.normal(size=rows), draw.normal(size=rows)) for _ in range(3)]
    settings = replace(SGD, batch_size=rows, ema=0.9, clip_norm=0.5)
    whole = make(settings, Chain())
    apart = make(replace(settings, accumulation=parts), Chain())
    for number, each in enumerate(batches):
        outcomes = [trainer.step(each, number) for trainer in (whole, apart)]
        assert outcomes[0].losses == pytest.approx(outcomes[1].losses, rel=1e-6)
    for group, named in whole.arrays().items():
        for name, array in named.items():
            assert_allclose(apart.arrays()[group][name], array, rtol=1e-6, err_msg=name)


def test_uneven_parts_count_by_their_rows():
    # Rows 0 to 2 and 3 to 4: the slope -2 (1 + 1 + 1 + 2 + 2) / 5; halves that counted alike
    # would give -2 (1 + 2) / 2.
    trainer = make(replace(SGD, batch_size=5, accumulation=2))
    outcome = trainer.step(batch(5 * [1], [1, 1, 1, 2, 2]), 0)
    assert outcome.losses["fit"] == pytest.approx((1 + 1 + 1 + 4 + 4) / 5)
    assert weight(trainer) == pytest.approx(0.1 * 2 * 7 / 5)


def test_clipping_applies_to_the_sum_of_the_parts():
    # Slopes of the parts: -2 * 3 / 2 = -3 and 2 * 2.5 / 2 = 2.5. Their sum is within the bound,
    # each of them is not.
    trainer = make(replace(SGD, accumulation=2, clip_norm=1.0))
    trainer.step(batch([1, 1], [3, -2.5]), 0)
    assert weight(trainer) == pytest.approx(0.1 * 0.5)


def test_statistics_go_through_the_parts_in_turn():
    # Momentum 0.5: from 0 half way to the first part's mean 2, then half way to the second's, 6.
    trainer = make(replace(SGD, batch_size=4, accumulation=2), Normed())
    trainer.step(pictures([1, 3, 5, 7], 4 * [0]), 0)
    assert_allclose(trainer.arrays()["weights"]["norm/moving_mean"], [(1 + 6) / 2])


# === Averaged weights ===


def test_average_follows_the_weights():
    # The decay is min(0.2, (1 + t) / (10 + t)) after t updates: 2 / 11, then 0.2 (not 3 / 12).
    trainer = make(replace(SGD, ema=0.2))
    average, weights = 0.0, []
    for number, decay in enumerate((2 / 11, 0.2)):
        trainer.step(batch([1, 2], [3, 6]), number)
        weights.append(weight(trainer))
        average = decay * average + (1 - decay) * weights[-1]
        with trainer.averaged():
            assert weight(trainer) == pytest.approx(average)
    assert weights[0] == pytest.approx(1.5) and weights[1] != weights[0]


def test_statistics_are_averaged_along():
    trainer = make(replace(SGD, ema=0.9), Normed())
    trainer.step(pictures([3, 5], [0, 0]), 0)
    with trainer.averaged() as network:
        # From 0 to 2 with momentum 0.5, of which 9 / 11 are averaged in.
        assert_allclose(network.get_layer("norm").moving_mean, [2 * 9 / 11], rtol=1e-6)


def test_averaged_gives_the_weights_back():
    trainer = make(replace(SGD, ema=0.9), Normed())
    trainer.step(pictures([3, 5], [0, 1]), 0)
    before = trainer.arrays()
    with pytest.raises(ZeroDivisionError), trainer.averaged():
        assert weight(trainer) != before["weights"]["line/kernel"][0, 0]
        raise ZeroDivisionError
    assert_same(trainer.arrays(), before)


def test_without_an_average_the_weights_are_their_own():
    trainer = make()
    trainer.step(batch([1, 2], [3, 6]), 0)
    with trainer.averaged() as network:
        assert network is trainer.network and weight(trainer) == pytest.approx(1.5)
    assert "ema" not in trainer.arrays()


# === Validation ===


def test_no_batches_no_losses():
    assert make().mean_losses([]) == {}


def test_mean_losses_span_batches_and_parts():
    # w = 0, so that the losses are y²: a mean over the 4 rows, not over the batches' means.
    trainer = make(replace(SGD, batch_size=3, accumulation=2))
    batches = [batch([1, 1, 1], [1, 2, 3])]
    assert trainer.mean_losses(batches) == {"fit": pytest.approx(14 / 3)}
    assert make().mean_losses([batch([1, 1, 1], [1, 2, 3]), batch([1], [4])]) == {
        "fit": pytest.approx(30 / 4)
    }


def test_validation_changes_nothing():
    trainer = make(system=Normed())
    before = trainer.arrays()
    # Inference: y = x / sqrt(1 + 1e-5), whatever the batch's mean.
    assert trainer.mean_losses([pictures([3, 5], [0, 0])])["fit"] == pytest.approx(17, rel=1e-4)
    assert_same(trainer.arrays(), before)


# === State ===


def test_restore_is_the_inverse_of_arrays():
    settings = replace(SGD, ema=0.9, optimizer="adamw")
    trainer, other = make(settings, Normed()), make(settings, Normed())
    trainer.step(pictures([1, 3], [3, 6]), 0)
    other.restore(trainer.arrays())
    assert_same(other.arrays(), trainer.arrays())


def test_missing_averages_are_refused():
    arrays = make().arrays()
    with pytest.raises(Failure, match="no averaged weights") as refused:
        make(replace(SGD, ema=0.9)).restore(arrays)
    assert refused.value.exit_code == Exit.BAD_MODEL


def test_foreign_slots_are_refused():
    arrays = make().arrays()
    with pytest.raises(Failure, match=r"not this optimizer's: optimizer/.* is missing") as refused:
        make(replace(SGD, optimizer="adam")).restore(arrays)
    assert refused.value.exit_code == Exit.BAD_MODEL


def test_arrays_are_copies():
    trainer = make()
    before = trainer.arrays()["weights"]["line/kernel"].copy()
    kept = trainer.arrays()["weights"]["line/kernel"]
    trainer.step(batch([1, 2], [3, 6]), 0)
    assert_array_equal(kept, before)


def test_compilation_wants_one_device():
    class Two:
        strategy, replicas = tf.distribute.get_strategy(), 2

    settings = replace(SGD, jit_compile=True)
    with pytest.raises(Failure, match="jit_compile works on one device; here are 2") as refused:
        Trainer(Line(), Line().build(), settings, 4, Two())
    assert refused.value.exit_code == Exit.USAGE
