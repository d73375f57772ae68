"""Files of others that a network starts from: fetched once into Keras' cache, known by a hash."""

import hashlib
import os
from pathlib import Path

import keras

from aifashion.errors import Exit, Failure, one_line


def fetched(url: str, hashed: str, folder: Path | None = None) -> Path:
    """The path of a file, downloaded where it is not there yet.

    Args:
        url: where it is published; its last part names the file.
        hashed: "md5 …", or "sha256 …", of which the beginning is enough.
        folder: where the file is or shall be; `models` in Keras' cache (`~/.keras`) by default.

    Raises:
        Failure: ENVIRONMENT where it cannot be had, or is there with another content.
    """
    folder = folder or Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"
    path = folder.expanduser().absolute() / url.rpartition("/")[2]
    problem = "it is there, but its content is another: delete it"
    if not path.exists():
        problem = _download(url, path)
    if path.is_file():
        kind, beginning = hashed.split()
        with path.open("rb") as file:
            if hashlib.file_digest(file, kind).hexdigest().startswith(beginning):
                return path
    raise Failure(
        Exit.ENVIRONMENT,
        f"{path}: {problem}. Put {url} ({hashed}) into {path.parent}, "
        "or start with --weights none.",
    )


def _download(url: str, path: Path) -> str:
    """Fetches a file; what to say where it is not what it should be."""
    try:
        keras.utils.get_file(path.name, url, cache_subdir=str(path.parent))
    except Exception as error:  # get_file raises whatever the network or the disk does
        return f"it cannot be downloaded ({one_line(error)[:200]})"
    return "what was downloaded is another file"
