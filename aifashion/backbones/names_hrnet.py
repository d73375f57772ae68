"""What the published PyTorch HRNets call the variables of our HRNet: the table converters read.

Names and order are those of github.com/leoxiaobin/deep-high-resolution-net.pytorch,
lib/models/pose_hrnet.py, and of github.com/HRNet/HRNet-Image-Classification, whose heads
(`incre_modules`, `downsamp_modules`, `final_layer`, `classifier`) have no place here. Kernels lie
there as OIHW.
"""

from collections.abc import Iterator

from aifashion.backbones.hrnet import LEVELS, HRNet
from aifashion.backbones.names_senet import normalised_convolution, state_dict_names


def hrnet_names(config: HRNet, finest_alone: bool = False) -> dict[str, str]:
    """Our variable paths -> names in the published state dict, in its order.

    Args:
        config: of the network.
        finest_alone: as in `HRNet.last_stage`.
    """
    convolutions = [*_first_stage(config), *_transition(1)]
    for stage in (2, 3, 4):
        for module in range(1, config.modules[stage - 2] + 1):
            is_last = (stage, module) == (4, config.modules[2])
            made = 1 if is_last and finest_alone else stage
            convolutions += _module(config.blocks, stage, module, made)
        convolutions += _transition(stage) if stage < 4 else ()
    layers = {}
    for ours, conv, norm in convolutions:
        layers |= normalised_convolution(ours, conv, norm)
    return state_dict_names(layers)


# Each yields our convolutions with their names of the convolution and of its normalisation.
Convolutions = Iterator[tuple[str, str, str]]


def _first_stage(config: HRNet) -> Convolutions:
    for number in (1, 2):
        yield f"stem_conv{number}", f"conv{number}", f"bn{number}"
    for block in range(config.first_blocks):
        ours, theirs = f"stage1_block{block + 1}", f"layer1.{block}"
        yield from _numbered(ours, theirs, (1, 2, 3))
        if block == 0:
            names = f"{theirs}.downsample.0", f"{theirs}.downsample.1"
            yield f"{ours}_conv_shortcut", *names


def _transition(stage: int) -> Convolutions:
    """From a stage to the next: stage 1's channels become C2's, and a branch is added."""
    if stage == 1:
        yield "transition1_C2_conv", "transition1.0.0", "transition1.0.1"
    theirs = f"transition{stage}.{stage}.0"
    yield f"transition{stage}_{LEVELS[stage]}_conv", f"{theirs}.0", f"{theirs}.1"


def _module(blocks: int, stage: int, module: int, made: int) -> Convolutions:
    """A module of as many branches as its stage's number, the first `made` of which it makes."""
    ours, theirs = f"stage{stage}_module{module}", f"stage{stage}.{module - 1}"
    for branch in range(stage):
        for block in range(blocks):
            names = f"_{LEVELS[branch]}_block{block + 1}", f".branches.{branch}.{block}"
            yield from _numbered(ours + names[0], theirs + names[1], (1, 2))
    for target in range(made):
        for source in range(stage):
            way = f"{ours}_{LEVELS[source]}_to_{LEVELS[target]}"
            fuse = f"{theirs}.fuse_layers.{target}.{source}"
            if source > target:
                yield f"{way}_conv", f"{fuse}.0", f"{fuse}.1"
            for halving in range(target - source):
                yield f"{way}_conv{halving + 1}", f"{fuse}.{halving}.0", f"{fuse}.{halving}.1"


def _numbered(ours: str, theirs: str, numbers: tuple[int, ...]) -> Convolutions:
    for number in numbers:
        yield f"{ours}_conv{number}", f"{theirs}.conv{number}", f"{theirs}.bn{number}"
