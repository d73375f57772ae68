"""One process a folder: the kernel holds the lock and frees it however the process ends."""

import errno
import fcntl
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aifashion.errors import Exit, Failure
from aifashion.progress import warn

NAME = ".lock"
_UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
_HOLDER = re.compile(r"([1-9][0-9]{0,9}) ([A-Za-z0-9_.-]{1,255})\n")  # process id, host

_held: set[int] = set()  # descriptors of the locks that this process holds


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Holds a folder, made where it is missing, for this process alone; does not wait for it.

    Where the file system knows no locks, a warning is given and the work goes on unlocked.

    Raises:
        Failure: USAGE, naming the process, where another one holds the folder, or this one does
            already; ENVIRONMENT where the folder or the lock's file cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # CLOEXEC: a program started from here would hold the lock after this one's death.
        # NOFOLLOW: the file is emptied, and a link in a stranger's folder may name any file.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(folder / NAME, flags, 0o666)
    except OSError as error:
        raise _failure(folder, error) from None
    try:
        _take(folder, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    _held.add(descriptor)
    try:
        yield
    finally:
        # A child born by fork has let go of the lock already and must not close the number again.
        if descriptor in _held:
            _held.remove(descriptor)
            # The file stays: were it removed, two processes could lock two files of that name.
            _write(descriptor, "")
            os.close(descriptor)


def _take(folder: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Failure(Exit.USAGE, f"{folder}: {_holder(descriptor)}") from None
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise _failure(folder, error) from None
        warn(f"{folder}: its file system has no locks; start no second process on this run.")
    _write(descriptor, f"{os.getpid()} {socket.gethostname()}\n")


def _write(descriptor: int, text: str) -> None:
    with suppress(OSError):  # a full disk: the lock holds without its holder's name
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)


def _holder(descriptor: int) -> str:
    """Who holds the lock, as the file says; it may be anyone's, or not be written yet."""
    content = ""
    with suppress(OSError):
        content = os.pread(descriptor, 300, 0).decode(errors="replace")
    match = _HOLDER.fullmatch(content)
    if match is None or not _may_live(int(match[1]), match[2]):
        return "another process is training this run. Wait for it or stop it."
    return (
        f"process {match[1]} on host {match[2]} is training this run. "
        f"Wait for it or stop it (kill {match[1]})."
    )


def _may_live(pid: int, host: str) -> bool:
    """Whether a process may be there: a number left by a dead one could be a stranger's soon."""
    try:
        if host == socket.gethostname():
            os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another person's
        return True
    return True


def _failure(folder: Path, error: OSError) -> Failure:
    return Failure(
        Exit.ENVIRONMENT,
        f"{folder}: cannot be locked: {error.strerror}. Choose a folder that is yours to write.",
    )


def _forget() -> None:
    """In a child born by fork: the lock is its parent's, and must end with its parent."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget)
