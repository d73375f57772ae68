"""What the published PyTorch SENet-154 calls the variables of our SENet: the table converters read.

Names and order are those of github.com/Cadene/pretrained-models.pytorch, pretrainedmodels/models/
senet.py; its classifier (`last_linear`) has no place here. Kernels lie there as OIHW.
"""

from collections.abc import Mapping, Sequence

from aifashion.backbones.names_resnet import TORCH


def senet_names(blocks: Sequence[int]) -> dict[str, str]:
    """Our variable paths -> names in the published state dict, in its order.

    Args:
        blocks: `SENet.blocks`, of stages 2 to 5.
    """
    layers = {}
    for number in (1, 2, 3):
        theirs = f"layer0.conv{number}", f"layer0.bn{number}"
        layers |= normalised_convolution(f"stem_conv{number}", *theirs)
    for stage, count in enumerate(blocks, start=2):
        for block in range(1, count + 1):
            layers |= _block(f"stage{stage}_block{block}", f"layer{stage - 1}.{block - 1}", block)
    return state_dict_names(layers)


def state_dict_names(layers: Mapping[tuple[str, tuple[str, ...]], str]) -> dict[str, str]:
    """{(our layer, its variables): their layer} -> {our variable path: name in a state dict}."""
    return {
        f"{ours}/{variable}": f"{theirs}.{TORCH[variable]}"
        for (ours, variables), theirs in layers.items()
        for variable in variables
    }


def normalised_convolution(ours: str, conv: str, norm: str) -> dict:
    """The entries for `state_dict_names` of a convolution and the normalisation after it.

    Args:
        ours: our name of the convolution; the normalisation's has "norm" in place of "conv".
        conv: their name of the convolution.
        norm: their name of the normalisation.
    """
    variables = ("gamma", "beta", "moving_mean", "moving_variance")
    return {(ours, ("kernel",)): conv, (ours.replace("conv", "norm"), variables): norm}


def _block(ours: str, theirs: str, block: int) -> dict:
    layers = {}
    for number in (1, 2, 3):
        conv, norm = f"{theirs}.conv{number}", f"{theirs}.bn{number}"
        layers |= normalised_convolution(f"{ours}_conv{number}", conv, norm)
    for layer, theirs_too in (("reduce", "fc1"), ("excite", "fc2")):
        layers[f"{ours}_{layer}", ("kernel", "bias")] = f"{theirs}.se_module.{theirs_too}"
    if block == 1:
        shortcut = f"{theirs}.downsample"
        names = f"{shortcut}.0", f"{shortcut}.1"
        layers |= normalised_convolution(f"{ours}_conv_shortcut", *names)
    return layers
