"""Processes of a test's own, alone or as workers that train together."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from support import ROOT


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int  # minus the signal's number, where one ended it
    out: str
    error: str
    seconds: float  # after the first of the processes that were started together


def run(
    commands: Sequence[Sequence],
    environments: Sequence[dict],
    wait_for: Sequence[int] | None = None,
    most: float = 300.0,
) -> list[Ended]:
    """Runs Python programs at the same time, until all have ended; `most` seconds at most.

    Args:
        commands: the program and its arguments, relative to the repository.
        environments: of each, what it has beside this process's own.
        wait_for: the numbers of those that end, where others do not, which are killed.
    """
    with _started(commands, environments) as processes:
        numbers = range(len(processes)) if wait_for is None else wait_for
        began, ended = time.monotonic(), {}
        while len(ended) < len(numbers):
            for number in numbers:
                if processes[number].poll() is not None:
                    ended.setdefault(number, time.monotonic())
            assert time.monotonic() < began + most, f"only {sorted(ended)} of {numbers} ended"
            time.sleep(0.02)
        first = min(ended.values())
        return [
            Ended(processes[n].returncode, *processes[n].communicate(), ended[n] - first)
            for n in numbers
        ]


@contextmanager
def _started(commands, environments) -> Iterator[list[subprocess.Popen]]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    own |= {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "GRPC_VERBOSITY": "ERROR"}
    own.pop("TF_CONFIG", None)
    with ExitStack() as held:
        processes = []
        for command, more in zip(commands, environments, strict=True):
            process = subprocess.Popen(
                [sys.executable, *map(str, command)],
                cwd=ROOT,
                env={**own, **more},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            held.enter_context(process)
            held.callback(process.kill)
            processes.append(process)
        yield processes


def tf_config(count: int = 2) -> list[dict]:
    """The environments of workers on this machine, as TF_CONFIG names them."""
    workers = [f"127.0.0.1:{port}" for port in free_ports(count)]
    return [
        {"TF_CONFIG": json.dumps({"cluster": {"worker": workers}, "task": task})}
        for task in ({"type": "worker", "index": index} for index in range(count))
    ]


def slurm(job: int, count: int = 2) -> list[dict]:
    """The environments of workers on this machine, as a Slurm step names them."""
    step = {
        "SLURM_JOB_ID": str(job),
        "SLURM_STEP_ID": "0",
        "SLURM_STEP_NUM_TASKS": str(count),
        "SLURM_STEP_NODELIST": "127.0.0.1",
        "SLURM_STEP_TASKS_PER_NODE": str(count),
    }
    return [{**step, "SLURM_PROCID": str(task)} for task in range(count)]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
