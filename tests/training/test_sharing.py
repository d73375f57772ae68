"""Which rows of a batch each replica computes."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from aifashion.errors import Exit, Failure
from aifashion.training.sharing import Sharing


@dataclass(frozen=True)
class Replicas:
    """Stands for a Cluster: `replicas` devices over `workers` processes, none of them there."""

    replicas: int = 1
    workers: int = 1
    worker: int = 0

    @property
    def own_replicas(self) -> range:
        each = self.replicas // self.workers
        return range(self.worker * each, (self.worker + 1) * each)

    def per_replica(self, value):
        return {replica: value(replica) for replica in self.own_replicas}


def rows_of(sharing: Sharing, batch_size: int) -> list[tuple[float, dict[int, list]]]:
    """(share, rows of each replica) part by part, as one process computes them."""
    # A process is handed the rows it asks for, each of which here holds its own number.
    own = {"x": sharing.own_rows.astype(np.float32)}
    if sharing.cluster.replicas == sharing.parts == 1:
        return [(share, {0: part[0]["x"].tolist()}) for share, part in sharing.split((own, own))]
    return [
        (share, {replica: inputs["x"].numpy().tolist() for replica, (inputs, _) in part.items()})
        for share, part in sharing.split((own, own))
    ]


def test_one_device_computes_all():
    assert rows_of(Sharing(Replicas(), 3), 3) == [(1.0, {0: [0, 1, 2]})]


def test_two_devices_in_two_parts():
    # 7 rows: parts of 4 and 3, of which the second device gets 2 and 1.
    assert rows_of(Sharing(Replicas(2), 7, 2), 7) == [
        (4 / 7, {0: [0, 1], 1: [2, 3]}),
        (3 / 7, {0: [4, 5], 1: [6]}),
    ]


def test_two_processes_hold_their_own_rows():
    first, second = (Sharing(Replicas(2, 2, worker), 7, 2) for worker in (0, 1))
    assert_array_equal(first.own_rows, [0, 1, 4, 5])
    assert_array_equal(second.own_rows, [2, 3, 6])
    assert rows_of(first, 7) == [(4 / 7, {0: [0, 1]}), (3 / 7, {0: [4, 5]})]
    assert rows_of(second, 7) == [(4 / 7, {1: [2, 3]}), (3 / 7, {1: [6]})]


@pytest.mark.parametrize("batch_size", [6, 7, 11])
@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize(("replicas", "workers"), [(1, 1), (2, 1), (3, 1), (2, 2)])
def test_every_row_is_computed_once(replicas, workers, parts, batch_size):
    shares, rows, sizes = [], [], []
    for worker in range(workers):
        sharing = Sharing(Replicas(replicas, workers, worker), batch_size, parts)
        computed = rows_of(sharing, batch_size)
        assert len(computed) == parts
        shares.append([share for share, _ in computed])
        for _, by_replica in computed:
            assert list(by_replica) == list(sharing.cluster.own_replicas)
            sizes += [len(own) for own in by_replica.values()]
            rows += [row for own in by_replica.values() for row in own]
    assert sorted(rows) == list(range(batch_size))
    assert min(sizes) >= 1 and max(sizes) - min(sizes) <= 1
    assert sum(shares[0]) == pytest.approx(1) and shares[0] == shares[-1]


@pytest.mark.parametrize(("replicas", "parts", "least"), [(2, 1, 2), (1, 2, 2), (2, 2, 4)])
def test_too_few_rows_are_refused(replicas, parts, least):
    with pytest.raises(Failure, match=f"Raise it to {least} at least") as refused:
        Sharing(Replicas(replicas), least - 1, parts)
    assert refused.value.exit_code == Exit.USAGE
    assert Sharing(Replicas(replicas), least, parts).own_rows.size == least


# === Finer ===


def test_finer_doubles_the_parts_down_to_a_row_a_device():
    sharing, parts = Sharing(Replicas(2), 7), []
    for _ in range(2):
        sharing = sharing.finer(MemoryError())
        parts.append(sharing.parts)
    assert parts == [2, 3]  # of 3, 2 and 2 rows
    with pytest.raises(Failure, match="out of memory with 3 parts") as refused:
        sharing.finer(MemoryError("no room for tensor\n of shape [9]"))
    assert refused.value.exit_code == Exit.ENVIRONMENT
    for remedy in ("--batch-size", "training.accumulation", "training.precision=bfloat16"):
        assert remedy in str(refused.value)
    assert "(no room for tensor of shape [9])" in str(refused.value)


def test_one_of_several_processes_does_not_go_finer_alone():
    with pytest.raises(Failure, match="out of memory with 1 parts"):
        Sharing(Replicas(2, 2), 8).finer(MemoryError())
