"""Where the time of a training step goes: waiting for data, the host, the device that computes.

Some steps after warming up are traced by TensorFlow's profiler; what is left of them beside waiting
for the batch and computing is the host's: Python, and sending operations to the device.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import tensorflow as tf

from aifashion.errors import one_line
from aifashion.files import write_json
from aifashion.progress import warn
from aifashion.training import trace
from aifashion.training.loop import Timing

WARM_UP, MOST = 10, 10  # steps
SHOWN = 5  # kinds of operations
LIMIT = 20.0  # % of a step; what waits or dispatches less does not hold the network up


@dataclass(frozen=True)
class Findings:
    """What some steps were found to spend their time on; shares in %, which add up to 100."""

    first_step: int  # counted from 1, as in the history
    last_step: int
    milliseconds: float  # a step
    waiting: float  # for the next batch
    host: float  # Python and dispatch
    computing: float  # at least one operation was; of several GPUs the mean
    operations: dict[str, float]  # kind -> % of the time of all operations, the most first
    verdict: str


def window(steps: range, steps_per_epoch: int) -> range:
    """Which of the steps ahead are profiled: of one epoch, fewer where the run is shorter."""
    first = steps.start + min(WARM_UP, len(steps) // 2)
    end = (first // steps_per_epoch + 1) * steps_per_epoch
    if end - first < MOST and end < steps.stop:
        first, end = end, end + steps_per_epoch
    return range(first, min(first + MOST, end, steps.stop))


class Profile:
    """Profiles some steps of a training, once, and writes profile/ and profile.json."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.steps, self.timings, self.is_tracing = range(0), [], False
        self.findings: Findings | None = None

    def feed(self, batches: Iterable, steps: range, steps_per_epoch: int) -> Iterator[tuple]:
        """Passes the batches of these steps on; the trace begins before one is asked for."""
        self.steps = window(steps, steps_per_epoch)
        iterator = iter(batches)
        try:
            for step in steps:
                if step == self.steps.start and self.findings is None:
                    self._start()
                batch = next(iterator, None)
                if batch is None:
                    return
                yield batch
        finally:  # the training may end amid the profile
            if self.is_tracing:
                self.is_tracing = False
                tf.profiler.experimental.stop(save=False)

    def on_step(self, step: int, timing: Timing) -> str | None:
        """Takes note of a step, counted from 1; after the last one, lines that say what is found"""
        if not self.is_tracing:
            return None
        self.timings.append(timing)
        if step < self.steps.stop:
            return None
        self.is_tracing = False
        try:
            tf.profiler.experimental.stop()
            traces = (self.folder / "profile").rglob("*.xplane.pb")
            newest = max(traces, key=lambda path: path.stat().st_mtime)
            devices = trace.read(newest, bool(tf.config.list_logical_devices("GPU")))
        except (tf.errors.OpError, OSError, ValueError) as error:
            self._tell(error)
            return None
        self.findings = examine(devices, self.timings, self.steps)
        write_json(self.folder / "profile.json", asdict(self.findings))
        return describe(self.findings)

    def _start(self) -> None:
        self.timings = []
        try:
            tf.profiler.experimental.start(str(self.folder / "profile"))
            self.is_tracing = True
        except (tf.errors.OpError, OSError) as error:
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        warn(f"--profile: nothing is measured ({one_line(error)}). Training goes on.")


def examine(devices: list[trace.Device], timings: list[Timing], steps: range) -> Findings:
    """Shares of the steps' time, and what the computing was."""
    whole = sum(timing.whole for timing in timings)
    waiting = 100 * sum(timing.waiting for timing in timings) / whole
    busy = sum(device.busy for device in devices) / max(1, len(devices))
    # Clocks of the loop and of the trace differ by their own overhead.
    computing = min(100 * busy / whole, 100 - waiting)
    host = 100 - waiting - computing
    seconds = trace.times(devices)
    total = sum(seconds.values())
    shares = {kind: 100 * each / total for kind, each in list(seconds.items())[:SHOWN]}
    return Findings(
        first_step=steps.start + 1,
        last_step=steps.stop,
        milliseconds=1000 * whole / len(timings),
        waiting=waiting,
        host=host,
        computing=computing,
        operations=shares,
        verdict=_verdict(waiting, host, computing),
    )


def _verdict(waiting: float, host: float, computing: float) -> str:
    if max(waiting, host) < LIMIT:
        return f"{computing:.0f} % computing: the network is the limit."
    if waiting >= host:
        return (
            f"{waiting:.0f} % waiting for data: more cores, smaller pictures on the disk or fewer "
            "changes to them (augmentation) make it faster."
        )
    return (
        f"{host:.0f} % on the host: larger batches or, on one device, "
        "--set training.jit_compile=true make it faster."
    )


def describe(findings: Findings) -> str:
    """A few aligned lines for a person."""
    rows = {
        "waiting for data": findings.waiting,
        "host": findings.host,
        "computing": findings.computing,
    }
    lines = [f"steps {findings.first_step} to {findings.last_step}, a step:"]
    for name, share in rows.items():
        lines.append(f"  {name:18}{share:5.1f} %{share * findings.milliseconds / 100:9.1f} ms")
    lines.append("of the computing:")
    lines += [f"  {kind:30}{share:5.1f} %" for kind, share in findings.operations.items()]
    return "\n".join([*lines, findings.verdict])
