"""ImageNet weights: which published file a backbone starts from."""

import keras

from aifashion import training
from aifashion.api.published import read_published
from aifashion.backbones.hrnet import HRNet
from aifashion.backbones.resnet import ResNet, load_imagenet
from aifashion.backbones.senet import SENet
from aifashion.downloads import fetched
from aifashion.errors import Exit, Failure

_TORCHVISION = "https://download.pytorch.org/models/"  # the hash's beginning ends each file's name
_RESNET = {
    50: ("resnet50-0676ba61.pth", "sha256 0676ba61"),
    101: ("resnet101-63fe2227.pth", "sha256 63fe2227"),
    152: ("resnet152-394f9c45.pth", "sha256 394f9c45"),
}
_SENET = ("http://data.lip6.fr/cadene/pretrainedmodels/senet154-c7b49a05.pth", "sha256 c7b49a05")


def check_imagenet(backbone) -> None:
    """Refuses a backbone that no ImageNet weights are published for. Raises Failure (USAGE)."""
    if not _is_caffe_resnet(backbone):
        _source(backbone)


def start_from_imagenet(network: keras.Model, backbone) -> None:
    """Gives a network's backbone its published ImageNet weights, downloaded where they are not.

    Pixels may be normalised otherwise than the weights expect: training adapts, as it did in the
    published system.

    Raises:
        Failure: USAGE for a backbone without any; ENVIRONMENT where the file cannot be had or
            read; BAD_MODEL where it does not fit.
    """
    if _is_caffe_resnet(backbone):
        load_imagenet(network, backbone)
        return
    weights = read_published(fetched(*_source(backbone))).weights
    training.set_weights(network, {**training.weights_of(network), **weights})


def _is_caffe_resnet(backbone) -> bool:
    return isinstance(backbone, ResNet) and backbone.stride_in == "1x1"


def _source(backbone) -> tuple[str, str]:
    """Address and hash of a backbone's file."""
    if isinstance(backbone, SENet) and _is_published(backbone, SENet(), ("blocks", "groups")):
        return _SENET
    depth = getattr(backbone, "depth", None)
    if isinstance(backbone, ResNet) and _is_published(backbone, ResNet(depth), ("stage_blocks",)):
        name, hashed = _RESNET[depth]
        return _TORCHVISION + name, hashed
    if isinstance(backbone, HRNet):
        raise Failure(
            Exit.USAGE,
            "--weights imagenet: HRNet's lie where no program can fetch them. Get the file from "
            "github.com/HRNet/HRNet-Image-Classification and name it: --weights FILE.",
        )
    raise Failure(
        Exit.USAGE,
        f"--weights imagenet: none are published for {backbone}. Name a file, or give none.",
    )


def _is_published(backbone, published, fields: tuple[str, ...]) -> bool:
    return all(getattr(backbone, f) == getattr(published, f) for f in (*fields, "width"))
