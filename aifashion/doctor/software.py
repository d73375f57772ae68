"""The software: versions, extras, Keras' backend, devices, and the variables that steer them."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata, util

from aifashion.doctor import machine

# The lowest version of each, and the first too new; as setup.cfg has them.
RANGES = {
    "tensorflow": ("2.20", "2.22"), "keras": ("3.15.1", "4"), "numpy": ("2", None),
    "opencv-python-headless": ("5", None), "safetensors": ("0.5", None), "pandas": ("2.2", None),
    "pycocotools": ("2.0.10", None), "rich": ("14", None), "ml_dtypes": ("0.4", None),
    "h5py": ("3.11", None),
}  # fmt: skip
# As pip names them. Two of OpenCV's would share one folder.
OPENCV = tuple(
    f"opencv{contrib}-python{headless}"
    for contrib in ("", "-contrib")
    for headless in ("-headless", "")
)
LIBRARIES = tuple(dict.fromkeys([*RANGES, *OPENCV]))
EXTRAS = ("tensorboard", "jax", "torch")
VARIABLES = (
    "TF_CONFIG", "CUDA_VISIBLE_DEVICES", "KERAS_BACKEND", "TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS",
)  # fmt: skip
SECRETS = ("JWT", "TOKEN", "SECRET", "PASS", "KEY", "CREDENTIAL")  # Slurm hands out SLURM_JWT
HIDDEN = "(hidden)"
PATIENCE = 20  # seconds; a broken driver can hang nvidia-smi


def python() -> dict:
    """Version, implementation, and whether it is a virtual environment's."""
    return {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "virtual_environment": sys.prefix != sys.base_prefix,
    }


def version_of(name: str) -> str | None:
    """The version pip installed, None where it did not; nothing is imported."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def libraries() -> dict[str, str | None]:
    """The version of each; of OpenCV's packages those that are there, the first if none is."""
    versions = {name: version_of(name) for name in LIBRARIES}
    absent = [name for name in OPENCV if versions[name] is None]
    for name in absent[1:] if len(absent) == len(OPENCV) else absent:
        del versions[name]
    return versions


def extras() -> dict[str, str | None]:
    """The version of each extra, None where it is missing; nothing is imported."""
    there = [name for name in EXTRAS if util.find_spec(name) is not None]
    return {name: (version_of(name) or "?") if name in there else None for name in EXTRAS}


def keras_backend() -> str:
    """The backend Keras will take, found the way Keras does but without importing it."""
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"]
    home = machine.keras_home()
    try:
        settings = json.loads((home / "keras.json").read_text()) if home else {}
    except (OSError, ValueError):
        settings = {}
    return (
        str(settings.get("backend", "tensorflow")) if isinstance(settings, dict) else "tensorflow"
    )


def devices() -> dict:
    """What TensorFlow is and sees; {"error": …} where it, or Keras, cannot be imported."""
    try:
        from aifashion.progress import quiet_start

        with quiet_start():
            from aifashion import training

            return training.describe_devices()
    except Exception as error:  # whatever a broken installation raises belongs in the report
        return {"error": _described(error)}


def pictures_error() -> str | None:
    """Why pictures cannot be read, None where they can: OpenCV may lack libraries of the system."""
    try:
        from aifashion import images  # noqa: F401
    except Exception as error:  # as above
        return _described(error)
    return None


def _described(error: Exception) -> str:
    """Its kind and the beginning of its message, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def nvidia_smi() -> dict:
    """What the driver's own tool says: each GPU's name, driver and memory in one text."""
    path = shutil.which("nvidia-smi")
    if path is None:
        return {"found": False, "gpus": [], "error": None}
    asked = "--query-gpu=name,driver_version,memory.total"
    try:
        done = subprocess.run(
            [path, asked, "--format=csv,noheader"],
            capture_output=True, text=True, errors="replace", timeout=PATIENCE,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"found": True, "gpus": [], "error": f"no answer in {PATIENCE} s"}
    except OSError as error:
        return {"found": True, "gpus": [], "error": _described(error)}
    return {"found": True, **_read_answer(done)}


def _read_answer(done: subprocess.CompletedProcess) -> dict:
    """The GPUs nvidia-smi names, or why it names none; a machine without any is no error."""
    said = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    if done.returncode and "No devices were found" not in said:
        return {"gpus": [], "error": (said or [f"exit code {done.returncode}"])[0]}
    return {"gpus": [line for line in said if line.count(",") >= 2], "error": None}


def variables(environment: Mapping[str, str] = os.environ) -> dict[str, str | None]:
    """VARIABLES, None where not set, and Slurm's; never any other, since they may hold secrets."""
    slurm = sorted(name for name in environment if name.startswith("SLURM_"))
    values = {name: environment.get(name) for name in (*VARIABLES, *slurm)}
    hidden = {name: HIDDEN for name in slurm if any(word in name for word in SECRETS)}
    return {**values, **hidden}
