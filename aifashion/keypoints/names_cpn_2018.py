"""What the files of 2018 call the variables of our CPN2018.

Two kinds of HDF5 file hold them, alike once read as `layer/variable`: whole models (architecture,
weights, optimizer), as the published training saved after every epoch, and weights alone.
"""

import re
from collections.abc import Iterable, Sequence

from aifashion.backbones.names_resnet_2018 import resnet_2018_names, variable_names
from aifashion.keypoints.cpn_2018 import STACKS

_CONVOLUTIONS = {
    "global_C4_conv": "up16x_conv",
    "global_C3_up": "upsample_16x",
    "global_C3_conv": "up8x_conv",
    "global_C2_up": "upsample_8x",
    "global_C2_conv": "up4x_conv",
    "global_C1_up": "upsample_4x",
    "global_C1_conv": "up2x_conv",
    "global_C3_maps": "out8x",
    "global_C2_maps": "out4x",
    "global_C1_maps": "out2x",
}
for _stack in STACKS:
    _CONVOLUTIONS |= {
        f"{_stack}_C3_conv1": f"{_stack}_refine8x_1",  # the one with an underscore
        f"{_stack}_C3_conv2": f"{_stack}refine8x_2",
        f"{_stack}_C2_conv": f"{_stack}refine4x",
        f"{_stack}_C1_conv": f"{_stack}refine2x_conv",
        f"{_stack}_maps": f"{_stack}refine2x",
    }
_NUMBERED = re.compile(r"batch_normalization(?:_(\d+))?$")
_OWN = {"up16x_conv", "up2x_conv", "stack_0_refine8x_1", "stack_1refine2x", "scale_conv1"}


def is_cpn_2018(stored: Iterable[str]) -> bool:
    """Whether a file's names (`layer/variable`) are those of the published network's layers."""
    return {name.rpartition("/")[0] for name in stored} >= _OWN


def cpn_2018_names(stored: Iterable[str], blocks: Sequence[int]) -> dict[str, str]:
    """Our variable paths -> names in a file.

    The heads' normalisations were never named: Keras numbered them, from wherever it stood in that
    session. They are taken in the order of their numbers, which is the order they were made in.

    Args:
        stored: every `layer/variable` of the file.
        blocks: `ResNet2018.blocks` of the network's backbone.

    Returns:
        A name for each variable of the network; where the file has none, one it could have.
    """
    stored = tuple(stored)
    names = resnet_2018_names(stored, blocks)
    return names | variable_names(_heads(stored), stored, of_convolution=("kernel", "bias"))


def _heads(stored: tuple[str, ...]) -> dict[str, str]:
    """{our layer: the file's}; our convolutions, listed above as they were made, name the norms."""
    normalised = [name for name in _CONVOLUTIONS if "_conv" in name]
    layers = {name.rpartition("/")[0] for name in stored}
    numbered = sorted((layer for layer in layers if _NUMBERED.match(layer)), key=_number)
    while len(numbered) < len(normalised):
        numbered.append(f"batch_normalization_{_number(numbered[-1]) + 1 if numbered else 1}")
    norms = (name.replace("_conv", "_norm") for name in normalised)
    return _CONVOLUTIONS | dict(zip(norms, numbered, strict=False))


def _number(layer: str) -> int:
    return int(_NUMBERED.match(layer)[1] or 0)
