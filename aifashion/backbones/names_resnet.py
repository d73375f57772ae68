"""What other libraries call the variables of our ResNet: the tables converters read.

Every table is {our variable's path: the other's name}, made from `ResNet.stage_blocks`. Names of
torchvision: torchvision/models/resnet.py; of keras.applications: keras/src/applications/resnet.py.
"""

from collections.abc import Iterator, Sequence

OIHW_TO_HWIO = (2, 3, 1, 0)  # numpy.transpose of a torch kernel; all other variables are vectors

TORCH = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias",
          "moving_mean": "running_mean", "moving_variance": "running_var"}  # fmt: skip


def torchvision_names(stage_blocks: Sequence[int]) -> dict[str, str]:
    """Our variable paths -> names in torchvision's state dict (kernels lie there as OIHW)."""
    layers = {"stem_conv": "conv1", "stem_norm": "bn1"}
    for stage, block, part in _convolutions(stage_blocks):
        ours, theirs = f"stage{stage}_block{block}", f"layer{stage - 1}.{block - 1}"
        if part == "_shortcut":
            conv, norm = f"{theirs}.downsample.0", f"{theirs}.downsample.1"
        else:
            conv, norm = f"{theirs}.conv{part}", f"{theirs}.bn{part}"
        layers |= {f"{ours}_conv{part}": conv, f"{ours}_norm{part}": norm}
    return {
        f"{ours}/{variable}": f"{theirs}.{TORCH[variable]}"
        for ours, theirs in layers.items()
        for variable in _variables(ours)
    }


def keras_applications_names(stage_blocks: Sequence[int]) -> dict[str, str]:
    """Our variable paths -> `layer/variable` in a weight file of keras.applications' ResNet v1.

    Its convolutions have biases besides, which have no place here: a bias before a batch
    normalisation is the same as a moving mean smaller by it.
    """
    layers = {"stem_conv": "conv1_conv", "stem_norm": "conv1_bn"}
    for stage, block, part in _convolutions(stage_blocks):
        ours, number = f"stage{stage}_block{block}", "0" if part == "_shortcut" else part
        theirs = f"conv{stage}_block{block}_{number}"
        layers |= {f"{ours}_conv{part}": f"{theirs}_conv", f"{ours}_norm{part}": f"{theirs}_bn"}
    return {
        f"{ours}/{variable}": f"{theirs}/{variable}"
        for ours, theirs in layers.items()
        for variable in _variables(ours)
    }


def _convolutions(stage_blocks: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    """(stage, block, part) of every convolution after the stem, as our layer names number them."""
    for stage, blocks in enumerate(stage_blocks, start=2):
        for block in range(1, blocks + 1):
            parts = ("_shortcut", "1", "2", "3") if block == 1 else ("1", "2", "3")
            yield from ((stage, block, part) for part in parts)


def _variables(layer: str) -> tuple[str, ...]:
    if "_conv" in layer:
        return ("kernel",)
    return ("gamma", "beta", "moving_mean", "moving_variance")
