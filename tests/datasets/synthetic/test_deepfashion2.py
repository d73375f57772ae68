"""The drawn DeepFashion2 data: their layout, annotations and bytes, and how exact they are."""

import json
from collections import Counter, defaultdict

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from aifashion.datasets import deepfashion2, synthetic
from aifashion.datasets.deepfashion2.landmarks import CATEGORIES, RAW_NAMES
from aifashion.datasets.schema import ABSENT, OCCLUDED, VISIBLE
from aifashion.datasets.synthetic import draw_deepfashion2, masks, paint
from aifashion.datasets.synthetic.deepfashion2 import (
    LEAST_SHOWN,
    category_of,
    draw_item,
    identity_of,
    items,
)
from aifashion.datasets.synthetic.draw import landmark_truth
from aifashion.datasets.synthetic.garments.parts import Garment
from aifashion.datasets.synthetic.scenes.backgrounds import background
from aifashion.errors import Exit, Failure

IMAGES, TEST_IMAGES, SIZE = 26, 13, 96
NAMES = list(CATEGORIES)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "data"
    draw_deepfashion2(folder, IMAGES, TEST_IMAGES, seed=3, size=SIZE, processes=1)
    return folder


@pytest.fixture(scope="module")
def pictures():
    """Two pictures of each category in memory: (category, source, picture)."""
    return [
        (NAMES[i % 13], source, _picture(NAMES[i % 13], source, i))
        for i, source in enumerate(("shop", "user") * 13)
    ]


def _picture(category, source, seed, size=160):
    piece, rng = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
    return draw_item(category, source, piece, rng, size)


def _annotations(folder, annos="annos"):
    return [json.loads(path.read_text()) for path in sorted((folder / annos).iterdir())]


def _items(annotations):
    return [value for name, value in annotations.items() if name.startswith("item")]


def _bytes(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


# === Layout ===


def test_no_pictures_at_all(tmp_path):
    draw_deepfashion2(tmp_path / "data", 0, 0, size=64)
    assert list(_bytes(tmp_path / "data")) == ["drawn.json"]


def test_files(drawn):
    counts = {"train": IMAGES, "validation": 13, "test": TEST_IMAGES}
    for split, count in counts.items():
        names = [f"{n:06d}" for n in range(1, count + 1)]
        assert sorted(path.name for path in (drawn / split / "image").iterdir()) == [
            f"{name}.jpg" for name in names
        ]
        annos = drawn / split / ("annos_drawn" if split == "test" else "annos")
        assert sorted(path.name for path in annos.iterdir()) == [f"{name}.json" for name in names]
    assert json.loads((drawn / "drawn.json").read_text()) == {
        "drawn_by": "aifashion", "seed": 3, "images": 26, "test_images": 13, "size": 96,
    }  # fmt: skip


def test_its_reader_reads_it(drawn):
    layout = deepfashion2.find(drawn)
    train, validation = (deepfashion2.read_part(part) for part in layout.train)
    assert layout.validation == layout.train[1]
    assert {record.category for record in validation} == set(CATEGORIES)
    assert len({record.path for record in train}) == IMAGES
    tests = deepfashion2.read_part(layout.test)
    assert len(tests) == TEST_IMAGES and all(record.keypoints is None for record in tests)
    assert deepfashion2.is_drawn(drawn)
    # The record of the first item, from the file by hand.
    first = _annotations(drawn / "train")[0]["item1"]
    x, y, v = first["landmarks"][3:6]  # number 2 of a short sleeve top: the left of the neck
    (record,) = (record for record in train if record.image_id == "1/1")
    place = deepfashion2.SCHEMA.keypoints.index("neck_left")
    assert v == VISIBLE and record.visibility[place] == VISIBLE
    assert_allclose(record.keypoints[place], (x + 0.5, y + 0.5))


def test_categories_and_sources_take_turns(drawn):
    annotations = _annotations(drawn / "train")
    assert [a["item1"]["category_id"] for a in annotations] == [*range(1, 14)] * 2
    assert [a["source"] for a in annotations] == ["shop", "user"] * 13
    tests = _annotations(drawn / "test", "annos_drawn")
    assert [a["item1"]["category_id"] for a in tests] == [*range(1, 14)]


def test_pairs_show_the_same_piece_once_in_a_shop_and_once_on_a_person(drawn):
    pairs = defaultdict(list)
    for a in _annotations(drawn / "train"):
        styles = [item["style"] for item in _items(a)]
        assert styles == [1] + [0] * (len(styles) - 1)
        pairs[a["pair_id"]].append((a["source"], a["item1"]["category_id"]))
    assert len(pairs) == 13
    elsewhere = {a["pair_id"] for a in _annotations(drawn / "validation")}
    assert len(elsewhere) == 13 and not elsewhere & set(pairs)
    for (one, category), (other, again) in pairs.values():
        assert {one, other} == {"shop", "user"} and category == again


def test_a_pairs_garments_are_one_piece():
    shop, user = (
        draw_item("vest", source, np.random.default_rng(1), np.random.default_rng(n), 64)
        for n, source in enumerate(("shop", "user"))
    )
    one, other = shop.outfit.garments[0], user.outfit.garments[0]
    assert one.identity == other.identity and one.attributes == other.attributes
    assert user.outfit.shown == "worn"
    assert (shop.outfit.setting, user.outfit.setting) == ("plain", "outside")
    assert not np.array_equal(one.parts[0].outline, other.parts[0].outline)


def test_pictures_13_apart_are_a_pair(tmp_path, monkeypatch):
    drawn = []

    def noted(*arguments):
        drawn.append(draw_item(*arguments))
        return drawn[-1]

    monkeypatch.setattr(synthetic.deepfashion2, "draw_item", noted)
    draw_deepfashion2(tmp_path / "data", 0, 26, size=64, processes=1)
    identities = [picture.outfit.garments[0].identity for picture in drawn]
    assert identities[:13] == identities[13:] and len(set(identities)) == 13


def test_shops_take_pictures_in_front_of_something_plain(monkeypatch):
    asked = []

    def noted(rng, setting, *arguments):
        asked.append(setting)
        return background(rng, setting, *arguments)

    monkeypatch.setattr(paint, "background", noted)
    for source in ("shop", "user"):
        _picture("skirt", source, 1, 64)
    assert asked == ["plain", "outside"]


# === Annotations ===


def test_every_field(drawn):
    several = 0
    for split, annos in (("train", "annos"), ("test", "annos_drawn")):
        for number, annotations in enumerate(_annotations(drawn / split, annos), 1):
            image = cv2.imread(str(drawn / split / "image" / f"{number:06d}.jpg"))
            assert max(image.shape) == SIZE
            found = _items(annotations)
            assert list(annotations)[2:] == [f"item{n + 1}" for n in range(len(found))]
            several += len(found) > 1
            for item in found:
                _check_item(item, image.shape)
    assert several > 3


def _check_item(item, shape):
    name = NAMES[item["category_id"] - 1]
    assert item["category_name"] == RAW_NAMES[name]
    landmarks = np.reshape(item["landmarks"], (-1, 3))
    assert len(landmarks) == len(CATEGORIES[name])
    assert all(type(number) is int for number in item["landmarks"] + item["bounding_box"])
    seen = landmarks[:, 2] > 0
    assert (landmarks[~seen] == 0).all() and seen.any()
    assert ((landmarks[:, :2] >= 0) & (landmarks[:, :2] < shape[1::-1])).all()
    x1, y1, x2, y2 = item["bounding_box"]
    assert 0 <= x1 < x2 <= shape[1] and 0 <= y1 < y2 <= shape[0]
    share = (x2 - x1) * (y2 - y1) / (shape[0] * shape[1])
    assert item["scale"] == 1 + (share > 0.1) + (share > 0.4)
    occluded, absent = (landmarks[:, 2] == OCCLUDED).mean(), (landmarks[:, 2] == ABSENT).mean()
    assert item["occlusion"] == 1 + (occluded > 0.2) + (occluded > 0.5)
    assert item["zoom_in"] == 1 + (absent > 0) + (absent > 0.5)
    assert item["viewpoint"] in (1, 2)
    for polygon in item["segmentation"]:
        points = np.reshape(polygon, (-1, 2))
        assert len(points) > 3
        assert_array_equal(points[0], points[-1])
        assert (points >= (x1, y1)).all() and (points <= (x2, y2)).all()


def test_landmarks_lie_on_the_visible_garment(pictures):
    """What is visible is beside the garment's mask, and where nothing else is in front or near, on
    the mask's contour."""
    counted = Counter()
    for category, _, picture in pictures:
        shape = picture.image.shape[:2]
        mask = masks.visible(picture.outfit, picture.matrix, shape)[0].astype(np.uint8)
        away, deep = (cv2.distanceTransform(m, cv2.DIST_L2, 5) for m in (1 - mask, mask))
        landmarks = np.reshape(items(picture)["item1"]["landmarks"], (-1, 3))
        for name, (x, y, v) in zip(CATEGORIES[category], landmarks, strict=True):
            if v == VISIBLE:
                assert away[y, x] < 2.3, name
                if {"hem", "cuff", "outer", "leg"} & set(name.split("_")):
                    counted["on" if deep[y, x] < 2.3 else "within"] += 1
    # A cuff before the body is on its own contour, but not on the whole garment's.
    assert counted["on"] > 120 and counted["within"] < 0.1 * counted["on"]


def test_landmarks_are_rounded_down_to_their_pixels(pictures):
    for category, _, picture in pictures[:5]:
        shape = picture.image.shape[:2]
        points, seen = landmark_truth(picture.outfit, picture.matrix, shape, 0)
        landmarks = np.reshape(items(picture)["item1"]["landmarks"], (-1, 3))
        for name, (x, y, v) in zip(CATEGORIES[category], landmarks, strict=True):
            assert (v == ABSENT) == (seen[name] == ABSENT)
            if v:
                assert 0 <= points[name][0] - x < 1 and 0 <= points[name][1] - y < 1
            if seen[name] == OCCLUDED:
                assert v == OCCLUDED


def test_polygons_fill_the_mask(pictures):
    for _, _, picture in pictures:
        shape = picture.image.shape[:2]
        mask = masks.visible(picture.outfit, picture.matrix, shape)[0]
        item = items(picture)["item1"]
        drawn = np.zeros(shape, np.uint8)
        for polygon in item["segmentation"]:
            corners = np.rint(16 * (np.reshape(polygon, (-1, 2)) - 0.5)).astype(np.int32)
            cv2.fillPoly(drawn, [corners], 1, shift=4)
        assert (mask & (drawn > 0)).sum() > 0.97 * mask.sum()
        assert item["bounding_box"] == masks.box(mask)


def test_viewpoint_says_whether_it_is_worn(pictures):
    for _, source, picture in pictures:
        on_a_body = picture.outfit.shown in ("worn", "mannequin")
        assert items(picture)["item1"]["viewpoint"] == (2 if on_a_body else 1)
        assert source == "shop" or on_a_body


def test_companions_that_show_too_little_are_no_items():
    shown, hidden = 0, 0
    for seed in range(12):
        picture = _picture("long_sleeve_top", "user", seed, 96)
        found = items(picture)
        shape = picture.image.shape[:2]
        for place, mask in enumerate(masks.visible(picture.outfit, picture.matrix, shape)):
            whole = masks.whole_area(picture.outfit.garments[place], picture.matrix)
            enough = mask.sum() >= LEAST_SHOWN * whole
            shown += enough and place > 0
            hidden += not enough
            category = category_of(picture.outfit.garments[place]).replace("_", " ")
            if place > 0:
                assert enough == any(i["category_name"] == category for i in found.values())
    assert shown > 1 and hidden > 1


# === Categories ===


@pytest.mark.parametrize("category", NAMES)
def test_identities_of_every_category(category):
    one, again, other = (identity_of(category, np.random.default_rng(s)) for s in (1, 1, 2))
    assert one == again != other


def test_category_of_a_garment():
    def called(category, **words):
        return category_of(Garment(category, 0, words, (), (), (0.5, 1.0)))

    assert called("blouse", sleeve_length="elbow") == "short_sleeve_top"
    assert called("blouse", sleeve_length="wrist") == "long_sleeve_top"
    assert called("dress", sleeve_length="short") == "short_sleeve_dress"
    assert called("dress", sleeve_length="wrist") == "long_sleeve_dress"
    assert called("outwear", sleeve_length="elbow") == "long_sleeve_outwear"
    assert called("short_outwear", sleeve_length="elbow") == "short_sleeve_outwear"
    assert called("trousers", length="thigh") == "shorts"
    assert called("trousers", length="calf") == "trousers"
    assert called("skirt", length="thigh") == "skirt"
    assert called("sling_dress", sleeve_length="straps") == "sling_dress"


# === Determinism ===


def test_same_arguments_same_bytes_by_any_number_of_processes(tmp_path):
    draw_deepfashion2(tmp_path / "one", 0, 18, seed=1, size=64, processes=1)
    draw_deepfashion2(tmp_path / "two", 0, 18, seed=1, size=64, processes=2)
    draw_deepfashion2(tmp_path / "other", 0, 5, seed=2, size=64)
    one, two, other = (_bytes(tmp_path / name) for name in ("one", "two", "other"))
    assert one == two
    assert len(one) == 2 * 18 + 1
    assert not set(one.values()) & set(other.values())


def test_no_two_pictures_are_the_same(drawn):
    pictures = [path.read_bytes() for path in drawn.rglob("*.jpg")]
    assert len(pictures) == len(set(pictures)) == IMAGES + 13 + TEST_IMAGES


def test_more_pictures_leave_the_first_ones_as_they_are(drawn, tmp_path):
    draw_deepfashion2(tmp_path / "few", 0, 3, seed=3, size=SIZE)
    few, more = _bytes(tmp_path / "few"), _bytes(drawn)
    del few["drawn.json"]
    assert few.items() < more.items()


# === What a person may get wrong ===


def test_drawing_again_replaces_what_was_drawn_and_nothing_else(tmp_path):
    draw_deepfashion2(tmp_path, 0, 2, seed=0, size=64)
    (tmp_path / "notes.txt").write_text("mine")
    draw_deepfashion2(tmp_path, 0, 1, seed=1, size=64)
    assert len(list(tmp_path.rglob("*.jpg"))) == 1
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not list(tmp_path.parent.glob(".*.drawing"))


def test_real_data_are_never_drawn_over(tmp_path):
    real = tmp_path / "train" / "annos" / "000001.json"
    real.parent.mkdir(parents=True)
    real.write_text("real")
    with pytest.raises(Failure, match="not drawn") as failure:
        draw_deepfashion2(tmp_path, 1, 0, size=64)
    assert failure.value.exit_code == Exit.USAGE
    assert real.read_text() == "real"


@pytest.mark.parametrize("wrong", [{"images": -1}, {"test_images": -2}, {"size": 10}])
def test_numbers_out_of_range(tmp_path, wrong):
    with pytest.raises(Failure, match=f"{next(iter(wrong))}: .* too small"):
        draw_deepfashion2(tmp_path / "data", **wrong)
    assert not list(tmp_path.iterdir())
