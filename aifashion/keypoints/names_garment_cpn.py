"""What the published networks of one garment each call the variables of our GarmentCPN.

Names and order are those of the state dict of github.com/gathierry/
FashionAI-KeyPointsDetectionOfApparel, `CascadePyramidNet` and `CascadePyramidNetV9`. Kernels of
convolutions and of transposed ones lie there with `names_resnet.OIHW_TO_HWIO` to undo.
"""

from aifashion.backbones.names_resnet import torchvision_names
from aifashion.backbones.names_senet import (
    normalised_convolution,
    senet_names,
    state_dict_names,
)
from aifashion.backbones.resnet import ResNet
from aifashion.backbones.senet import SENet

_LATERAL = {"C5": "latlayer1", "C4": "latlayer2", "C3": "latlayer3", "C2": "latlayer4"}
_GLOBAL = {f"lateral_{level}": theirs for level, theirs in _LATERAL.items()}
_GLOBAL |= {"topdown_P4": "toplayer1", "topdown_P3": "toplayer2", "global_maps": "toplayer3"}


def garment_cpn_names(backbone: ResNet | SENet) -> dict[str, str]:
    """Our variable paths -> names in the published state dict.

    Args:
        backbone: the network's; its blocks count.
    """
    if isinstance(backbone, SENet):
        names = senet_names(backbone.blocks)
    else:
        names = torchvision_names(backbone.stage_blocks)
    names = {ours: f"global_net.{theirs}" for ours, theirs in names.items()}
    return names | state_dict_names(_global_net() | _refine_net())


def _global_net() -> dict:
    both = ("kernel", "bias")
    return {(ours, both): f"global_net.{theirs}" for ours, theirs in _GLOBAL.items()}


def _refine_net() -> dict:
    layers = _bottleneck("refine_P2_block1", "refine_net.bottleneck2", projected=True)
    for level, blocks in (("3", 1), ("4", 2), ("5", 3)):
        theirs = f"refine_net.bottleneck{level}"
        for block in range(blocks):
            layers |= _bottleneck(f"refine_P{level}_block{block + 1}", f"{theirs}.{block}")
        layers[f"refine_P{level}_up", ("kernel", "bias")] = f"{theirs}.{blocks}"
    layers |= _bottleneck("refine_join", "refine_net.output.0", projected=True)
    return layers | {("refine_maps", ("kernel", "bias")): "refine_net.output.1"}


def _bottleneck(ours: str, theirs: str, projected: bool = False) -> dict:
    layers = {}
    for number in (1, 2, 3):
        conv, norm = f"{theirs}.conv{number}", f"{theirs}.bn{number}"
        layers |= normalised_convolution(f"{ours}_conv{number}", conv, norm)
    if projected:
        names = f"{theirs}.shortcut.0", f"{theirs}.shortcut.1"
        layers |= normalised_convolution(f"{ours}_conv_shortcut", *names)
    return layers
