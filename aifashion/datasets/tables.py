"""What all csv files of annotations share: their lines, their columns, and the names in them."""

from collections.abc import Iterator, Sequence
from csv import Error as CsvError
from csv import reader
from pathlib import Path, PurePosixPath

from aifashion.errors import Exit, Failure


def read_lines(csv: Path) -> Iterator[list[str]]:
    """The fields of each line as text; pandas would guess types, an index and what is missing.

    Raises:
        Failure: BAD_DATA where there is no such file, or it is no table.
    """
    try:
        with csv.open(encoding="utf-8-sig", newline="") as file:
            yield from reader(file, strict=True)
    except OSError as error:
        problem = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise Failure(Exit.BAD_DATA, f"{csv}: {problem}. Check the path.") from None
    except (UnicodeDecodeError, CsvError) as error:
        raise Failure(
            Exit.BAD_DATA, f"{csv}: not a comma separated UTF-8 table ({error}). Save it as one."
        ) from None


def wrong_columns(header: Sequence[str], expected: Sequence[str]) -> dict[str, list[str]]:
    """The columns that are missing, unknown and doubled."""
    unknown = dict.fromkeys(name for name in header if name not in expected)
    return {
        "missing": [name for name in expected if name not in header],
        "unknown": list(unknown),
        "doubled": [name for name in expected if header.count(name) > 1],
    }


def stays_inside(name: str) -> bool:
    """Whether a picture's name, as a file writes it, can only mean a path below the data folder."""
    path = PurePosixPath(name)
    hostile = any(sign in "\\:" or sign < " " for sign in name)
    return bool(path.name) and not path.is_absolute() and ".." not in path.parts and not hostile


def shown(text: str) -> str:
    """Text out of a file as one line can show it."""
    quoted = repr(text)
    return quoted if len(quoted) <= 48 else quoted[:47] + "…"
