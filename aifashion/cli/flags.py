"""Types of arguments, and the groups of flags that several commands share."""

import argparse
import sys
from pathlib import Path


def boolean(text: str) -> bool:
    """`True`, `yes`, `1` … and their opposites; published commands write `--resume True`."""
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is neither True nor False")
    return known[text.lower()]


def resume(text: str) -> bool:
    """`auto`, or what `boolean` takes."""
    if text == "auto":
        return True
    try:
        return boolean(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; weights are named by --resume-model") from None


def category(text: str) -> str:
    """A category's name; `outware`, as a published README has it, is outwear, which is said."""
    if text.lower() != "outware":
        return text
    print("warning: outware is taken as outwear", file=sys.stderr)
    return "outwear"


def augment(text: str) -> str:
    """none, flip, scales or full; published commands write `--augment True` for full."""
    known = {name: name for name in ("none", "flip", "scales", "full")}
    known |= {"true": "full", "false": "none"}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(
            f"{text!r} is none of none, flip, scales, full, True, False"
        )
    return known[text.lower()]


def boxes(text: str) -> Path | None:
    """`gt`: the data's own, None; else a detector's file."""
    return None if text == "gt" else Path(text)


def gpus(text: str) -> tuple[int, ...]:
    """Numbers of GPUs, like 0 or 0,1."""
    try:
        return tuple(int(part) for part in text.split(",") if part)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not numbers like 0 or 0,1") from None


def fraction(text: str) -> float:
    """A number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def add_common(parser: argparse.ArgumentParser) -> None:
    """--data and --gpu."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="data folder")
    parser.add_argument("--gpu", "--gpuID", "-g", type=gpus, metavar="0,1", help="GPUs to use")


def add_category(parser: argparse.ArgumentParser, text: str, default: str | None = "all") -> None:
    """--category, as published commands write it too."""
    parser.add_argument(
        "--category", "--clothes", "-c", type=category, default=default, metavar="C", help=text
    )


def add_max_bad(parser: argparse.ArgumentParser, default: float | None = 0.0) -> None:
    """--max-bad."""
    parser.add_argument(
        "--max-bad", type=fraction, default=default, metavar="F", help="unreadable pictures allowed"
    )
