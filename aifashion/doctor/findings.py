"""What is wrong with an environment, from its description alone."""

import re

from aifashion.doctor.machine import NO_AVX
from aifashion.doctor.software import OPENCV, RANGES

STRICT = ("tensorflow", "keras")  # outside their range nothing is known to work
LITTLE_DISK_GB = 2
GPU_REMEDY = "pip install 'aifashion[gpu]'"
LOUD = "TensorFlow says why with: TF_CPP_MIN_LOG_LEVEL=0 python -m aifashion doctor"


def judge(report: dict) -> list[dict]:
    """The findings, errors first: {"level": "error" or "warning", "what", "remedy"}.

    Args:
        report: as `aifashion.doctor.describe` makes it.
    """
    found = [*_libraries(report), *_starting(report), *_gpus(report), *_places(report)]
    return sorted(found, key=lambda finding: finding["level"] != "error")


def errors_in(report: dict) -> list[dict]:
    """The findings with which commands cannot be trusted to work."""
    return [finding for finding in report["findings"] if finding["level"] == "error"]


def notes_on(report: dict) -> list[str]:
    """What is worth a word and harmless."""
    version = report["tensorflow_addons"]
    if version is None:
        return []
    return [
        f"tensorflow-addons {version} found: not used; it cannot be imported with Keras 3. "
        "Harmless; remove with: pip uninstall tensorflow-addons"
    ]


def _error(what: str, remedy: str) -> dict:
    return {"level": "error", "what": what, "remedy": remedy}


def _warning(what: str, remedy: str) -> dict:
    return {"level": "warning", "what": what, "remedy": remedy}


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def _libraries(report: dict) -> list[dict]:
    versions = report["libraries"]
    found = [finding for name in versions for finding in _library(name, versions[name])]
    opencv = [name for name in versions if name in OPENCV]
    if len(opencv) > 1:
        remedy = f"pip uninstall {' '.join(opencv)}; pip install 'opencv-python-headless>=5'"
        found.append(_warning(f"{' and '.join(opencv)} overwrite one another's files.", remedy))
    return found


def _library(name: str, version: str | None) -> list[dict]:
    """What is wrong with one library's version."""
    lowest, below = RANGES.get(name, RANGES["opencv-python-headless"])  # all of OpenCV's alike
    wanted = f"{name}>={lowest}" + (f",<{below}" if below else "")
    remedy = f"pip install '{wanted}'"
    if version is None:
        return [_error(f"{name} is missing.", remedy)]
    too_old = _numbers(version) < _numbers(lowest)
    if not too_old and (below is None or _numbers(version) < _numbers(below)):
        return []
    of_kind = _error if name in STRICT else _warning
    why = " Older ones have known faults in security." if too_old and name == "keras" else ""
    return [of_kind(f"{name} {version} is not {wanted}.{why}", remedy)]


def _starting(report: dict) -> list[dict]:
    """Keras' backend, and whether TensorFlow and OpenCV can be imported at all."""
    found = []
    backend = report["keras_backend"]
    if backend != "tensorflow":
        remedy = "export KERAS_BACKEND=tensorflow"
        found.append(_error(f"Keras' backend is {backend!a}, not tensorflow.", remedy))
    problem = report["devices"].get("error")
    if problem and backend == "tensorflow":  # else that is the reason
        remedy = f"Install anew into a fresh environment. {LOUD}"
        if problem == NO_AVX:
            remedy = "Use another machine, or a TensorFlow built for this one."
        found.append(_error(f"TensorFlow does not start ({problem}).", remedy))
    if report["pictures_error"]:
        what = f"Pictures cannot be read ({report['pictures_error']})."
        found.append(_error(what, "pip install --force-reinstall 'opencv-python-headless>=5'"))
    return found


def _gpus(report: dict) -> list[dict]:
    driver, devices = report["nvidia_smi"], report["devices"]
    if driver["error"]:
        what = f"nvidia-smi is there but fails ({driver['error']})."
        return [_warning(what, "Mend NVIDIA's driver, or go on without a GPU.")]
    if not driver["gpus"] or devices.get("error") or devices["gpus"]:
        return []
    what = f"nvidia-smi sees {len(driver['gpus'])} GPU(s), TensorFlow none"
    hiding = report["variables"]["CUDA_VISIBLE_DEVICES"]
    if hiding is not None and hiding.strip() in ("", "-1", "NoDevFiles"):
        hidden = f"{what}: CUDA_VISIBLE_DEVICES={hiding} hides them."
        return [_warning(hidden, "unset CUDA_VISIBLE_DEVICES, if that was not meant.")]
    if not devices["cuda_built"]:
        return [_warning(f"{what}: it is built without CUDA.", GPU_REMEDY)]
    return [_warning(f"{what}.", f"{GPU_REMEDY}. {LOUD}")]


def _places(report: dict) -> list[dict]:
    """Disks, folders and the names of files."""
    found = []
    for name, place in report["disks"].items():
        if not place["writable"]:
            remedy = "Start elsewhere, or name folders with --run and --out-path."
            found.append(_warning(f"{name}: not yours to write.", remedy))
        elif place["free_gb"] is not None and place["free_gb"] < LITTLE_DISK_GB:
            what = f"{name}: {place['free_gb']} GB free, little for the checkpoints of a run."
            found.append(_warning(what, "Free space, or name another disk with --run."))
    if not report["writable"]["keras_cache"]:
        what = "Keras' cache is not yours to write: ImageNet weights cannot be kept."
        found.append(_warning(what, "export KERAS_HOME=DIR, or train with --weights none"))
    encoding = report["locale"]["file_names"]
    if encoding.lower().replace("-", "") != "utf8":
        what = f"Names of files are taken for {encoding}: those of other scripts cannot be opened."
        found.append(_warning(what, "export PYTHONUTF8=1"))
    return found
