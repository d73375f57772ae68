"""One process a folder, told apart by real processes that are killed with SIGKILL."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aifashion.errors import Exit, Failure
from aifashion.locks import hold

ROOT = Path(__file__).parents[1]
HOLDER = """
import os, subprocess, sys
from pathlib import Path
from aifashion.locks import hold

child = None
with hold(Path(sys.argv[1])):
    if sys.argv[2] == "program":  # all that may be inherited is
        child = subprocess.Popen(["sleep", "60"], close_fds=False, stdout=subprocess.DEVNULL).pid
    if sys.argv[2] == "fork" and os.fork() == 0:
        print(os.getpid(), flush=True)  # by the child, once it has let go of what it inherited
        os.close(1)
        os.read(0, 1)  # lives until the test closes the pipe
        os._exit(0)
    if sys.argv[2] != "fork":
        print(child or 0, flush=True)
    sys.stdin.read()
    if sys.argv[2] == "fails":
        raise SystemExit(3)
if sys.argv[2] == "goes on":
    print("out", flush=True)
    sys.stdin.read(1)
"""


@contextmanager
def holder(folder: Path, way: str = "") -> Iterator[tuple[subprocess.Popen, int]]:
    """A process that holds a folder until its input ends, and its child's id."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLDER, str(folder), way]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def refusal(folder: Path, exit_code: Exit = Exit.USAGE) -> str:
    with pytest.raises(Failure) as caught, hold(folder):
        pytest.fail("held")
    assert caught.value.exit_code == exit_code and "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{folder}: ")
    return str(caught.value).removeprefix(f"{folder}: ")


def named(pid: int, host: str = "") -> str:
    host = host or socket.gethostname()
    return (
        f"process {pid} on host {host} is training this run. Wait for it or stop it (kill {pid})."
    )


UNNAMED = "another process is training this run. Wait for it or stop it."


# === One process ===


def test_a_new_folder(tmp_path):
    with hold(tmp_path / "new/run"):
        content = (tmp_path / "new/run/.lock").read_text()
        assert content == f"{os.getpid()} {socket.gethostname()}\n"
    assert (tmp_path / "new/run/.lock").read_text() == ""


def test_the_same_process_twice(tmp_path):
    before = sorted(Path("/proc/self/fd").iterdir())
    with hold(tmp_path):
        assert refusal(tmp_path) == named(os.getpid())
        assert refusal(tmp_path) == named(os.getpid())  # a refusal frees nothing
        with hold(tmp_path / "other"):
            pass
    with hold(tmp_path):
        pass
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_what_happens_inside_passes_and_frees(tmp_path):
    for error in (BlockingIOError("of the work"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught, hold(tmp_path):
            raise error
        assert caught.value is error
    with hold(tmp_path):
        pass


# === Two processes ===


def test_another_process_is_named(tmp_path):
    with holder(tmp_path) as (process, _):
        assert refusal(tmp_path) == named(process.pid)
        process.stdin.close()
        assert process.wait(20) == 0
        with hold(tmp_path):
            pass


def test_a_process_that_lives_on_after_its_work(tmp_path):
    with holder(tmp_path, "goes on") as (process, _):
        assert refusal(tmp_path) == named(process.pid)
        process.stdin.close()
        assert process.stdout.readline() == "out\n"
        with hold(tmp_path):
            pass


@pytest.mark.parametrize("code", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_frees_its_folder(tmp_path, code):
    with holder(tmp_path) as (process, _):
        process.send_signal(code)
        assert process.wait(20) == -code
        assert (tmp_path / ".lock").read_text() == f"{process.pid} {socket.gethostname()}\n"
        with hold(tmp_path):  # the file that is left over names the dead one
            assert (tmp_path / ".lock").read_text() == f"{os.getpid()} {socket.gethostname()}\n"
            assert refusal(tmp_path) == named(os.getpid())


def test_a_process_that_fails_frees_its_folder(tmp_path):
    with holder(tmp_path, "fails") as (process, _):
        process.stdin.close()
        assert process.wait(20) == 3
        with hold(tmp_path):
            pass


@pytest.mark.parametrize("way", ["program", "fork"])
def test_children_do_not_keep_a_killed_parents_folder(tmp_path, way):
    with holder(tmp_path, way) as (process, child):
        assert refusal(tmp_path) == named(process.pid)
        process.kill()
        process.wait(20)
        try:
            os.kill(child, 0)  # it lives
            with hold(tmp_path):
                pass
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_forked_child_that_leaves_does_not_free_its_parents_folder(tmp_path):
    with hold(tmp_path):
        script = (
            "import os, sys\nfrom pathlib import Path\nfrom aifashion.locks import hold\n"
            "folder = Path(sys.argv[1])\n"
            "with hold(folder):\n    pid = os.fork()\n    if pid: os.waitpid(pid, 0)\n"
            "    if pid: print((folder / '.lock').read_text().split()[0] == str(os.getpid()))\n"
        )
        command = [sys.executable, "-c", script, str(tmp_path / "other")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


# === What the file holds ===


CONTENTS = {
    "empty": b"",
    "another kind": b"\x80\x00\xff\n",
    "a large one": b"1 host\n" * 100_000,
    "a group": b"0 host\n",
    "all": b"-1 host\n",
    "no host": b"%d\n" % os.getpid(),
    "an escape": b"%d \x1b[2J\n" % os.getpid(),
    "a number beyond": b"9999999999 " + socket.gethostname().encode() + b"\n",
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_any_content(tmp_path, kind):
    file = tmp_path / ".lock"
    file.write_bytes(CONTENTS[kind])
    with hold(tmp_path):  # nobody holds it, whatever the file says
        assert file.read_text() == f"{os.getpid()} {socket.gethostname()}\n"
        file.write_bytes(CONTENTS[kind])
        assert refusal(tmp_path) == UNNAMED
        assert file.read_bytes() == CONTENTS[kind]  # who is refused writes nothing


def test_a_dead_process_is_not_named_and_one_elsewhere_is(tmp_path):
    child = subprocess.Popen(["true"])
    child.wait()
    with hold(tmp_path):
        (tmp_path / ".lock").write_text(f"{child.pid} {socket.gethostname()}\n")
        assert refusal(tmp_path) == UNNAMED
        (tmp_path / ".lock").write_text(f"{child.pid} node-7.cluster\n")
        assert refusal(tmp_path) == named(child.pid, "node-7.cluster")


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "mine").write_text("precious")
    (tmp_path / ".lock").symlink_to(tmp_path / "mine")
    assert "cannot be locked" in refusal(tmp_path, Exit.ENVIRONMENT)
    assert (tmp_path / "mine").read_text() == "precious"


# === File systems ===


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_locks(monkeypatch, tmp_path, capsys, code):
    def refuse(descriptor, operation):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    done = []
    with hold(tmp_path):
        done.append(True)
    warning = f"warning: {tmp_path}: its file system has no locks; start no second process on"
    assert done and capsys.readouterr().err == f"{warning} this run.\n"


def test_other_faults_of_the_file_system_are_told(monkeypatch, tmp_path):
    def refuse(descriptor, operation):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", refuse)
    before = sorted(Path("/proc/self/fd").iterdir())
    assert refusal(tmp_path, Exit.ENVIRONMENT).startswith("cannot be locked: Input/output error.")
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_a_full_disk_locks_without_a_name(monkeypatch, tmp_path):
    def refuse(descriptor, data, position):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", refuse)
    with hold(tmp_path):
        assert refusal(tmp_path) == UNNAMED


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "taken").touch()
    for folder in (tmp_path / "taken", tmp_path / "taken/run"):
        assert "cannot be locked" in refusal(folder, Exit.ENVIRONMENT)
    (tmp_path / ".lock").mkdir()
    assert "Is a directory" in refusal(tmp_path, Exit.ENVIRONMENT)
