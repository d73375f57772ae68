"""Describes the environment, for a person to send with a report of a fault.

describe() -> dict            what is there and what is wrong with it, as JSON holds it
lines(report) -> str          the same for a person to read

It imports TensorFlow late and only tries to, so that it also answers where nothing else starts.
Of the environment's variables it shows those alone that it names: others may hold secrets.

machine.py     processor, memory, limits, disks, locale
software.py    versions, extras, backend, devices, variables
findings.py    what is wrong, and the remedy
"""

from aifashion import __version__
from aifashion.doctor import machine, software
from aifashion.doctor.findings import errors_in, judge, notes_on
from aifashion.doctor.text import lines

__all__ = ["describe", "errors_in", "lines"]


def describe() -> dict:
    """What the environment is, and what is wrong with it.

    Returns:
        plain values, as JSON holds them. Sizes (`…_gb`) are in units of 10⁹ bytes, None where
        they cannot be read. "findings" lists {"level": "error" or "warning", "what", "remedy"},
        errors first; "notes" lists what is harmless.
    """
    processor = machine.processor()
    devices = {"error": machine.NO_AVX}
    if machine.can_run_tensorflow(processor):
        devices = software.devices()
    libraries = software.libraries()
    # A build of one's own has a version, but not always one that pip knows.
    libraries["tensorflow"] = devices.get("tensorflow") or libraries["tensorflow"]
    report = {
        "aifashion": __version__,
        "python": software.python(),
        "system": machine.system(),
        "libraries": libraries,
        "keras_backend": software.keras_backend(),
        "processor": processor,
        "limits": machine.limits(),
        "memory": machine.memory(),
        "disks": machine.disks(),
        "devices": devices,
        "nvidia_smi": software.nvidia_smi(),
        "pictures_error": software.pictures_error(),
        "extras": software.extras(),
        "tensorflow_addons": software.version_of("tensorflow-addons"),
        "locale": machine.words(),
        "writable": machine.writable(),
        "variables": software.variables(),
    }
    return {**report, "findings": judge(report), "notes": notes_on(report)}
