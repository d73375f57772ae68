"""Reading a trace: what counts as computing, for how long, and under which name."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tensorflow.tsl.profiler.protobuf.xplane_pb2 import XSpace

from aifashion.training import trace


def add_line(plane, name: str, events: list[tuple], start_ns: int = 0) -> None:
    """A line of (name, start in ms, duration in ms, statistics) events."""
    line = plane.lines.add(name=name, timestamp_ns=start_ns)
    for text, start, duration, *stats in events:
        key = len(plane.event_metadata) + 1
        plane.event_metadata[key].name = text
        times = {"offset_ps": int(start * 1e9), "duration_ps": int(duration * 1e9)}
        event = line.events.add(metadata_id=key, **times)
        for stat, value in (stats[0] if stats else {}).items():
            number = len(plane.stat_metadata) + 1
            plane.stat_metadata[number].name = stat
            plane.stat_metadata[number + 1].name = value
            event.stats.add(metadata_id=number, ref_value=number + 1)


def saved(space: XSpace, tmp_path):
    path = tmp_path / "vm.xplane.pb"
    path.write_bytes(space.SerializeToString())
    return path


def device(*spans: tuple[float, float]) -> trace.Device:
    starts, ends = np.array(spans, float).reshape(-1, 2).T
    return trace.Device("d", ("Conv2D",) * len(spans), starts, ends)


@pytest.mark.parametrize(
    ("spans", "busy"),
    [
        ([], 0),
        ([(1, 2)], 1),
        ([(1, 2), (4, 6)], 3),
        ([(4, 6), (1, 5)], 5),  # overlapping, not in order
        ([(0, 10), (1, 2), (3, 4), (9, 12)], 12),  # some within another
    ],
)
def test_busy_is_the_union(spans, busy):
    assert_allclose(device(*spans).busy, busy)


def test_the_hosts_operations(tmp_path):
    space = XSpace()
    host = space.planes.add(name="/host:CPU")
    add_line(host, "python", [("EagerExecute", 0, 90), ("cpn/x/Add:AddV2", 1, 2)])
    compute = [
        ("ExecutorState::Process", 0, 50),
        ("ThreadpoolListener::Record", 0, 50),
        ("cpn/conv/Conv2D:_MklNativeConv2D", 2, 4),
        ("call:StatefulPartitionedCall", 0, 60),
        ("cpn/relu:Relu", 10, 1),
    ]
    add_line(host, "tf_Compute/17", compute)
    add_line(host, "tf_Compute/18", [("cpn/conv2/Conv2D:Conv2D", 0, 3)], start_ns=20_000_000)
    add_line(host, "tf_data_private_threadpool/3", [("PyFunc:PyFunc", 0, 80)])
    space.planes.add(name="Task Environment")
    (found,) = trace.read(saved(space, tmp_path), has_gpus=False)
    assert_allclose(found.busy, 0.001 * (5 + 1 + 3))  # 1 to 6, 10 to 11, 20 to 23
    times = trace.times([found])
    assert list(times) == ["Conv2D", "AddV2", "Relu"]
    assert_allclose(list(times.values()), [0.007, 0.002, 0.001])


def test_gpus_come_before_the_host(tmp_path):
    space = XSpace()
    add_line(space.planes.add(name="/host:CPU"), "tf_Compute/1", [("a:Conv2D", 0, 50)])
    for number in (0, 1):
        events = [
            ("void cutlass", 0, 10, {"tf_op": "cpn/conv/Conv2D:Conv2D"}),
            ("fusion kernel", 10, 5, {"hlo_op": "loop_fusion.12"}),
            ("MemcpyH2D", 30, number + 1),
        ]
        add_line(space.planes.add(name=f"/device:GPU:{number}"), "Stream #13(Compute)", events)
    found = trace.read(saved(space, tmp_path), has_gpus=True)
    assert_allclose([gpu.busy for gpu in found], [0.016, 0.017])
    times = trace.times(found)
    assert list(times) == ["Conv2D", "loop_fusion", "MemcpyH2D"]
    assert_allclose(list(times.values()), [0.02, 0.01, 0.003])


def test_a_gpu_that_left_nothing_is_not_taken_for_idle(tmp_path):
    space = XSpace()
    add_line(space.planes.add(name="/host:CPU"), "tf_Compute/1", [("a:Conv2D", 0, 50)])
    space.planes.add(name="/device:GPU:0")
    with pytest.raises(ValueError, match="CUPTI"):
        trace.read(saved(space, tmp_path), has_gpus=True)
