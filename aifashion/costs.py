"""What a network costs: parameters, floating-point operations, and the memory of training it.

Computed from its layers and their shapes; nothing runs. So it may be built inside
`keras.StatelessScope(initialize_variables=False)`, which spares making its weights. A network is
flat (`keras.Model(inputs, outputs)`, none inside another) and its shapes but the batch are known.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import keras

FREE_SHARE = 0.15  # of a GPU, left to the runtime, the convolutions' workspaces and gaps
_LOSS_MAPS = 3  # float32, of each output: its target, their difference, its gradient

# === Weights and operations ===


def parameters(network: keras.Model) -> int:
    """Number of weights, with those that no gradient changes (moving statistics, frozen ones)."""
    return _count(network.variables)


def trainable_parameters(network: keras.Model) -> int:
    """Number of weights that gradients change."""
    return _count(network.trainable_variables)


def _count(variables: Iterable) -> int:
    return sum(math.prod(variable.shape) for variable in variables)


def flops(network: keras.Model) -> int:
    """Floating-point operations of one picture's forward pass, two a multiply-add.

    Counted are convolutions of every kind and dense layers, without biases and as if padding were
    pixels. Normalisation, activations, pooling and resizing are left out: about a hundredth.

    Raises:
        ValueError: a shape is unknown, or there is no rule for a layer.
    """
    return sum(2 * _multiply_adds(node) for node in _nodes(network))


def _multiply_adds(node) -> int:
    layer = node.operation
    kinds = _kinds(layer)
    kernels = sum(math.prod(kernel.shape) for kernel in _kernels(layer))
    if "Dense" in kinds:
        return _numbers(node.input_tensors[0]) * layer.units
    # A transposed convolution applies its kernel to each place that it reads, others to each that
    # they write. Depthwise and grouped kernels are smaller by themselves.
    reads = "BaseConvTranspose" in kinds
    return _places(node.input_tensors[0] if reads else node.outputs[0]) * kernels if kernels else 0


def _places(tensor) -> int:
    """Of a map (B, …, C): how many a picture has."""
    return _numbers(tensor) // tensor.shape[-1]


# === Memory ===


@dataclass(frozen=True)
class Memory:
    """Bytes of a training step: `fixed` whatever the batch, and those each picture adds."""

    fixed: int
    per_sample: int


def training_memory(network: keras.Model, slots: int = 2, averaged: bool = False) -> Memory:
    """Bytes that a training step holds at its fullest, early in the backward pass.

    Fixed are weights, gradients, the optimizer's slots and the averaged weights, all float32, and
    copies of the kernels in half precision where layers compute in it. A picture adds each tensor
    of the forward pass that the backward pass reads, once, in the type it is read in, and the
    gradient of the largest of them.

    Args:
        network: built under the dtype policy that it is trained under.
        slots: arrays beside each trained weight and its gradient: 2 under Adam, 1 under momentum,
            one more where gradients are accumulated.
        averaged: whether a moving average of all weights is kept.

    Raises:
        ValueError: a shape is unknown, or there is no rule for a layer.
    """
    trained = trainable_parameters(network)
    fixed = 4 * (parameters(network) * (1 + averaged) + trained * (1 + slots))
    for node in _nodes(network):
        bytes_each = _bytes(_type_of(node.operation, "float32"))
        if bytes_each < 4:
            fixed += bytes_each * _count(_kernels(node.operation))
    kept = [_numbers(tensor) * _bytes(kind) for tensor, kind in _kept(network)]
    loss = sum(_numbers(output) * 4 * _LOSS_MAPS for output in network.outputs)
    return Memory(fixed, sum(kept) + max(kept, default=0) + loss)


def batch_that_fits(memory_gb: float, memory: Memory) -> int:
    """The largest batch of one GPU, 0 where none fits; `FREE_SHARE` of its memory stays free.

    Args:
        memory_gb: of the GPU, in the gigabytes of its maker, which are 2^30 bytes.
        memory: of the training step.
    """
    usable = memory_gb * 2**30 * (1 - FREE_SHARE)
    return max(0, int((usable - memory.fixed) // memory.per_sample))


# What the backward pass reads, by kind of operation. It reads both sides of one not listed.
_READS_INPUT = {
    "BaseConv", "BaseConvTranspose", "BaseDepthwiseConv", "BaseSeparableConv", "Dense",
    "BatchNormalization", "LayerNormalization", "GroupNormalization",
}  # fmt: skip
_READS_OUTPUT = {"ReLU", "Relu", "Sigmoid", "Softmax", "Tanh"}
_READS_NEITHER = {
    "Add", "Subtract", "Concatenate", "Reshape", "Flatten", "Cast", "Transpose",
    "ZeroPadding2D", "UpSampling2D", "AveragePooling2D", "GlobalAveragePooling2D",
}  # fmt: skip
_CURVED = ("relu", "sigmoid", "softmax", "tanh")  # activations whose gradient needs their result


def _kept(network: keras.Model) -> Iterator[tuple]:
    """(tensor, type) of all that the backward pass reads of the forward pass, each once."""
    learns = set()  # tensors that depend on a trained weight, and so have a gradient
    seen = set()
    for node in _nodes(network):
        with_gradient = [id(tensor) in learns for tensor in node.input_tensors]
        if not any(with_gradient) and not getattr(node.operation, "trainable_variables", ()):
            continue
        learns.update(map(id, node.outputs))
        for tensor in _read_backward(node, with_gradient):
            kind = _type_of(node.operation, tensor.dtype)
            if "UpSampling2D" in _kinds(node.operation):
                kind = "float32"
            if (id(tensor), kind) not in seen:
                seen.add((id(tensor), kind))
                yield tensor, kind


def _read_backward(node, with_gradient: list[bool]) -> list:
    operation, inputs, outputs = node.operation, node.input_tensors, list(node.outputs)
    kinds = _kinds(operation)
    if "UpSampling2D" in kinds and operation.interpolation != "nearest":
        # TensorFlow resizes half-precision maps in float32, and holds these as well.
        return outputs if _bytes(inputs[0].dtype) < 4 else []
    if "Multiply" in kinds:  # each factor for the others' gradients
        others = [with_gradient[:n] + with_gradient[n + 1 :] for n in range(len(inputs))]
        return [x for x, other in zip(inputs, others, strict=True) if any(other)]
    if kinds & _READS_NEITHER:
        return []
    activation = getattr(getattr(operation, "activation", None), "__name__", "linear")
    results = outputs if activation in _CURVED or kinds & _READS_OUTPUT else []
    if kinds & _READS_INPUT:
        return inputs[:1] + results
    return results or [*inputs, *outputs]


# === The network's graph ===

_RULED = {"BaseConv", "BaseConvTranspose", "BaseDepthwiseConv", "BaseSeparableConv", "Dense"}
_UNRULED = {"Functional", "Matmul", "Einsum", "Dot", "Tensordot"}


def _nodes(network: keras.Model) -> Iterator:
    """Each use of a layer or operation, in an order it can be computed in."""
    for depth in sorted(network._nodes_by_depth, reverse=True):
        for node in network._nodes_by_depth[depth]:
            kinds = _kinds(node.operation)
            if kinds & _UNRULED or (_kernels(node.operation) and not kinds & _RULED):
                kind = type(node.operation).__name__
                raise ValueError(f"{node.operation.name}: no rule for what a {kind} costs")
            yield node


def _kinds(operation) -> set[str]:
    """Names of its class and of those it is derived from; Keras exports few of them."""
    return {kind.__name__ for kind in type(operation).__mro__}


def _kernels(operation) -> list:
    return [v for v in getattr(operation, "weights", ()) if len(v.shape) > 1]


def _type_of(operation, default: str) -> str:
    """The type an operation computes in."""
    return getattr(operation, "compute_dtype", default)


def _bytes(kind: str) -> int:
    return 2 if kind in ("bfloat16", "float16") else 4


def _numbers(tensor) -> int:
    """Of a tensor (B, …): how many a picture has."""
    if None in tensor.shape[1:]:
        raise ValueError(f"{tensor.name}: its shape is not known, {tensor.shape}")
    return math.prod(tensor.shape[1:])
