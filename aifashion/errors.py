"""How a command fails: one line for the person, one exit code for the shell."""

from collections.abc import Sequence
from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    USAGE = 2
    BAD_DATA = 3
    BAD_MODEL = 4
    ENVIRONMENT = 5
    DIVERGED = 6
    INTERRUPTED = 75


class Failure(Exception):
    """A fault the person can mend: the message says where, what is wrong and what to do.

    Several faults found at once are `each` a message; the failure's own tells of the first.
    """

    def __init__(self, exit_code: Exit, message: str, each: Sequence[str] = ()):
        super().__init__(message)
        self.exit_code = exit_code
        self.each = tuple(each) or (message,)


def one_line(error: Exception | str) -> str:
    """What an error says, for a Failure to quote: no line breaks, and not without end."""
    return " ".join(str(error).split())[:200].rstrip(".")
