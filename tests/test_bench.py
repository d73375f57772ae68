"""The bench compares what does the same work, and counts it rightly."""

import subprocess
import time
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from small_systems import SGD, make
from small_systems import batch as numbers

from aifashion import bench
from aifashion.bench import loaders, networks, rounds, startup
from aifashion.datasets import fashionai
from aifashion.errors import Exit, Failure
from aifashion.recipes import RECIPES, Augmentation
from aifashion.training import Trainer, set_weights, weights_of
from pipelines import keypoints as pipeline

SIZE, BATCH = 96, 4


@pytest.fixture(scope="module")
def source(sample):
    records = fashionai.read_part(fashionai.find(sample).train[0])[:10]
    return pipeline.Source(records, fashionai.SCHEMA, fashionai.KEYPOINTS, (SIZE, SIZE))


@pytest.fixture(scope="module")
def job(source):
    order = pipeline.Order(len(source.records), BATCH, seed=3)
    return loaders.Job(source, order, Augmentation(), processes=1)


def copies(batches) -> list[dict]:
    """Batches as they are handed over; a slot of shared memory is soon written again."""
    return [{name: np.array(array) for name, array in batch.items()} for batch in batches]


# === Loaders ===


def test_shared_memory_does_our_work(job):
    steps = range(1, 7)  # more than its three slots
    with loaders.shared_memory(job) as load:
        assert list(load(range(0))) == []
        theirs = copies(load(steps))
    ours = copies(inputs | targets for inputs, targets in loaders.ours(job, steps))
    assert len(ours) == len(theirs) == 6
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.keys() == other.keys()
        for name in mine:
            assert_array_equal(mine[name], other[name], err_msg=name)


def test_plain_cv2_does_nearly_the_same(job):
    """All but the pixels is equal; those differ by rounding, and where colours change the grey."""
    bright = replace(job.augmentation, brightness=0.0, contrast=0.0, channels=0.0)  # grey stays
    job = replace(job, augmentation=bright)
    with loaders.shared_memory(job, loaders._use_plain_cv2) as load:
        (theirs,) = copies(load(range(1)))
    (ours,) = copies(inputs | targets for inputs, targets in loaders.ours(job, range(1)))
    for name in ours.keys() - {"image"}:
        assert_array_equal(ours[name], theirs[name], err_msg=name)
    assert np.abs(ours["image"].astype(int) - theirs["image"]).mean() < 1


def test_pickling_yields_every_sample(job):
    with loaders.pickling(job) as load:
        assert list(load(range(0))) == []
        batches = list(load(range(3)))
    assert len(batches) == 3
    for batch in batches:
        assert batch["image"].shape == (BATCH, SIZE, SIZE, 3)
        assert batch["heatmaps"].shape == (BATCH, SIZE // 4, SIZE // 4, 24)
        assert batch["heatmaps"].dtype == np.float32


def test_decoding_yields_every_sample(job):
    assert [batch.shape for batch in loaders.decoding(job, range(3))] == [
        (BATCH, SIZE, SIZE, 3)
    ] * 3


def test_heat_maps_peak_at_their_keypoints():
    # (10, 6) pixels are cell (2, 1): its centre lies at 4 x (2.5, 1.5). Next to it, one cell of
    # a sigma of 2 away: exp(-1 / 8). The second keypoint is absent.
    maps = loaders._heatmaps(np.array([[10.0, 6.0], [10.0, 6.0]]), np.array([2, 0]), (32, 32))
    assert maps.shape == (8, 8, 2)
    assert_allclose(maps[1, 2, 0], 1)
    assert_allclose([maps[1, 3, 0], maps[2, 2, 0]], np.exp(-1 / 8), rtol=1e-6)
    assert not maps[:, :, 1].any()


def test_bytes_a_sample_by_hand(job):
    # image 96 x 96 x 3, mask 24 x 4, record 8, seed 4, keypoints 24 x 2 x 4, visibility 24 x 4
    batch = next(iter(loaders.ours(job, range(1))))
    assert loaders.bytes_per_sample(batch) == 27648 + 96 + 8 + 4 + 192 + 96


def test_slots_do_not_overlap():
    like = {"a": np.zeros((2, 3), np.uint8), "b": np.zeros(5, np.float32)}
    # 6 and 20 bytes take 64 each
    slots = loaders._slots(bytearray(3 * 128), like)
    assert len(slots) == 3
    for number, slot in enumerate(slots):
        slot["a"][:], slot["b"][:] = number + 1, -number
    for number, slot in enumerate(slots):
        assert_array_equal(slot["a"], np.full((2, 3), number + 1))
        assert_array_equal(slot["b"], np.full(5, -number))


def test_a_batch_that_is_kept_is_not_written_again(job):
    kept = [inputs["image"] for inputs, _ in loaders.ours(job, range(12))]
    then = [inputs["image"].numpy() for inputs, _ in loaders.ours(job, range(12))]
    for now, image in zip(kept, then, strict=True):
        assert_array_equal(now, image)


# === Rounds ===


def test_rounds_take_turns_and_drop_the_first():
    calls = []

    def measure(name):
        calls.append(name)
        return len(calls)

    values = rounds.interleave({name: lambda name=name: measure(name) for name in "ab"}, 2)
    assert calls == ["a", "b"] * 3
    assert values == {"a": (3, 5), "b": (4, 6)}


def test_ratios_are_taken_round_by_round():
    # Rounds (the first warms up): 10/5, 30/10, 20/40; their median is 2, that of the speeds 20/10.
    ours, theirs = iter([1, 10, 30, 20]), iter([1, 5, 10, 40])
    measures = {"ours": lambda: next(ours), "theirs": lambda: next(theirs)}
    mine, other = rounds.compare("t", "samples/s", measures, 3, {"theirs": 2.5})
    assert (mine.value, mine.ratio, other.value) == (20, None, 10)
    assert (other.ratios, other.ratio) == ((2, 3, 0.5), 2)


def test_the_table_says_what_was_missed():
    assert rounds.table([]) == ""
    figures = [
        rounds.Figure("speed", "ours", "samples/s", (4.0,)),
        rounds.Figure("speed", "a", "samples/s", (2.0,), (2.0,), 2.0),
        rounds.Figure("speed", "b", "samples/s", (8.0,), (0.5,), 0.6),
        rounds.Figure("speed", "c", "samples/s", (4.0, 4.1), (0.97, 1.01), 1.0),
        rounds.Figure("memory", "peak", "MiB", (1500.0,)),
    ]
    lines = rounds.table(figures).splitlines()
    assert [line.split()[0] for line in lines if line] == [
        "speed",
        "ours",
        "a",
        "b",
        "c",
        "memory",
        "peak",
    ]
    assert lines[2].endswith("target 2 met") and lines[3].endswith("target 0.6 MISSED")
    assert lines[4].endswith("target 1 not told apart")


# === Training ===


def small(recipe=RECIPES["quick"]):
    """A recipe's network, narrow and for small pictures."""
    backbone = replace(recipe.system.backbone, width=8)
    return replace(recipe, system=replace(recipe.system, size=64, width=16, backbone=backbone))


def test_waiting_is_what_the_batches_take():
    def slow(count):
        for _ in range(count):
            time.sleep(0.03)
            yield numbers([1, 2], [3, 6])

    trainer = make(replace(SGD, epochs=1), steps_per_epoch=100)
    with pytest.raises(ZeroDivisionError):
        networks.watched_steps(trainer, slow(0))
    networks.watched_steps(trainer, slow(1))  # compiles
    late = networks.watched_steps(trainer, slow(5), warm_up=2)
    ready = networks.watched_steps(trainer, [numbers([1, 2], [3, 6])] * 5, warm_up=2)
    assert len(late.milliseconds) == len(ready.milliseconds) == 3
    assert min(late.milliseconds) >= 30
    assert late.waiting_share > 50 > 10 > ready.waiting_share


@pytest.mark.parametrize("often", [networks.OFTEN, 0])
def test_large_recipes_take_few_steps_and_say_so(source, monkeypatch, often):
    # 100 and 300 ms a step: 200 on average, and a batch of 16 makes 80 pictures a second.
    asked = []

    def steps(trainer, batches, warm_up):
        asked.append((trainer[2].batch_size, int(batches.cardinality()) - warm_up))
        return networks.Steps((100.0, 300.0), 25.0)

    monkeypatch.setattr(networks, "OFTEN", often)
    monkeypatch.setattr(networks, "watched_steps", steps)
    monkeypatch.setattr(networks.training, "Trainer", lambda *parts: parts)
    figures = networks.fed_figures("mine", small(), replace(source, frame=(64, 64)), rounds=3)
    size, count = (16, networks.STEPS) if often else (2, 2)
    assert asked == [(size, count)] * (3 if often else 1)
    rows = [(figure.name, figure.value, figure.unit) for figure in figures]
    step, speed = ("step", 200, "ms"), ("speed", size / 0.2, "pictures/s")
    assert rows == [step, speed, ("waiting for data", 25, "%")]
    (topic,) = {figure.topic for figure in figures}
    assert topic.startswith(f"training mine from the pipeline, 64 px, batches of {size}")
    assert ("(its own: 16), 2 steps after 1" in topic) == (not often)


# === The rest ===


def test_a_command_that_fails_has_no_time():
    assert startup._seconds(("-c", "pass")) > 0
    with pytest.raises(subprocess.CalledProcessError):
        startup._seconds(("-c", "raise SystemExit(1)"))


def test_rounds_start_at_one():
    with pytest.raises(Failure, match="--rounds 0") as caught:
        bench.main(0)
    assert caught.value.exit_code == Exit.USAGE


@pytest.mark.slow
def test_stock_keras_takes_the_same_step(source):
    """The comparison of steps is fair: from equal weights both reach equal weights."""
    quick = small()
    rate = {"schedule": "constant", "learning_rate": 1e-3}
    steady = replace(quick.training, batch_size=BATCH, clip_norm=0.1, **rate)
    recipe, system = replace(quick, training=steady), quick.system
    order = pipeline.Order(len(source.records), BATCH, seed=0)
    batches = pipeline.training(replace(source, frame=(64, 64)), order, None, range(1))
    inputs, targets = next(iter(batches))

    stock, network = networks.keras_network(recipe), system.build()
    set_weights(stock, weights_of(network))
    before = weights_of(network)
    losses = Trainer(system, network, steady, 10).step((inputs, targets), 0).losses
    packed = networks.keras_targets(stock, inputs, targets)
    own = {name: inputs[name] for name in stock.input}
    total = stock.train_on_batch(own, packed)[0]
    assert_allclose(total, sum(losses.values()), rtol=1e-4)
    theirs = weights_of(stock)
    assert any(np.abs(before[name] - after).max() > 5e-4 for name, after in theirs.items())
    # Adam's first step is the rate times the gradient's sign: where that is about 0, rounding
    # decides, so that a few weights may differ.
    for name, mine in weights_of(network).items():
        assert np.mean(np.abs(mine - theirs[name]) > 1e-5) < 0.01, name
