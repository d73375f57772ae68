"""Parameters, operations and memory, against numbers a person can work out."""

import keras
import pytest
from keras import layers

from aifashion import costs
from aifashion.backbones.resnet import ResNet
from aifashion.costs import Memory
from aifashion.ops.norm import BatchNorm


def built(make) -> keras.Model:
    """A network without its weights."""
    with keras.StatelessScope(initialize_variables=False):
        return make()


def chain(shape: tuple, *steps) -> keras.Model:
    def make():
        x = first = keras.Input(shape)
        for step in steps:
            x = step(x)
        return keras.Model(first, x)

    return built(make)


def tiny(dtype: str | None = None, trainable: bool = True) -> keras.Model:
    """8 x 8 x 3 -> convolution, normalisation, ReLU -> 8 x 8 x 4 -> convolution -> 8 x 8 x 2."""
    return chain(
        (8, 8, 3),
        layers.Conv2D(4, 3, padding="same", use_bias=False, dtype=dtype, trainable=trainable),
        BatchNorm(dtype=dtype, trainable=trainable),
        layers.ReLU(dtype=dtype),
        layers.Conv2D(2, 1, dtype="float32"),
    )


# === Parameters and operations ===


def test_parameters_by_hand():
    network = tiny()
    # 3 x 3 x 3 x 4, gamma and beta, mean and variance, 4 x 2 and two biases
    assert costs.parameters(network) == 108 + 8 + 8 + 10
    assert costs.trainable_parameters(network) == 108 + 8 + 10
    assert costs.trainable_parameters(tiny(trainable=False)) == 10


def test_a_network_without_kernels_multiplies_nothing():
    assert costs.flops(chain((8, 8, 3), layers.ReLU(), layers.MaxPooling2D())) == 0


def test_operations_by_hand():
    assert costs.flops(tiny()) == 2 * 64 * (27 * 4 + 4 * 2)


@pytest.mark.parametrize(
    ("layer", "multiply_adds"),
    [
        (layers.Conv2D(8, 3, strides=2, padding="same"), 4 * 4 * 9 * 4 * 8),
        (layers.Conv2D(8, 3, padding="valid"), 6 * 6 * 9 * 4 * 8),
        (layers.Conv2D(8, 3, dilation_rate=2, padding="same"), 8 * 8 * 9 * 4 * 8),
        (layers.Conv2D(8, 3, groups=2, padding="same"), 8 * 8 * 9 * 2 * 8),
        (layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2), 8 * 8 * 9 * 4 * 2),
        (layers.SeparableConv2D(8, 3, padding="same"), 8 * 8 * (9 * 4 + 4 * 8)),
        (layers.Conv2DTranspose(8, 2, strides=2), 8 * 8 * 4 * 4 * 8),
        (layers.Dense(5), 8 * 8 * 4 * 5),
    ],
    ids=["strided", "valid", "dilated", "grouped", "depthwise", "separable", "transposed", "dense"],
)
def test_every_kind_of_kernel(layer, multiply_adds):
    assert costs.flops(chain((8, 8, 4), layer)) == 2 * multiply_adds


def test_a_shared_layer_counts_at_each_use():
    conv = layers.Conv2D(3, 1)
    assert costs.flops(chain((8, 8, 3), conv, conv)) == 2 * 2 * 64 * 9


def test_operations_of_published_networks():
    """3.86e9 multiply-adds of ResNet-50, halved in its 1 x 1; 300e6 of MobileNetV2 (its paper)."""
    resnet = built(lambda: keras.applications.ResNet50(weights=None))
    assert costs.parameters(resnet) == 25_636_712
    assert costs.flops(resnet) / 2 == pytest.approx(3.86e9, rel=0.002)
    mobile = built(lambda: keras.applications.MobileNetV2(weights=None))
    assert costs.flops(mobile) / 2 == pytest.approx(300e6, rel=0.005)


@pytest.mark.parametrize(
    ("depth", "published"),
    [(50, 3.8e9), (101, 7.6e9), (152, 11.3e9)],
)
def test_operations_of_our_backbones(depth, published):
    """He et al., table 1; ours have no classifier, a thousandth of it."""
    network = built(lambda: ResNet(depth=depth).build(224, 224))
    assert costs.flops(network) / 2 == pytest.approx(published, rel=0.02)


def test_what_has_no_rule_is_refused():
    with pytest.raises(ValueError, match="no rule for what a Embedding costs"):
        costs.flops(chain((4,), layers.Embedding(10, 3)))
    with pytest.raises(ValueError, match="Functional"):
        costs.training_memory(chain((8, 8, 3), chain((8, 8, 3), layers.ReLU())))
    with pytest.raises(ValueError, match="Matmul"):
        costs.flops(chain((8, 8), lambda x: keras.ops.matmul(x, x)))
    with pytest.raises(ValueError, match="shape is not known"):
        costs.flops(chain((None, None, 3), layers.Conv2D(4, 3)))


# === Memory ===


def test_fixed_memory_by_hand():
    # 134 weights of which 126 are trained; each has a gradient and the optimizer's two numbers
    assert costs.training_memory(tiny()).fixed == 4 * (134 + 126 + 2 * 126)
    assert costs.training_memory(tiny(), slots=1).fixed == 4 * (134 + 126 + 126)
    assert costs.training_memory(tiny(), averaged=True).fixed == 4 * (2 * 134 + 126 + 2 * 126)
    assert costs.training_memory(tiny(trainable=False)).fixed == 4 * (134 + 10 + 2 * 10)
    # and the first kernel in half precision
    assert costs.training_memory(tiny("mixed_bfloat16")).fixed == 4 * 512 + 2 * 108


MAPS_OF_THE_LOSS = 3 * 64 * 2 * 4


def test_memory_of_a_picture_by_hand():
    # the picture, the first convolution's result, the second one's input (the ReLU's result), and
    # the gradient of one of the two
    expected = 64 * (3 + 4 + 4 + 4) * 4 + MAPS_OF_THE_LOSS
    assert costs.training_memory(tiny()).per_sample == expected
    # in half precision but for what the last convolution reads, which it does in float32
    expected = 64 * (3 + 4 + 4) * 2 + 2 * 64 * 4 * 4 + MAPS_OF_THE_LOSS
    assert costs.training_memory(tiny("mixed_bfloat16")).per_sample == expected


def test_frozen_layers_below_a_trained_one_keep_nothing():
    expected = 2 * 64 * 4 * 4 + MAPS_OF_THE_LOSS
    assert costs.training_memory(tiny(trainable=False)).per_sample == expected


def kept(step, dtype: str = "float32") -> int:
    """Numbers that are kept of a step on 8 x 8 x 4, beside the 8 x 8 x 1 of what comes before."""
    network = chain((8, 8, 1), layers.Conv2D(4, 1, dtype=dtype), step)
    sizes = [costs._numbers(tensor) * costs._bytes(kind) for tensor, kind in costs._kept(network)]
    return sum(sizes) // (4 if dtype == "float32" else 2) - 64


def doubled(x):
    return x + x


def squared(x):
    return x * x


def scaled(x):
    return 2.0 * x


@pytest.mark.parametrize(
    ("step", "numbers"),
    [
        (doubled, 0),
        (scaled, 0),
        (squared, 256),  # one tensor, though both factors read it
        (layers.ZeroPadding2D(1), 0),
        (layers.AveragePooling2D(2), 0),
        (layers.UpSampling2D(2, interpolation="bilinear"), 0),
        (layers.ReLU(), 256),
        (layers.Activation("relu"), 256),
        (layers.Conv2D(4, 1, activation="relu"), 256 + 256),  # its input and its result
        (layers.MaxPooling2D(2), 256 + 64),
        (layers.GaussianNoise(0.1), 256 + 256),  # unknown: both sides
    ],
    ids=["add", "scale", "square", "pad", "average", "resize", "relu", "activation", "fused",
         "maximum", "unknown"],
)  # fmt: skip
def test_what_the_backward_pass_reads(step, numbers):
    assert kept(step) == numbers


def test_bilinear_resizing_holds_float32_maps_under_half_precision():
    bilinear = layers.UpSampling2D(2, interpolation="bilinear", dtype="mixed_bfloat16")
    nearest = layers.UpSampling2D(2, dtype="mixed_bfloat16")
    assert kept(bilinear, "mixed_bfloat16") == 2 * 16 * 16 * 4  # in units of two bytes
    assert kept(nearest, "mixed_bfloat16") == 0


def test_memory_grows_with_the_area():
    small, large = (built(lambda s=s: ResNet().build(s, s)) for s in (64, 128))
    memory = [costs.training_memory(network) for network in (small, large)]
    assert memory[0].fixed == memory[1].fixed
    assert memory[1].per_sample / memory[0].per_sample == pytest.approx(4, rel=0.01)


@pytest.mark.parametrize(
    ("gigabytes", "batch"),
    [(0, 0), (1, 0), (2, 0), (2.5, 1), (12, 82), (12.01, 82), (24, 184)],
)
def test_batch_that_fits(gigabytes, batch):
    """Of 85 % of 12 GiB, 10.2, two are taken and each picture takes a tenth: 82."""
    assert costs.FREE_SHARE == 0.15
    memory = Memory(fixed=2 * 2**30, per_sample=2**30 // 10)
    assert costs.batch_that_fits(gigabytes, memory) == batch
