"""How a network is trained: what the fields may be."""

from dataclasses import FrozenInstanceError

import pytest

from aifashion.training import Training


def test_nothing_asked():
    settings = Training()
    assert (settings.optimizer, settings.schedule, settings.precision) == (
        "adam",
        "constant",
        "float32",
    )
    with pytest.raises(FrozenInstanceError):
        settings.epochs = 1


@pytest.mark.parametrize(
    ("field", "wrong", "said"),
    [
        ("optimizer", "lion", "one of adam, adamw, sgd, not 'lion'"),
        ("schedule", "linear", "one of constant, step, plateau, cosine, not 'linear'"),
        ("precision", "float64", "one of float32, bfloat16, float16, not 'float64'"),
        ("epochs", -1, "at least 0, not -1"),
        ("batch_size", 0, "at least 1, not 0"),
        ("accumulation", 0, "at least 1, not 0"),
        ("accumulation", 9, "at most the batch size, 8, not 9"),
        ("plateau", 0, "at least 1, not 0"),
        ("patience", 0, "at least 1, not 0"),
    ],
)
def test_wrong_values_are_refused(field, wrong, said):
    with pytest.raises(ValueError, match=f"^Training.{field} is {said}$"):
        Training(**{field: wrong})


@pytest.mark.parametrize(
    ("field", "least"),
    [("epochs", 0), ("batch_size", 1), ("accumulation", 8), ("plateau", 1), ("patience", 1)],
)
def test_the_last_right_values_are_taken(field, least):
    assert getattr(Training(**{field: least}), field) == least
