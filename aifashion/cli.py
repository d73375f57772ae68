"""The doors and the verbs: they parse, call the api, and turn failures into one line and a code.

Nothing heavy is imported before a command is known to run, so that `--help` answers at once.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from aifashion import __version__
from aifashion.errors import Exit, Failure

RECIPES_HINT = "recipes and runs: python -m aifashion list"


def _run(command, arguments: argparse.Namespace) -> int:
    """Runs a command; a failure becomes one line on the error stream and its exit code."""
    # TensorFlow and gRPC log pages of what concerns nobody here; a person may ask for it again.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    try:
        command(arguments)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return int(failure.exit_code)
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)
    return int(Exit.DONE)


def _load_api(gpus: tuple[int, ...] | None = None):
    """The api, with TensorFlow and the devices behind it."""
    from aifashion.progress import quiet_start

    with quiet_start():
        from aifashion import api

        missing = api.use_gpus(gpus)
    for index in missing:
        print(f"warning: --gpu {index}: no such device; going on without it", file=sys.stderr)
    return api


# === Flags ===


def _boolean(text: str) -> bool:
    """`True`, `yes`, `1` … and their opposites; published commands write `--resume True`."""
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is neither True nor False")
    return known[text.lower()]


def _resume(text: str) -> bool:
    return True if text == "auto" else _boolean(text)


def _augment(text: str) -> str:
    known = {"none": "none", "flip": "flip", "full": "full", "true": "full", "false": "none"}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is none of none, flip, full, True, False")
    return known[text.lower()]


def _gpus(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not numbers like 0 or 0,1") from None


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="data folder")
    parser.add_argument(
        "--gpu", "--gpuID", type=_gpus, dest="gpu", metavar="0,1", help="GPUs to use"
    )


def _add_max_bad(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-bad", type=_fraction, default=0.0, metavar="F", help="unreadable pictures allowed"
    )


# === Doors ===


def train_main(argv: Sequence[str] | None = None) -> int:
    """train.py"""
    parser = argparse.ArgumentParser(
        prog="train.py", description="Trains a keypoint network.", epilog=RECIPES_HINT
    )
    add = parser.add_argument
    add("--category", default="all", help="a garment, or all: one network for all (default)")
    add("--network", metavar="RECIPE", help="recipe; default by the data")
    _add_common(parser)
    add("--run", type=Path, metavar="DIR", help="the run's folder")
    add("--overwrite", action="store_true", help="replace the run in --run")
    add("--epochs", type=int, metavar="N")
    add("--batch-size", "--batchSize", type=int, metavar="N")
    add("--learning-rate", type=float, metavar="R")
    add("--seed", type=int, default=0, metavar="N")
    add("--weights", metavar="W", help="none, imagenet or a file to start from")
    add("--resume", type=_resume, default=False, metavar="auto", help="go on with a stopped run")
    add("--resume-model", "--resumeModel", type=Path, metavar="P", help="run or weights to take up")
    add("--init-epoch", "--initEpoch", type=int, metavar="N", help="accepted; a run knows its own")
    add("--lrdecay", type=_boolean, help="accepted; schedules belong to the recipe")
    add("--set", action="append", default=[], metavar="FIELD=VALUE", help="one field of the recipe")
    _add_max_bad(parser)
    return _run(_train, parser.parse_args(argv))


def _train(arguments: argparse.Namespace) -> None:
    api = _load_api(arguments.gpu)
    options = api.TrainOptions(
        category=arguments.category,
        network=arguments.network,
        data=arguments.data,
        run=arguments.run,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
        weights=arguments.weights,
        resume=arguments.resume,
        resume_model=arguments.resume_model,
        overwrite=arguments.overwrite,
        max_bad=arguments.max_bad,
        settings=tuple(arguments.set),
        command=shlex.join(sys.argv),
    )
    run = api.train(options)
    print(run.folder)


def test_main(argv: Sequence[str] | None = None) -> int:
    """test.py"""
    parser = argparse.ArgumentParser(
        prog="test.py", description="Predicts a test list: submission.csv.", epilog=RECIPES_HINT
    )
    add = parser.add_argument
    add("--model-path", "--modelpath", type=Path, nargs="+", metavar="RUN")
    add("--out-path", "--outpath", type=Path, metavar="DIR", help="made where it is missing")
    add("--category", default="all", help="predict this garment's rows alone")
    _add_common(parser)
    add("--augment", type=_augment, default="flip", help="none, flip (default) or full")
    add("--score-anyway", action="store_true", help="score also over unreadable pictures")
    _add_max_bad(parser)
    return _run(_test, parser.parse_args(argv))


def _test(arguments: argparse.Namespace) -> None:
    api = _load_api(arguments.gpu)
    paths = arguments.model_path or [None]
    if len(paths) > 1:
        raise Failure(Exit.USAGE, "--model-path: this version predicts with one network at a time.")
    options = api.TestOptions(
        data=arguments.data,
        model=paths[0],
        out=arguments.out_path,
        category=arguments.category,
        augment=arguments.augment,
        max_bad=arguments.max_bad,
        score_anyway=arguments.score_anyway,
    )
    result = api.test(options)
    if result.score is not None:
        print(f"NE {result.score['ne_percent']:.2f} %")
    print(result.submission, flush=True)
    api.refuse_faults(result, options)


def demo_main(argv: Sequence[str] | None = None) -> int:
    """demo.py"""
    parser = argparse.ArgumentParser(
        prog="demo.py", description="Draws predictions onto pictures.", epilog=RECIPES_HINT
    )
    add = parser.add_argument
    add("source", type=Path, nargs="?", metavar="PICTURES", help="a picture, a folder or a csv")
    add("--model-file", "--modelfile", type=Path, metavar="RUN")
    add("--category", help="the garment's; default: the csv's, or the likeliest")
    add("--out-path", "--outpath", type=Path, metavar="PATH", help="picture or folder to write")
    add("--most", type=int, default=5, metavar="N", help="pictures of a csv; 0: all")
    add("--show", action="store_true", help="open the result in the browser")
    _add_common(parser)
    return _run(_demo, parser.parse_args(argv))


def _demo(arguments: argparse.Namespace) -> None:
    api = _load_api(arguments.gpu)
    options = api.DemoOptions(
        source=arguments.source,
        model=arguments.model_file,
        data=arguments.data,
        category=arguments.category,
        out=arguments.out_path,
        most=arguments.most,
    )
    path = api.demo(options)
    if arguments.show:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
    print(path)


# === Verbs ===


def main(argv: Sequence[str] | None = None) -> int:
    """aifashion, python -m aifashion"""
    parser = argparse.ArgumentParser(prog="aifashion", description=__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_draw(verbs.add_parser("draw", help="draw garments in a dataset's own layout"))
    _add_check(verbs.add_parser("check", help="look for faults in a data set, and count it"))
    _add_split(verbs.add_parser("split", help="split labelled data for training and validation"))
    _add_evaluate(verbs.add_parser("evaluate", help="score predictions against truth"))
    _add_predict(verbs.add_parser("predict", help="keypoints of pictures, one JSON a line"))
    _add_report(verbs.add_parser("report", help="a run's report: one HTML file"))
    _add_sheet(verbs.add_parser("sheet", help="a data folder's pictures on one sheet"))
    verbs.add_parser("list", help="recipes and runs").set_defaults(command=_list)
    _add_bench(verbs.add_parser("bench", help="speed of the input pipeline and a training step"))
    arguments = parser.parse_args(argv)
    return _run(arguments.command, arguments)


def _add_draw(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", choices=("fashionai",))
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--images", type=int, default=600, metavar="N")
    parser.add_argument("--test-images", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--size", type=int, default=512, metavar="PIXELS")
    parser.set_defaults(command=_draw)


def _draw(arguments: argparse.Namespace) -> None:
    from aifashion.datasets import synthetic

    synthetic.draw_fashionai(
        arguments.folder, arguments.images, arguments.test_images, arguments.seed, arguments.size
    )
    print(arguments.folder)


def _add_check(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR")
    add("--json", type=Path, metavar="FILE", help="all findings and counts")
    add("--figure", type=Path, metavar="FILE", help="picture of the counts, .png or .jpg")
    add("--fix", type=Path, metavar="OUT", help="write a cleaned copy to a new folder")
    add("--fast", action="store_true", help="headers of the pictures only")
    parser.set_defaults(command=_check)


def _check(arguments: argparse.Namespace) -> None:
    _load_api()
    from aifashion.api import check

    options = check.CheckOptions(
        folder=arguments.folder,
        json=arguments.json,
        figure=arguments.figure,
        fix=arguments.fix,
        fast=arguments.fast,
    )
    checked = check.check(options)
    print(check.describe(checked), flush=True)
    if not checked.is_clean:
        raise Failure(Exit.BAD_DATA, f"{check.summary(checked)}. Mend them, or copy with --fix.")
    print(check.summary(checked))


def _add_split(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--val", type=_fraction, default=0.2, metavar="F")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.set_defaults(command=_split)


def _split(arguments: argparse.Namespace) -> None:
    from aifashion.datasets import fashionai

    for path, rows in fashionai.save_split(arguments.folder, arguments.val, arguments.seed):
        print(f"{path}: {rows} rows")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help="whose format they have: fashionai")
    parser.add_argument("--truth", type=Path, required=True, metavar="T.csv")
    parser.add_argument("--predictions", type=Path, required=True, metavar="P.csv")
    parser.set_defaults(command=_evaluate)


def _evaluate(arguments: argparse.Namespace) -> None:
    from aifashion import datasets
    from aifashion.evaluation import evaluate_files

    dataset = datasets.named(arguments.dataset)
    score = evaluate_files(arguments.truth, arguments.predictions, dataset)
    print(json.dumps(score, indent=1))


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    parser.add_argument("--model-path", "--modelpath", type=Path, metavar="RUN")
    parser.add_argument("--category", help="the garment's; default: the likeliest")
    parser.set_defaults(command=_predict)


def _predict(arguments: argparse.Namespace) -> None:
    api = _load_api()
    for answer in api.predict(arguments.pictures, arguments.model_path, arguments.category):
        print(json.dumps(answer), flush=True)


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, nargs="?", metavar="RUN", help="default: the newest")
    _add_common(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: RUN/report.html")
    parser.set_defaults(command=_report)


def _report(arguments: argparse.Namespace) -> None:
    api = _load_api(arguments.gpu)
    options = api.ReportOptions(model=arguments.run, data=arguments.data, out=arguments.out)
    print(api.make_report(options))


def _add_sheet(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR")
    add("--out", type=Path, metavar="FILE", help="picture to write; default in submission/")
    add("--count", type=int, default=40, metavar="N", help="pictures, evenly over the categories")
    add("--columns", type=int, default=8, metavar="N")
    add("--seed", type=int, default=0, metavar="N", help="which pictures")
    add("--category", default="all", help="a garment, or all (default)")
    add("--part", choices=("train", "test"), default="train")
    add("--truth", action="store_true", help="draw keypoints and skeletons")
    add("--numbers", action="store_true", help="numbers without names; names in a csv beside it")
    add("--side", type=int, default=256, metavar="PIXELS", help="from a picture to the next")
    parser.set_defaults(command=_sheet)


def _sheet(arguments: argparse.Namespace) -> None:
    api = _load_api()
    options = api.SheetOptions(
        folder=arguments.folder,
        out=arguments.out,
        count=arguments.count,
        columns=arguments.columns,
        seed=arguments.seed,
        category=arguments.category,
        part=arguments.part,
        truth=arguments.truth,
        numbers=arguments.numbers,
        side=arguments.side,
    )
    path = api.draw_sheet(options)
    print(path)
    if options.numbers:
        print(path.with_suffix(".csv"))


def _list(arguments: argparse.Namespace) -> None:
    print(_load_api().menu())


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.set_defaults(command=_bench)


def _bench(arguments: argparse.Namespace) -> None:
    from aifashion import bench

    bench.main(arguments.rounds)
