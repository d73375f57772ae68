from types import SimpleNamespace

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from aifashion import downloads, training
from aifashion.api import imagenet
from aifashion.backbones.hrnet import HRNet
from aifashion.backbones.resnet import ResNet
from aifashion.backbones.resnet_2018 import ResNet2018
from aifashion.backbones.senet import SENet
from aifashion.errors import Exit, Failure
from aifashion.recipes import RECIPES


@pytest.mark.parametrize("name", ["cpn_resnet101", "cpn_resnet50", "cpn_resnet152", "cpn_senet154"])
def test_backbones_of_the_menu_have_weights(name):
    imagenet.check_imagenet(RECIPES[name].system.backbone)


@pytest.mark.parametrize(
    "backbone",
    [
        ResNet(blocks=(1, 1, 1, 1), stride_in="3x3"),
        ResNet(50, "3x3", width=32),
        SENet(blocks=(1, 1, 1, 1)),
        SENet(groups=32),
        ResNet2018(),
    ],
)
def test_other_backbones_have_none(backbone):
    with pytest.raises(Failure, match="none are published for") as failure:
        imagenet.check_imagenet(backbone)
    assert failure.value.exit_code == Exit.USAGE


def test_hrnets_are_to_be_named():
    with pytest.raises(Failure, match="HRNet-Image-Classification and name it: --weights FILE"):
        imagenet.check_imagenet(HRNet())


def test_the_backbone_alone_is_set(monkeypatch):
    image = keras.Input((4, 4, 3), name="image")
    x = keras.layers.Conv2D(2, 1, name="stem_conv")(image)
    network = keras.Model({"image": image}, keras.layers.Conv2D(1, 1, name="head")(x))
    before = training.weights_of(network)
    kernel = np.arange(6, dtype=np.float32).reshape(1, 1, 3, 2)
    asked = []

    def fetched(*source):
        asked.append(source)
        return "a path"

    found = SimpleNamespace(weights={"stem_conv/kernel": kernel})
    monkeypatch.setattr(imagenet, "fetched", fetched)
    monkeypatch.setattr(imagenet, "read_published", lambda path: found)
    imagenet.start_from_imagenet(network, SENet(pixels="fashionai"))
    after = training.weights_of(network)
    assert_array_equal(after["stem_conv/kernel"], kernel)
    for name in before.keys() - {"stem_conv/kernel"}:
        assert_array_equal(after[name], before[name])
    imagenet.start_from_imagenet(network, ResNet(152, "3x3", pixels="fashionai"))
    assert [url.rpartition("/")[2] for url, _ in asked] == [
        "senet154-c7b49a05.pth",
        "resnet152-394f9c45.pth",
    ]
    assert [hashed for _, hashed in asked] == ["sha256 c7b49a05", "sha256 394f9c45"]


# === Downloads ===


def test_a_file_that_is_there_is_not_fetched(tmp_path, monkeypatch):
    (tmp_path / "abc.bin").write_bytes(b"abc")
    monkeypatch.setattr(downloads, "_download", None)
    # Of the three letters: FIPS 180's example, and RFC 1321's.
    whole = "sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    for hashed in (whole, "sha256 ba7816bf", "md5 900150983cd24fb0d6963f7d28e17f72"):
        assert downloads.fetched("https://x/abc.bin", hashed, tmp_path) == tmp_path / "abc.bin"
    with pytest.raises(Failure, match="its content is another: delete it") as failure:
        downloads.fetched("https://x/abc.bin", "sha256 ba7816be", tmp_path)
    assert failure.value.exit_code == Exit.ENVIRONMENT


def test_what_is_fetched_is_checked(tmp_path, monkeypatch):
    def get_file(name, url, cache_subdir):
        assert (name, url) == ("abc.bin", "https://x/abc.bin")
        (tmp_path / name).write_bytes(b"abc")

    monkeypatch.setattr(downloads.keras.utils, "get_file", get_file)
    assert downloads.fetched("https://x/abc.bin", "sha256 ba78", tmp_path).read_bytes() == b"abc"
    (tmp_path / "abc.bin").unlink()
    with pytest.raises(Failure, match=r"another file\. Put https://x/abc\.bin \(sha256 00\)"):
        downloads.fetched("https://x/abc.bin", "sha256 00", tmp_path)
