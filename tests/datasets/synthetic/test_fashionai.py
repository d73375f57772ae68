"""The drawn FashionAI data: its layout, its bytes, its shares, and that it is not too easy."""

import hashlib
import json

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose

from aifashion.datasets import fashionai
from aifashion.datasets.schema import ABSENT, OCCLUDED, VISIBLE
from aifashion.datasets.synthetic import draw_fashionai
from aifashion.datasets.synthetic.fashionai import TRUTH
from aifashion.errors import Exit, Failure

IMAGES, TEST_IMAGES, SIZE = 400, 100, 96


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "data"
    draw_fashionai(folder, IMAGES, TEST_IMAGES, seed=3, size=SIZE, processes=1)
    return folder


@pytest.fixture(scope="module")
def train(drawn):
    return fashionai.read(drawn / "train" / "Annotations" / "train.csv", drawn / "train")


@pytest.fixture(scope="module")
def test(drawn):
    return fashionai.read(drawn / "test" / TRUTH, drawn / "test")


def _bytes(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


# === Layout ===


def test_no_pictures_at_all(tmp_path):
    draw_fashionai(tmp_path / "data", 0, 0, size=64)
    assert fashionai.read(tmp_path / "data/train/Annotations/train.csv", tmp_path) == []
    assert fashionai.read(tmp_path / "data/test/test.csv", tmp_path) == []


def test_files_and_pictures(drawn, train, test):
    mark = {"drawn_by": "aifashion", "seed": 3, "images": 400, "test_images": 100, "size": 96}
    assert json.loads((drawn / "drawn.json").read_text()) == mark
    listed = fashionai.read(drawn / "test" / "test.csv", drawn / "test")
    assert [r.image_id for r in listed] == [r.image_id for r in test]
    assert all(record.keypoints is None for record in listed)
    for record in (*train[:20], *test[:20]):
        folder, category, name = record.image_id.split("/")
        assert (folder, category) == ("Images", record.category)
        assert len(name) == 36 and name.endswith(".jpg")
        height, width = cv2.imread(str(record.path)).shape[:2]
        assert max(height, width) == SIZE and min(height, width) >= 0.6 * SIZE


def test_categories_take_turns(train, test):
    for records, each in ((train, IMAGES // 5), (test, TEST_IMAGES // 5)):
        categories = [record.category for record in records]
        assert {name: categories.count(name) for name in fashionai.CATEGORIES} == dict.fromkeys(
            fashionai.CATEGORIES, each
        )


def test_test_pictures_are_not_training_pictures(drawn):
    train, test = _bytes(drawn / "train/Images"), _bytes(drawn / "test/Images")
    assert len(set(train.values())) == IMAGES
    assert not set(train) & set(test)
    assert not set(train.values()) & set(test.values())


# === Determinism ===


def test_same_arguments_same_bytes_by_any_number_of_processes(tmp_path):
    draw_fashionai(tmp_path / "one", 12, 6, seed=1, size=64, processes=1)
    draw_fashionai(tmp_path / "two", 12, 6, seed=1, size=64, processes=2)
    draw_fashionai(tmp_path / "other", 12, 6, seed=2, size=64)
    one, two, other = (_bytes(tmp_path / name) for name in ("one", "two", "other"))
    assert one == two
    assert len(one) == 12 + 6 + 4
    assert not set(one.values()) & set(other.values())


def test_more_pictures_leave_the_first_ones_as_they_are(tmp_path):
    draw_fashionai(tmp_path / "few", 3, 1, size=64)
    draw_fashionai(tmp_path / "more", 5, 1, size=64)
    few, more = (_bytes(tmp_path / name / "train/Images") for name in ("few", "more"))
    assert few.items() < more.items()


def test_the_first_pictures_are_those_of_every_version(tmp_path):
    """Published scores are of these pictures: no draw may be added, taken away or moved.

    The keypoints are compared exactly; of the pixels, which another OpenCV may round otherwise, the
    mean colours are."""
    draw_fashionai(tmp_path / "data", 10, 0, seed=0, size=64, processes=1)
    annotations = tmp_path / "data/train/Annotations/train.csv"
    assert hashlib.sha256(annotations.read_bytes()).hexdigest() == (
        "b66a08767fb2ca9c137bf13b782c3a46363b986b2284f4f707eeb3404698d05d"
    )
    records = fashionai.read(annotations, tmp_path / "data/train")
    colours = [cv2.imread(str(record.path)).mean((0, 1)) for record in records]
    blue_green_red = [
        (142, 146, 163), (120, 118, 113), (107, 107, 103), (124, 122, 96), (110, 115, 122),
        (120, 124, 134), (55, 58, 76), (116, 109, 114), (171, 199, 191), (99, 134, 154),
    ]  # fmt: skip
    assert_allclose(colours, blue_green_red, atol=1)


# === What a person may get wrong ===


def test_drawing_again_replaces_what_was_drawn_and_nothing_else(tmp_path):
    draw_fashionai(tmp_path, 5, 0, seed=0, size=64)
    (tmp_path / "notes.txt").write_text("mine")
    draw_fashionai(tmp_path, 2, 0, seed=1, size=64)
    assert len(list(tmp_path.rglob("*.jpg"))) == 2
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_real_data_are_never_drawn_over(tmp_path):
    real = tmp_path / "train" / "Annotations" / "train.csv"
    real.parent.mkdir(parents=True)
    real.write_text("real")
    with pytest.raises(Failure, match="not drawn") as failure:
        draw_fashionai(tmp_path, 1, 0, size=64)
    assert failure.value.exit_code == Exit.USAGE
    assert real.read_text() == "real"


@pytest.mark.parametrize("wrong", [{"images": -1}, {"size": 10}, {"seed": -1}])
def test_numbers_out_of_range(tmp_path, wrong):
    with pytest.raises(Failure, match=f"{next(iter(wrong))}: .* too small"):
        draw_fashionai(tmp_path / "data", **wrong)
    assert not (tmp_path / "data").exists()


# === Shares ===


def test_only_the_categorys_own_keypoints(train):
    for record in train:
        others = ~fashionai.SCHEMA.mask(record.category)
        assert (record.visibility[others] == ABSENT).all()
    seen = np.stack([record.visibility for record in train])
    assert (seen == VISIBLE).any(0).all()


def test_points_lie_in_their_pictures(train):
    for record in train[:50]:
        height, width = cv2.imread(str(record.path)).shape[:2]
        points = record.keypoints[record.visibility != ABSENT]
        assert ((points > 0) & (points < (width, height))).all()


def test_shares_of_occluded_and_cropped(train):
    own = [r.visibility[fashionai.SCHEMA.mask(r.category)] for r in train]
    points = np.concatenate(own)
    assert 0.82 < (points == VISIBLE).mean() < 0.95
    assert 0.05 < (points == OCCLUDED).mean() < 0.14
    cropped = np.mean([(visibility == ABSENT).any() for visibility in own])
    assert 0.05 < cropped < 0.2


def test_no_garment_is_tiny(train):
    spans = [span for record in train if (span := _normaliser(record))]
    assert len(spans) > 0.9 * IMAGES
    assert min(spans) > 0.12 * SIZE - 1  # two roundings to pixels


# === Difficulty: neither position nor looking alike gives the keypoints away ===


def _normaliser(record):
    ends = fashionai.SCHEMA.indices(fashionai.SCHEMA.normalisers[record.category])
    if (record.visibility[ends] == ABSENT).any():
        return None
    return float(np.linalg.norm(np.subtract(*record.keypoints[ends])))


def _normalised_error(records, predictions):
    """Mean over the visible keypoints of all records, in percent."""
    errors = []
    for record, points in zip(records, predictions, strict=True):
        if span := _normaliser(record):
            seen = (record.visibility == VISIBLE) & ~np.isnan(points[:, 0])
            errors.append(np.linalg.norm(points - record.keypoints, axis=1)[seen] / span)
    return 100 * np.concatenate(errors).mean()


def _grey_and_size(record):
    grey = cv2.imread(str(record.path), cv2.IMREAD_GRAYSCALE)
    thumbnail = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(float).ravel()
    return thumbnail, np.array(grey.shape[::-1])


@pytest.fixture(scope="module")
def looks(train, test):
    return [[_grey_and_size(record) for record in records] for records in (train, test)]


def _relative(record, size):
    return np.where((record.visibility != ABSENT)[:, None], record.keypoints / size, np.nan)


def test_normalised_error_of_the_truth_is_zero(test):
    assert_allclose(_normalised_error(test, [record.keypoints for record in test]), 0)


def test_the_mean_shape_is_far_off(train, test, looks):
    relative = np.stack([_relative(r, s) for r, (_, s) in zip(train, looks[0], strict=True)])
    categories = np.array([record.category for record in train])
    # Of another category's keypoints there is no mean, nor is one asked for.
    mean = {
        name: np.where(
            fashionai.SCHEMA.mask(name)[:, None],
            np.ma.masked_invalid(relative[categories == name]).mean(0).filled(np.nan),
            np.nan,
        )
        for name in fashionai.CATEGORIES
    }
    guesses = [mean[r.category] * size for r, (_, size) in zip(test, looks[1], strict=True)]
    assert _normalised_error(test, guesses) >= 30


def test_the_nearest_training_picture_is_far_off(train, test, looks):
    guesses = []
    for record, (grey, size) in zip(test, looks[1], strict=True):
        same = [i for i, other in enumerate(train) if other.category == record.category]
        nearest = min(same, key=lambda i: np.square(looks[0][i][0] - grey).sum())
        guesses.append(_relative(train[nearest], looks[0][nearest][1]) * size)
    assert _normalised_error(test, guesses) >= 20
