"""Object keypoint similarity, average precision and suppression, against published numbers."""

import copy

import numpy as np
import pytest
from deepfashion2_files import NAMES, golden_results, golden_truth
from numpy.testing import assert_allclose, assert_array_equal

from aifashion.datasets.deepfashion2 import SLOT_SIGMAS
from aifashion.keypoints.oks import NAMES as SCORES
from aifashion.keypoints.oks import average_precision, oks, oks_nms

ALL, VISIBLE_ONLY = "visible and occluded", "visible only"
# The ten numbers in order, of predictions that are off by s times a few pixels.
PUBLISHED = {
    (ALL, 0): ".769231 .769231 .769231 -1 .769231 1 1 1 -1 1",
    (ALL, 1): ".757692 .769231 .769231 -1 .757692 .984615 1 1 -1 .984615",
    (ALL, 2): ".619231 .769231 .769231 -1 .619231 .815385 1 1 -1 .815385",
    (ALL, 4): ".3 .769231 .115385 -1 .3 .407692 1 .153846 -1 .407692",
    (VISIBLE_ONLY, 0): ".769231 .769231 .769231 -1 .769231 1 1 1 -1 1",
    (VISIBLE_ONLY, 1): ".75 .769231 .769231 -1 .75 .976923 1 1 -1 .976923",
    (VISIBLE_ONLY, 2): ".626923 .769231 .769231 -1 .626923 .823077 1 1 -1 .823077",
    (VISIBLE_ONLY, 4): ".307692 .769231 .153846 -1 .307692 .415385 1 .230769 -1 .415385",
}
# Of s = 2, each category's own prediction.
SIMILARITIES = ".8528 .9135 .7838 .8995 .8415 .9327 .9367 .9117 .8950 .9096 .9029 .8277 .8924"


def truth(which: str) -> dict:
    content = golden_truth()
    if which == VISIBLE_ONLY:
        for annotation in content["annotations"]:
            triplets = np.array(annotation["keypoints"]).reshape(294, 3)
            triplets[triplets[:, 2] == 1] = 0
            annotation["keypoints"] = triplets.ravel().tolist()
            annotation["num_keypoints"] = int((triplets[:, 2] > 0).sum())
    return content


# === Similarity ===


def test_no_garments():
    none = oks(np.empty((0, 3, 2)), np.empty((0, 3)), np.empty((0, 3, 2)), np.empty(0), [0.1] * 3)
    assert none.shape == (0,)


def test_by_hand():
    points = np.array([[[10.0, 10], [20, 20], [30, 30]]])
    moved = points + np.array([[0, 0], [3, 4], [600, 800]])
    # area 100, sigma 1/4: exp(-25 / (8 / 16 * 100)) = exp(-1/2) for the second
    expected = {(1, 1, 0): (1 + np.exp(-0.5)) / 2, (2, 0, 0): 1, (0, 1, 1): np.exp(-0.5) / 2}
    for seen, value in expected.items():
        found = oks(points, np.array([seen]), moved, np.array([100.0]), [0.25] * 3)
        assert_allclose(found, [value], rtol=1e-12)
    assert np.isnan(oks(points, np.zeros((1, 3)), moved, np.array([100.0]), [0.25] * 3)).all()


def test_published_similarities():
    annotations = golden_truth()["annotations"]
    known = np.array([each["keypoints"] for each in annotations]).reshape(13, 294, 3)
    own = [each for each in golden_results(2) if each["score"] != 0.995]
    assert len(own) == len(NAMES)
    found = np.array([each["keypoints"] for each in own]).reshape(13, 294, 3)
    areas = np.array([each["area"] for each in annotations])
    scores = oks(known[..., :2], known[..., 2], found[..., :2], areas, SLOT_SIGMAS)
    assert_allclose(scores, [*map(float, SIMILARITIES.split())], atol=5e-5)


# === Average precision ===


def test_nothing_known_and_nothing_found():
    nothing = average_precision(golden_truth() | {"annotations": []}, [], SLOT_SIGMAS)
    assert tuple(nothing) == SCORES and set(nothing.values()) == {-1.0}
    unfound = average_precision(golden_truth(), [], SLOT_SIGMAS)
    assert unfound == dict.fromkeys(SCORES, 0.0) | {"APm": -1.0, "ARm": -1.0}


@pytest.mark.parametrize(("which", "s"), PUBLISHED)
def test_published_scores(which, s, capsys):
    scores = average_precision(truth(which), golden_results(s), SLOT_SIGMAS)
    assert list(scores) == ["AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl"]
    assert_allclose([*scores.values()], [*map(float, PUBLISHED[which, s].split())], atol=5e-7)
    assert capsys.readouterr().out == ""  # pycocotools is talkative


def test_truth_scored_against_itself_is_perfect():
    known = golden_truth()
    names = ("image_id", "category_id", "keypoints")
    results = [{n: each[n] for n in names} | {"score": 1} for each in known["annotations"]]
    scores = average_precision(known, results, SLOT_SIGMAS)
    perfect = [score for name, score in scores.items() if name not in ("APm", "ARm")]
    assert_allclose(perfect, 1, rtol=1e-12)


def test_what_is_given_stays_as_it_is():
    known, results = golden_truth(), golden_results(1)
    before = copy.deepcopy((known, results))
    sigmas = SLOT_SIGMAS.copy()
    average_precision(known, results, sigmas)
    assert (known, results) == before
    assert_array_equal(sigmas, SLOT_SIGMAS)


# === Suppression: four predictions 0, 2, 10 and 60 pixels off the first ===

SHIFTS = (0, 2, 10, 60)
FOUR = np.zeros((4, 294, 2)) + np.array(SHIFTS)[:, None, None] * [1, 0]
SCORED = np.array([0.9, 0.8, 0.85, 0.5])
AREAS = np.full(4, 601 * 669.0)


def test_nothing_to_suppress():
    none = oks_nms(np.empty((0, 294, 2)), np.empty(0), np.empty(0), SLOT_SIGMAS, 0.5)
    assert none.shape == (0,) and none.dtype == np.int64


def test_published_similarity_of_predictions():
    first = np.repeat(FOUR[:1], 4, axis=0)
    found = oks(first, np.ones((4, 294)), FOUR, AREAS, SLOT_SIGMAS)
    assert_allclose(found, [1, 0.998292, 0.959752, 0.429671], atol=5e-7)


@pytest.mark.parametrize(
    ("threshold", "kept"), [(0.5, [0, 3]), (0.9, [0, 3]), (0.99, [0, 2, 3]), (1.0, [0, 2, 1, 3])]
)
def test_hard(threshold, kept):
    assert oks_nms(FOUR, SCORED, AREAS, SLOT_SIGMAS, threshold).tolist() == kept


def test_soft_keeps_all_in_another_order():
    assert oks_nms(FOUR, SCORED, AREAS, SLOT_SIGMAS, 0.9, soft=True).tolist() == [0, 3, 2, 1]
    assert SCORED.tolist() == [0.9, 0.8, 0.85, 0.5]
    many = np.arange(30)[:, None, None] * np.full((1, 294, 2), 1e4)  # none is like another
    scores = np.linspace(0, 1, 30)
    kept = oks_nms(many, scores, np.full(30, 1e4), SLOT_SIGMAS, 0.9, soft=True)
    assert kept.tolist() == list(range(29, 9, -1))


def test_the_mean_area_of_two_counts():
    points = np.array([[[0.0, 0]], [[4, 0]]])
    # 16 / (8 / 16 * (60 + 4) / 2) = 1: they are alike by 0.3679
    for threshold, kept in ((0.36, [0]), (0.37, [0, 1])):
        found = oks_nms(points, np.array([0.9, 0.8]), np.array([60.0, 4.0]), [0.25], threshold)
        assert found.tolist() == kept


def test_soft_lowers_scores_by_the_square_of_the_similarity():
    # Area 2: 8 / 16 * 2 = 1, so two points d apart are alike by exp(-d²): 0.8 and 0.3 to the first.
    places = [0, np.sqrt(-np.log(0.8)), -np.sqrt(-np.log(0.3))]
    points = np.array([[[place, 0]] for place in places])
    # 0.9 exp(-0.64 / 0.9) = 0.442 is less than 0.5 exp(-0.09 / 0.9) = 0.452
    scores, areas = np.array([1, 0.9, 0.5]), np.full(3, 2.0)
    assert oks_nms(points, scores, areas, [0.25], 0.9, soft=True).tolist() == [0, 2, 1]
