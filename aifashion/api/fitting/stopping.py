"""Signals while a run trains: the first asks for an end, the second is the end."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

from aifashion.progress import warn

ASKING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_asked() -> Iterator[Callable[[], bool]]:
    """Yields whether SIGINT or SIGTERM has come. The second one ends the process at once.

    Two things wait for signals. The handler runs between two lines of Python, so that the loop
    knows at once; a thread hears of them also while TensorFlow does not come back from a step,
    which is when a person presses Ctrl-C twice.
    """
    asked = []

    def ask(number, frame):
        asked.append(number)
        signal.signal(number, signal.SIG_DFL)

    heard, told = os.pipe()
    os.set_blocking(told, False)
    before = {number: signal.signal(number, ask) for number in ASKING}
    told_before = signal.set_wakeup_fd(told)
    Thread(target=_watch, args=(heard,), daemon=True).start()
    try:
        yield lambda: bool(asked)
    finally:
        signal.set_wakeup_fd(told_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(told)  # which ends the thread


def _watch(heard: int) -> None:
    asked = 0
    while number := os.read(heard, 1):
        if number[0] not in ASKING:
            continue
        asked += 1
        if asked > 1:
            os._exit(128 + number[0])
        warn("stopping once this step is done and saved; a second signal ends at once.")
    os.close(heard)
