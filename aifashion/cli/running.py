"""Runs a command: failures become one line and an exit code; heavy imports wait until here."""

import argparse
import logging
import os
import sys
from collections.abc import Callable

from aifashion.errors import Exit, Failure


def run(command: Callable, arguments: argparse.Namespace) -> int:
    """Runs a command; a failure becomes one line on the error stream and its exit code."""
    # TensorFlow and gRPC log pages of what concerns nobody here; a person may ask for it again.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").addFilter(_is_news)
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    try:
        command(arguments)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return int(failure.exit_code)
    except BrokenPipeError:  # whoever read the output has seen enough: `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)
    return int(Exit.DONE)


def _is_news(record: logging.LogRecord) -> bool:
    """Not so: functions of several networks are of course traced several times."""
    return "triggered tf.function retracing" not in record.getMessage()


def load_api(gpus: tuple[int, ...] | None = None):
    """The api, with TensorFlow and the devices behind it."""
    from aifashion.progress import quiet_start

    with quiet_start():
        from aifashion import api

        missing = api.use_gpus(gpus)
    for index in missing:
        print(f"warning: --gpu {index}: no such device; going on without it", file=sys.stderr)
    return api
