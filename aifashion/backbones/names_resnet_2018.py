"""What the files of 2018 call the variables of our ResNet2018.

The layers are named as in the Caffe model they come from: `res4b7_branch2a`, `bn4b7_branch2a` and
`scale4b7_branch2a` are a convolution, its normalisation and its scale. The variables of one layer
are called differently by each version of Keras (`kernel`, `conv1_W`; `gamma`, `scale_conv1_gamma`;
`moving_variance`, `bn_conv1_running_std`), so they are looked up in the file's own list of names.

The same names are in the published ImageNet file `resnet101_weights_tf.h5` and in every file of the
all-in-one network. Of the ImageNet file, stage 5, the classifier and block `res3b3` have no place
in the published network, and no name in its table: they stay unused.
"""

from collections.abc import Iterable, Mapping, Sequence

_KERAS_1 = {"W": "kernel", "b": "bias",
            "running_mean": "moving_mean", "running_std": "moving_variance"}  # fmt: skip
# Stages with few blocks are lettered, the others are a, b1, b2 …
_LETTERED = (2, 5)
_PARTS = {"1": "2a", "2": "2b", "3": "2c", "_shortcut": "1"}


def resnet_2018_names(stored: Iterable[str], blocks: Sequence[int]) -> dict[str, str]:
    """Our variable paths -> names in a file.

    Args:
        stored: every `layer/variable` of the file.
        blocks: `ResNet2018.blocks`.

    Returns:
        A name for each variable of the backbone; where the file has none, the one it would have.
    """
    layers = {"stem_conv": "conv1", "stem_norm": "bn_conv1", "stem_scale": "scale_conv1"}
    for stage, count in enumerate(blocks, start=2):
        for block in range(1, count + 1):
            label = f"{stage}{_label(stage, block)}_branch"
            for part, branch in _PARTS.items():
                if part == "_shortcut" and block > 1:
                    continue
                ours = f"stage{stage}_block{block}"
                layers[f"{ours}_conv{part}"] = f"res{label}{branch}"
                layers[f"{ours}_norm{part}"] = f"bn{label}{branch}"
                layers[f"{ours}_scale{part}"] = f"scale{label}{branch}"
    return variable_names(layers, stored)


def _label(stage: int, block: int) -> str:
    if block == 1:
        return "a"
    return chr(ord("a") + block - 1) if stage in _LETTERED else f"b{block - 1}"


def variable_names(
    layers: Mapping[str, str], stored: Iterable[str], of_convolution: tuple[str, ...] = ("kernel",)
) -> dict[str, str]:
    """{our variable path: the file's name} of layers {our name: the file's name}.

    Layers are normalisations or scales where our name says so, and else convolutions.
    """
    known = {}
    for name in stored:
        layer, _, variable = name.rpartition("/")
        variable = variable.removeprefix(f"{layer}_")
        known[f"{layer}/{_KERAS_1.get(variable, variable)}"] = name
    kinds = {"norm": ("gamma", "beta", "moving_mean", "moving_variance"),
             "scale": ("gamma", "beta")}  # fmt: skip
    names = {}
    for ours, theirs in layers.items():
        kind = next((kind for kind in kinds if f"_{kind}" in ours), None)
        for variable in kinds.get(kind, of_convolution):
            name = f"{theirs}/{variable}"
            names[f"{ours}/{variable}"] = known.get(name, name)
    return names
