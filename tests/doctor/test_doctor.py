"""Findings, the text, and `aifashion doctor` as a person runs it."""

import copy
import json
import re
import subprocess
import sys

import pytest
from support import ROOT

from aifashion import doctor, training
from aifashion.cli import main
from aifashion.doctor import findings, machine, software
from aifashion.errors import Exit

GPU = {"name": "Chip 9", "memory_gb": 80.0, "compute_capability": "9.0"}
DRIVER = {"found": True, "gpus": ["Chip 9, 560.1, 81559 MiB"], "error": None}
HEALTHY = {
    "aifashion": "1.2",
    "python": {"version": "3.12.1", "implementation": "CPython", "virtual_environment": True},
    "system": {"name": None, "platform": "Linux-6", "machine": "x86_64"},
    "libraries": {name: lowest for name, (lowest, _) in software.RANGES.items()},
    "keras_backend": "tensorflow",
    "processor": {"name": "Chip", "cores": 8, "usable": 2, "instructions": ["avx", "fma"]},
    "limits": {"cores": None, "memory_gb": None},
    "memory": {"total_gb": 16.0, "available_gb": None},
    "disks": {"working directory": {"free_gb": 40.0, "writable": True}},
    "devices": {"tensorflow": "2.20", "gpus": [GPU], "cuda_built": True},
    "nvidia_smi": DRIVER,
    "pictures_error": None,
    "extras": {"jax": None, "torch": "2.10.0"},
    "tensorflow_addons": None,
    "locale": {"locale": "C.UTF-8", "file_names": "utf-8", "output": "utf-8"},
    "writable": {"home": True, "keras_cache": True},
    "variables": {"TF_CONFIG": None, "CUDA_VISIBLE_DEVICES": ""},
}  # fmt: skip


def changed(path: str, value) -> dict:
    """HEALTHY with one value changed, its path written a/b."""
    report = copy.deepcopy(HEALTHY)
    *parents, name = path.split("/")
    inner = report
    for parent in parents:
        inner = inner[parent]
    inner[name] = value
    return report


def test_a_healthy_environment_has_no_findings():
    assert findings.judge(HEALTHY) == [] and findings.notes_on(HEALTHY) == []


@pytest.mark.parametrize(
    ("path", "value", "level", "what", "remedy"),
    [
        ("libraries/tensorflow", "2.19.1", "error", "2.19.1 is not", "tensorflow>=2.20,<2.22"),
        ("libraries/tensorflow", "2.22.0rc1", "error", "2.22.0rc1", "tensorflow>=2.20,<2.22"),
        ("libraries/tensorflow", "2.22", "error", "2.22 is not", "tensorflow>=2.20,<2.22"),
        ("libraries/tensorflow", None, "error", "missing", "pip install"),
        ("libraries/keras", "3.15.0", "error", "security", "keras>=3.15.1,<4"),
        ("libraries/keras", "4.0.0", "error", "is not keras>=3.15.1,<4.", "keras>=3.15.1,<4"),
        ("libraries/numpy", "1.26.4", "warning", "1.26.4", "'numpy>=2'"),
        ("libraries/numpy", None, "error", "missing", "'numpy>=2'"),
        ("libraries/opencv-python", "5.0", "warning", "overwrite", "uninstall"),
        ("keras_backend", "jax", "error", "jax", "KERAS_BACKEND=tensorflow"),
        ("devices", {"error": "OSError: x"}, "error", "OSError: x", "LOG_LEVEL=0"),
        ("devices", {"error": machine.NO_AVX}, "error", "AVX", "another machine"),
        ("pictures_error", "ImportError: libGL", "error", "libGL", "headless"),
        ("devices/gpus", [], "warning", "hides", "unset CUDA_VISIBLE_DEVICES"),
        ("nvidia_smi/error", "no answer", "warning", "no answer", "driver"),
        ("disks/working directory/free_gb", 0.5, "warning", "0.5 GB", "Free"),
        ("disks/working directory/writable", False, "warning", "not yours", "--run"),
        ("writable/keras_cache", False, "warning", "cache", "KERAS_HOME"),
        ("locale/file_names", "iso8859-1", "warning", "iso8859-1", "PYTHONUTF8=1"),
    ],
)
def test_findings(path, value, level, what, remedy):
    (found,) = findings.judge(changed(path, value))
    assert set(found) == {"level", "what", "remedy"} and found["level"] == level
    assert what in found["what"] and remedy in found["remedy"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("libraries/tensorflow", "2.21.7"),
        ("libraries/keras", "3.16"),
        ("disks/working directory/free_gb", None),
        ("locale/file_names", "UTF8"),
    ],
)
def test_no_false_alarm(path, value):
    assert findings.judge(changed(path, value)) == []


def test_a_version_too_new_is_no_fault_in_security():
    assert "security" not in findings.judge(changed("libraries/keras", "4.0"))[0]["what"]


@pytest.mark.parametrize("built", [True, False])
def test_a_gpu_that_tensorflow_does_not_see(built):
    report = changed("devices", {"tensorflow": "2.20", "gpus": [], "cuda_built": built})
    report["variables"]["CUDA_VISIBLE_DEVICES"] = None
    (found,) = findings.judge(report)
    assert found["level"] == "warning" and "sees 1 GPU(s), TensorFlow none" in found["what"]
    assert "pip install 'aifashion[gpu]'" in found["remedy"]
    assert ("without CUDA" in found["what"]) is not built
    report["nvidia_smi"] = {"found": False, "gpus": [], "error": None}
    assert findings.judge(report) == []


def test_another_backend_is_the_reason_and_not_a_second_error():
    report = changed("devices", {"error": "ModuleNotFoundError: torch"})
    report["keras_backend"] = "torch"
    assert len(findings.judge(report)) == 1


def test_errors_come_first():
    report = changed("libraries/numpy", "1.26")
    report["pictures_error"] = "x"
    report["findings"] = findings.judge(report)
    assert [found["level"] for found in report["findings"]] == ["error", "warning"]
    assert findings.errors_in(report) == report["findings"][:1]


# === Text ===


def text_of(report: dict) -> list[str]:
    judged = {"findings": findings.judge(report), "notes": findings.notes_on(report)}
    return doctor.lines({**report, **judged}).splitlines()


def test_text_is_aligned():
    *rows, last = text_of(HEALTHY)
    assert last == "nothing wrong found"
    assert {re.match(r".*?  +", row).end() for row in rows} == {len("disk: working directory  ")}
    shown = dict(re.split("  +", row, maxsplit=1) for row in rows)
    assert shown["keras"] == "3.15.1, backend tensorflow"
    assert shown["processor"] == "Chip, 2 of 8 cores usable, avx fma"
    assert shown["memory"] == "16.0 GB, unknown available"
    assert shown["cgroup limits"] == "none"
    assert shown["GPU 0"] == "Chip 9, 80.0 GB, compute capability 9.0"
    assert shown["nvidia-smi"] == DRIVER["gpus"][0]
    assert shown["extra jax"] == "missing"
    assert shown["TF_CONFIG"] == "not set" and shown["CUDA_VISIBLE_DEVICES"] == "(empty)"


def test_what_is_not_known_of_a_gpu_is_left_out():
    rows = text_of(changed("devices/gpus", [{"name": "Chip", "compute_capability": None}]))
    assert [row.split("  ")[-1].strip() for row in rows if row.startswith("GPU")] == ["Chip"]


def test_a_finding_is_a_line():
    assert text_of(changed("keras_backend", "jax"))[-1] == (
        "error: Keras' backend is 'jax', not tensorflow. Remedy: export KERAS_BACKEND=tensorflow"
    )


def test_tensorflow_addons_is_named_and_harmless():
    report = changed("tensorflow_addons", "0.23.0")
    assert findings.judge(report) == []
    assert (
        "note: tensorflow-addons 0.23.0 found: not used; it cannot be imported with Keras 3. "
        "Harmless; remove with: pip uninstall tensorflow-addons"
    ) in text_of(report)


def test_a_variable_cannot_forge_a_line():
    rows = text_of(changed("variables/TF_CONFIG", "{}\nerror: \x1b[31m"))
    (row,) = (row for row in rows if row.startswith("TF_CONFIG"))
    assert row.endswith(r"  '{}\nerror: \x1b[31m'")
    assert not any(row.startswith("error") for row in rows)


# === The verb ===


@pytest.fixture
def here(tmp_path, monkeypatch):
    """This environment, with nothing of the machine's GPUs in it."""
    seen = {"tensorflow": "2.21.0", "gpus": [], "cuda_built": False}
    monkeypatch.setattr(training, "describe_devices", lambda: seen)
    monkeypatch.setattr(software.shutil, "which", lambda name: None)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


def test_json_is_one_object_alone(here, capsys):
    assert main(["doctor", "--json"]) == Exit.DONE
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert said.err == "" and set(HEALTHY) | {"findings", "notes"} == set(report)
    assert report["devices"]["gpus"] == [] and doctor.errors_in(report) == []


def test_text_of_this_environment(here, capsys):
    assert main(["doctor"]) == Exit.DONE
    said = capsys.readouterr()
    assert said.err == "" and re.search(
        r"^tensorflow +2\.21\.0, built without CUDA$", said.out, re.M
    )


def test_tensorflows_own_version_counts(here, monkeypatch, capsys):
    seen = {"tensorflow": "2.23.0-dev1", "gpus": [], "cuda_built": False}
    monkeypatch.setattr(training, "describe_devices", lambda: seen)
    assert main(["doctor", "--json"]) == Exit.ENVIRONMENT
    said = capsys.readouterr()
    assert json.loads(said.out)["libraries"]["tensorflow"] == "2.23.0-dev1"
    assert said.err.startswith("error: 1 found; the first: tensorflow 2.23.0-dev1 is not")
    assert said.err.count("\n") == 1


def test_no_avx_no_import(here, monkeypatch):
    monkeypatch.setattr(machine, "can_run_tensorflow", lambda processor: False)
    monkeypatch.setattr(software, "devices", lambda: pytest.fail("imported"))
    assert "AVX" in doctor.errors_in(doctor.describe())[0]["what"]


def test_it_answers_where_keras_does_not_start(tmp_path):
    """A backend that is not installed: every other command ends in a traceback of Keras."""
    code = "import sys; from aifashion.cli import main; sys.exit(main(['doctor', '--json']))"
    environment = {"PATH": "/bin", "HOME": str(tmp_path), "KERAS_BACKEND": "nothing"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == Exit.ENVIRONMENT
    report = json.loads(done.stdout)
    assert "nothing" in report["devices"]["error"] and "nothing" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
