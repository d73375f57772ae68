"""Weights as arrays by their paths, both ways."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from small_systems import Line, Normed

from aifashion.errors import Exit, Failure
from aifashion.training import inputs_of, set_weights, weights_of
from aifashion.training.weights import assign


def test_nothing():
    assign([], {}, "network")


def test_inputs_are_those_that_the_network_takes():
    x = np.zeros((2, 1))
    assert inputs_of(Line().build(), {"x": x, "seed": np.zeros(2)}) == {"x": x}


def test_statistics_are_weights_too():
    assert list(weights_of(Normed().build())) == [
        "norm/gamma", "norm/beta", "norm/moving_mean", "norm/moving_variance", "line/kernel",
    ]  # fmt: skip


def test_round_trip():
    network = Normed().build()
    arrays = {name: np.full(a.shape, n, "f4") for n, (name, a) in enumerate(wanted(network), 7)}
    set_weights(network, dict(reversed(arrays.items())))  # whatever their order
    for name, array in weights_of(network).items():
        assert_array_equal(array, arrays[name])


def wanted(network) -> list[tuple[str, np.ndarray]]:
    return list(weights_of(network).items())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda arrays: {}, "not this network's: line/kernel is missing$"),
        (lambda arrays: {**arrays, "foreign": np.zeros(2)}, "foreign is unknown$"),
        (
            lambda arrays: {"line/kernel": np.zeros((2, 1))},
            r"line/kernel is \(2, 1\), not \(1, 1\)$",
        ),
        (lambda arrays: {str(n): np.zeros(1) for n in range(6)}, "missing; 0 .*; 3 .* and 2 more$"),
    ],
)
def test_foreign_weights_are_refused_by_name(change, said):
    network = Line().build()
    before = weights_of(network)
    with pytest.raises(Failure, match=said) as refused:
        set_weights(network, change(before))
    assert refused.value.exit_code == Exit.BAD_MODEL
    assert_array_equal(weights_of(network)["line/kernel"], before["line/kernel"])
