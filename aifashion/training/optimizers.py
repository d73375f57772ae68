"""Stock Keras optimizers over groups of weights, and layers that are frozen."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

import keras

from aifashion.errors import Exit, Failure
from aifashion.training.config import Training


@dataclass(frozen=True)
class Group:
    """Weights that share a learning rate."""

    optimizer: keras.optimizers.Optimizer
    variables: list
    rate: float  # share of the learning rate


def make_optimizer(training: Training, name: str = "optimizer") -> keras.optimizers.Optimizer:
    """The stock Keras optimizer that `training` names; weights that are no kernels never decay."""
    rate, decay = training.learning_rate, training.weight_decay or None
    if training.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(rate, 0.9, weight_decay=decay, name=name)
    elif training.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=decay or 0.0, name=name)
    else:
        optimizer = keras.optimizers.Adam(rate, weight_decay=decay, name=name)
    if decay:
        # Keras searches TensorFlow's names: "layer/kernel:0", and "layer/kernel/replica_1:0".
        optimizer.exclude_from_weight_decay(var_names=[r"^(?!.*kernel(/replica_\d+)?(:0)?$)"])
    return optimizer


def make_groups(training: Training, network: keras.Model) -> list[Group]:
    """An optimizer for each rate, its variables made: the network's own first, then `rates`'.

    A weight belongs to the first pattern that fits its path.

    Raises:
        Failure: USAGE for a pattern that fits no weight, or where all weights are frozen.
    """
    left = list(network.trainable_variables)
    if not left:
        raise Failure(Exit.USAGE, "training.freeze leaves no weight to train; freeze fewer layers")
    groups = []
    for number, (pattern, rate) in enumerate(training.rates):
        own = [v for v in left if fnmatchcase(v.path, pattern)]
        if not own:
            raise Failure(Exit.USAGE, _nothing("rates", pattern, "weight", [v.path for v in left]))
        left = [v for v in left if not fnmatchcase(v.path, pattern)]
        groups.append(_group(training, f"optimizer_{number + 1}", own, rate))
    return [_group(training, "optimizer", left, 1.0), *groups] if left else groups


def _group(training: Training, name: str, variables: list, rate: float) -> Group:
    optimizer = make_optimizer(training, name)
    optimizer.build(variables)
    return Group(optimizer, variables, rate)


def freeze(network: keras.Model, patterns: tuple[str, ...]) -> None:
    """Freezes the layers whose path fits one of the patterns, BatchNorm's statistics with them.

    Raises:
        Failure: USAGE for a pattern that fits no layer with weights.
    """
    layers = [layer for layer in network.layers if layer.weights]
    for pattern in patterns:
        own = [layer for layer in layers if fnmatchcase(layer.path or layer.name, pattern)]
        if not own:
            names = [layer.path or layer.name for layer in layers]
            raise Failure(Exit.USAGE, _nothing("freeze", pattern, "layer", names))
        for layer in own:
            layer.trainable = False


def _nothing(field: str, pattern: str, what: str, names: list[str]) -> str:
    known = ", ".join(names[:3])
    return f"training.{field}: {pattern!r} fits no {what} that is left. There are {known} …"
