"""What TensorFlow's profiler wrote: which operation computed from when to when.

A trace (XSpace) has a plane for each device, planes have lines (the host's threads, a GPU's
streams), and lines have events. N operations of a device.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tensorflow.tsl.profiler.protobuf.xplane_pb2 import XEvent, XPlane, XSpace

HOST = "/host:CPU"
GPU = "/device:GPU:"
PICOSECONDS = 1e-12
# Threads of the input pipeline; what they do while the network computes costs it no time.
PIPELINE = "tf_data"
# Operations that stand for others, which have events of their own.
CALLS = ("PartitionedCall", "StatefulPartitionedCall", "If", "While")


@dataclass(frozen=True)
class Device:
    """The operations a device computed."""

    name: str
    kinds: tuple[str, ...]  # (N,) "Conv2D" …
    starts: np.ndarray  # (N,) seconds
    ends: np.ndarray  # (N,) seconds

    @property
    def busy(self) -> float:
        """Seconds in which at least one of the operations was computing."""
        order = np.argsort(self.starts, kind="stable")
        starts, ends = self.starts[order], np.maximum.accumulate(self.ends[order])
        covered = np.concatenate([[-np.inf], ends[:-1]])  # up to here by those before
        return float(np.maximum(ends - np.maximum(starts, covered), 0).sum())


def read(path: Path, has_gpus: bool) -> list[Device]:
    """The devices of a trace: its GPUs, or the host where the machine has none.

    Raises:
        ValueError: where the GPUs have left nothing in the trace.
    """
    space = XSpace()
    space.ParseFromString(path.read_bytes())
    gpus = [_device(plane, _kernel) for plane in space.planes if plane.name.startswith(GPU)]
    gpus = [gpu for gpu in gpus if gpu.kinds]
    if has_gpus and not gpus:
        raise ValueError("the GPU's times are missing: CUDA's CUPTI is not there or not permitted")
    return gpus or [_device(plane, _host_kind) for plane in space.planes if plane.name == HOST]


def times(devices: list[Device]) -> dict[str, float]:
    """Seconds that each kind of operation took, over all devices, the longest first."""
    total = {}
    for device in devices:
        for kind, seconds in zip(device.kinds, device.ends - device.starts, strict=True):
            total[kind] = total.get(kind, 0.0) + float(seconds)
    return dict(sorted(total.items(), key=lambda pair: -pair[1]))


def _device(plane: XPlane, kind_of) -> Device:
    kinds, spans = [], []
    for line in plane.lines:
        if line.name.startswith(PIPELINE):
            continue
        for event in line.events:
            if kind := kind_of(plane, event):
                kinds.append(kind)
                start = 1000 * line.timestamp_ns + event.offset_ps
                spans.append((start, start + event.duration_ps))
    starts, ends = PICOSECONDS * np.array(spans, np.float64).reshape(-1, 2).T
    return Device(plane.name, tuple(kinds), starts, ends)


def _host_kind(plane: XPlane, event: XEvent) -> str | None:
    """The type of an operation's event, "path/name:Type"; None for what is none."""
    _, colon, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
    is_operation = colon and kind.isidentifier() and "::" not in _name(plane, event)
    if not is_operation or kind in CALLS:
        return None
    return kind.lstrip("_").removeprefix("Mkl").removeprefix("Native")  # oneDNN's have prefixes


def _kernel(plane: XPlane, event: XEvent) -> str:
    """The operation that a GPU's event belongs to, else what it is called itself."""
    stats = {plane.stat_metadata[stat.metadata_id].name: stat for stat in event.stats}
    for name in ("hlo_op", "tf_op"):  # of XLA, and without
        if name in stats:
            text = _text(plane, stats[name])
            return text.rpartition(":")[2] if name == "tf_op" else text.rstrip("0123456789.")
    return _name(plane, event)


def _text(plane: XPlane, stat) -> str:
    """A statistic's text, which stands in it or among the plane's names."""
    return stat.str_value or plane.stat_metadata[stat.ref_value].name


def _name(plane: XPlane, event: XEvent) -> str:
    return plane.event_metadata[event.metadata_id].name
