"""The doors and the verbs: they parse, call the api, and turn failures into one line and a code.

Nothing heavy is imported before a command is known to run, so that `--help` answers at once.

doors.py    train.py, test.py, demo.py        flags.py      types of arguments, shared flags
verbs.py    aifashion VERB                    running.py    runs a command, loads the api
"""

from aifashion.cli.doors import demo_main, test_main, train_main
from aifashion.cli.verbs import main

__all__ = ["demo_main", "main", "test_main", "train_main"]
