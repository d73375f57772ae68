"""Published networks with few blocks and channels, and their files as others wrote them."""

from dataclasses import replace
from pathlib import Path

import formula
import h5py
import keras
import numpy as np
import safetensors.numpy

from aifashion.backbones.hrnet import HRNet
from aifashion.backbones.resnet import ResNet
from aifashion.backbones.resnet_2018 import ResNet2018
from aifashion.backbones.senet import SENet
from aifashion.datasets.deepfashion2.landmarks import CHANNELS
from aifashion.datasets.fashionai import CATEGORIES
from aifashion.keypoints.cpn_2018 import CPN2018
from aifashion.keypoints.garment_cpn import GarmentCPN
from aifashion.keypoints.hrnet_pose import HRNetPose
from aifashion.keypoints.names_cpn_2018 import cpn_2018_names
from aifashion.keypoints.names_garment_cpn import garment_cpn_names
from aifashion.recipes import RECIPES

HWIO_TO_OIHW = (3, 2, 0, 1)
FEW = (1, 1, 1, 1)
RESNET = ResNet(blocks=FEW, width=8, stride_in="3x3", epsilon=1e-5, pixels="fashionai")
SENET = SENet(blocks=FEW, width=8, groups=4, reduction=4, pixels="fashionai")
HRNET = HRNet(width=4, modules=(1, 1, 1), blocks=1, stem_width=8, first_blocks=1, first_width=4)
POSE = HRNetPose(height=64, width=64, backbone=HRNET)
SYSTEMS = {
    "cpn_v11_2018": CPN2018(size=64, width=16, backbone=ResNet2018(blocks=(1, 1, 1), width=8)),
    "cpn_resnet152": GarmentCPN(size=64, width=16, sigma=2.0, backbone=RESNET),
    "cpn_senet154": GarmentCPN(size=64, width=16, sigma=2.0, backbone=SENET),
    "hrnet_w48_agg81": POSE,
    "hrnet_w32_agg81": replace(POSE, backbone=replace(HRNET, width=2)),
    "hrnet_w48": replace(POSE, keypoints=CHANNELS),
}


def put_into_the_menu(monkeypatch) -> None:
    """The published networks are the small ones from here on."""
    for name, system in SYSTEMS.items():
        monkeypatch.setitem(RECIPES, name, replace(RECIPES[name], system=system))


def filled(network: keras.Model, seed: int = 0) -> keras.Model:
    """The network with weights from a formula."""
    shapes = {variable.path: tuple(variable.shape) for variable in network.variables}
    fans = {name: int(np.prod(shape[:3])) for name, shape in shapes.items() if len(shape) == 4}
    for path, array in formula.weights(shapes, fans, seed).items():
        next(v for v in network.variables if v.path == path).assign(array)
    return network


def of_garment(recipe_name: str, category: str, seed: int = 0) -> keras.Model:
    """A small per-garment network."""
    system = replace(SYSTEMS[recipe_name], keypoints=CATEGORIES[category])
    return filled(system.build(), seed)


def as_torch(network: keras.Model, recipe_name: str) -> dict[str, np.ndarray]:
    """The state dict of a per-garment network: its names and its layout."""
    names = garment_cpn_names(SYSTEMS[recipe_name].backbone)
    return in_torchs_layout({names[v.path]: np.array(v) for v in network.variables})


def in_torchs_layout(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name: np.ascontiguousarray(array.transpose(HWIO_TO_OIHW) if array.ndim == 4 else array)
        for name, array in arrays.items()
    }


def write_safetensors(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    path.write_bytes(safetensors.numpy.save(arrays))
    return path


def as_keras_2(network: keras.Model) -> dict[str, np.ndarray]:
    """`layer/variable` of the all-in-one network, of a session that had made another before."""
    blocks = SYSTEMS["cpn_v11_2018"].backbone.blocks
    arrays = {}
    for variable in network.variables:
        layer, _, kind = cpn_2018_names(["batch_normalization_13/beta"], blocks)[
            variable.path
        ].rpartition("/")
        kind = f"{layer}_{kind}" if layer.startswith("scale") else kind
        arrays[f"{layer}/{kind}"] = np.array(variable)
    return arrays


def write_keras_2(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """A whole compiled model: architecture, weights, optimizer."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = b"{}"
        for name, array in arrays.items():
            layer, _, variable = name.rpartition("/")
            file[f"model_weights/{layer}/{layer}/{variable}:0"] = array
            file[f"optimizer_weights/training/Adam/{layer}/{variable}_m:0"] = 0 * array
    return path
