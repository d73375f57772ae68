"""The description of an environment as aligned text."""


def lines(report: dict) -> str:
    """The report for a person: a row a subject, then notes and findings.

    Args:
        report: as `aifashion.doctor.describe` makes it.
    """
    rows = [*_software(report), *_machine(report), *_variables(report)]
    wide = max(len(name) for name, _ in rows)
    text = [f"{name:<{wide}}  {_printable(value)}" for name, value in rows]
    text += [f"note: {note}" for note in report["notes"]]
    text += [f"{f['level']}: {f['what']} Remedy: {f['remedy']}" for f in report["findings"]]
    if not report["findings"]:
        text.append("nothing wrong found")
    return "\n".join(text)


def _software(report: dict) -> list[tuple[str, str]]:
    python, devices = report["python"], report["devices"]
    where = "virtual environment" if python["virtual_environment"] else "no virtual environment"
    cuda = {True: ", built with CUDA", False: ", built without CUDA", None: ""}
    beside = {
        "tensorflow": cuda[devices.get("cuda_built")],
        "keras": f", backend {report['keras_backend']}",
    }
    return [
        ("aifashion", report["aifashion"]),
        ("python", f"{python['version']} {python['implementation']}, {where}"),
        ("system", _joined(report["system"]["name"], report["system"]["platform"])),
        *(
            (name, f"{version or 'missing'}{beside.get(name, '')}")
            for name, version in report["libraries"].items()
        ),
        *((f"extra {name}", version or "missing") for name, version in report["extras"].items()),
    ]


def _machine(report: dict) -> list[tuple[str, str]]:
    processor, memory, limits = report["processor"], report["memory"], report["limits"]
    cores = f"{processor['usable']} of {processor['cores']} cores usable"
    words = report["locale"]
    return [
        ("processor", _joined(processor["name"], cores, " ".join(processor["instructions"]))),
        ("memory", f"{_gb(memory['total_gb'])}, {_gb(memory['available_gb'])} available"),
        ("cgroup limits", _limits(limits)),
        *(
            (f"disk: {name}", f"{_gb(place['free_gb'])} free, {_writable(place['writable'])}")
            for name, place in report["disks"].items()
        ),
        *_gpus(report["devices"]),
        ("nvidia-smi", _driver(report["nvidia_smi"])),
        ("locale", f"{words['locale']}, file names {words['file_names']}"),
        *((name, _writable(yes)) for name, yes in _folders(report["writable"])),
    ]


def _gpus(devices: dict) -> list[tuple[str, str]]:
    if devices.get("error"):
        return [("GPUs", f"not known: {devices['error']}")]
    if not devices["gpus"]:
        return [("GPUs", "TensorFlow sees none")]
    rows = []
    for index, gpu in enumerate(devices["gpus"]):
        room, compute = gpu.get("memory_gb"), gpu.get("compute_capability")
        compute = f"compute capability {compute}" if compute else None
        rows.append((f"GPU {index}", _joined(gpu["name"], _gb(room) if room else None, compute)))
    return rows


def _driver(driver: dict) -> str:
    if not driver["found"]:
        return "not found"
    return driver["error"] or "; ".join(driver["gpus"]) or "sees no GPU"


def _limits(limits: dict) -> str:
    cores, room = limits["cores"], limits["memory_gb"]
    return _joined(f"{cores} cores" if cores else None, _gb(room) if room else None) or "none"


def _folders(writable: dict) -> list[tuple[str, bool]]:
    return [("home", writable["home"]), ("Keras' cache", writable["keras_cache"])]


def _variables(report: dict) -> list[tuple[str, str]]:
    values = report["variables"].items()
    return [(name, "not set" if value is None else value or "(empty)") for name, value in values]


def _writable(yes: bool) -> str:
    return "writable" if yes else "not writable"


def _gb(size: float | None) -> str:
    return "unknown" if size is None else f"{size:.1f} GB"


def _joined(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)


def _printable(value: str) -> str:
    """A variable may hold anything; a terminal is to show it in one line."""
    return value if value.isascii() and value.isprintable() else ascii(value)
