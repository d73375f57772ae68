"""The verbs of `aifashion`: the flags of each, and the api's function behind it."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from aifashion import __version__
from aifashion.cli import flags, running
from aifashion.errors import Exit, Failure

DESCRIPTION = (
    "The doors and the verbs: they parse, call the api, and turn failures into one line and a code."
)


def main(argv: Sequence[str] | None = None) -> int:
    """aifashion, python -m aifashion"""
    parser = argparse.ArgumentParser(prog="aifashion", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_draw(verbs.add_parser("draw", help="draw garments in a dataset's own layout"))
    _add_check(verbs.add_parser("check", help="look for faults in a data set, and count it"))
    _add_split(verbs.add_parser("split", help="split labelled data for training and validation"))
    _add_coco(verbs.add_parser("coco", help="a data set's raw annotations as COCO files"))
    _add_merge(verbs.add_parser("merge", help="several files of predictions as one"))
    _add_evaluate(verbs.add_parser("evaluate", help="score predictions against truth"))
    _add_predict(verbs.add_parser("predict", help="keypoints of pictures, one JSON a line"))
    _add_convert(verbs.add_parser("convert", help="published weights -> a run, or a file of ours"))
    _add_report(verbs.add_parser("report", help="a run's report: one HTML file"))
    _add_sheet(verbs.add_parser("sheet", help="a data folder's pictures on one sheet"))
    _add_list(verbs.add_parser("list", help="recipes and runs"))
    _add_bench(verbs.add_parser("bench", help="speed of the input pipeline and a training step"))
    _add_ablations(verbs.add_parser("ablations", help="what each choice brings, measured"))
    _add_doctor(
        verbs.add_parser("doctor", help="describe the environment, and what is wrong in it")
    )
    arguments = parser.parse_args(argv)
    return running.run(arguments.command, arguments)


def _add_draw(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", choices=("fashionai", "deepfashion2"))
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--images", type=int, default=600, metavar="N")
    parser.add_argument("--test-images", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--size", type=int, default=512, metavar="PIXELS")
    parser.set_defaults(command=_draw)


def _draw(arguments: argparse.Namespace) -> None:
    from aifashion.datasets import synthetic

    draw = {"fashionai": synthetic.draw_fashionai, "deepfashion2": synthetic.draw_deepfashion2}
    draw[arguments.dataset](
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
    running.load_api()
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
        remedy = "Mend them, or copy with --fix." if checked.can_be_fixed else "Mend them."
        raise Failure(Exit.BAD_DATA, f"{check.summary(checked)}. {remedy}")
    print(check.summary(checked))


def _add_split(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--val", type=flags.fraction, default=0.2, metavar="F")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.set_defaults(command=_split)


def _split(arguments: argparse.Namespace) -> None:
    from aifashion.datasets import fashionai

    for path, rows in fashionai.save_split(arguments.folder, arguments.val, arguments.seed):
        print(f"{path}: {rows} rows")


def _add_coco(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("dataset", choices=("deepfashion2",))
    add("folder", type=Path, metavar="DIR")
    add("--out", type=Path, metavar="DIR", help="default: the same folder")
    add("--aggregated", action="store_true", help="81 shared keypoints instead of 294 slots")
    add("--per-category", action="store_true", help="a file for each category")
    parser.set_defaults(command=_coco)


def _coco(arguments: argparse.Namespace) -> None:
    from aifashion.datasets import deepfashion2

    out = arguments.out or arguments.folder
    ways = (arguments.aggregated, arguments.per_category)
    for path, pictures, garments, bare in deepfashion2.convert_to_coco(
        arguments.folder, out, *ways
    ):
        print(f"{path}: {pictures} pictures, {garments} garments, {bare} without landmarks")
    if out.resolve() != arguments.folder.resolve():
        print(f"To train on {out}, move or link the pictures of each split to {out}/images/SPLIT.")


def _add_merge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", choices=("deepfashion2",))
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="of test.py, say")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.set_defaults(command=_merge)


def _merge(arguments: argparse.Namespace) -> None:
    from aifashion.datasets import deepfashion2

    count = deepfashion2.merge_results(arguments.files, arguments.out)
    print(f"{arguments.out}: {count} garments")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    formats = "whose format they have: fashionai, deepfashion2"
    visible = "deepfashion2: leave occluded keypoints out of the truth"
    parser.add_argument("dataset", metavar="DATASET", help=formats)
    parser.add_argument("--truth", type=Path, required=True, metavar="T")
    parser.add_argument("--predictions", type=Path, required=True, metavar="P")
    parser.add_argument("--visible-only", action="store_true", help=visible)
    parser.set_defaults(command=_evaluate)


def _evaluate(arguments: argparse.Namespace) -> None:
    from aifashion import datasets
    from aifashion.evaluation import evaluate_files

    dataset = datasets.named(arguments.dataset)
    files = (arguments.truth, arguments.predictions)
    score = evaluate_files(*files, dataset, arguments.visible_only)
    print(json.dumps(score, indent=1))


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    parser.add_argument("--model-path", "--modelpath", type=Path, metavar="RUN")
    flags.add_category(parser, "the garment's; default: the likeliest", default=None)
    parser.set_defaults(command=_predict)


def _predict(arguments: argparse.Namespace) -> None:
    api = running.load_api()
    for answer in api.predict(arguments.pictures, arguments.model_path, arguments.category):
        print(json.dumps(answer), flush=True)


def _add_convert(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help=".h5, .hdf5, .ckpt, .pth, .pt, .safetensors")
    add("--out", type=Path, metavar="PATH", help="the run's folder, or a backbone's file")
    parser.set_defaults(command=_convert)


def _convert(arguments: argparse.Namespace) -> None:
    print(running.load_api().convert_file(arguments.file, arguments.out))


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, nargs="?", metavar="RUN", help="default: the newest")
    flags.add_common(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: RUN/report.html")
    parser.set_defaults(command=_report)


def _report(arguments: argparse.Namespace) -> None:
    api = running.load_api(arguments.gpu)
    options = api.ReportOptions(model=arguments.run, data=arguments.data, out=arguments.out)
    print(api.make_report(options))


def _add_sheet(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR")
    add("--out", type=Path, metavar="FILE", help="picture to write; default in submission/")
    add("--count", type=int, default=40, metavar="N", help="pictures, evenly over the categories")
    add("--columns", type=int, default=8, metavar="N")
    add("--seed", type=int, default=0, metavar="N", help="which pictures")
    flags.add_category(parser, "a garment, or all (default)")
    add("--part", choices=("train", "test"), default="train")
    add("--truth", action="store_true", help="draw keypoints and skeletons")
    add("--numbers", action="store_true", help="numbers without names; names in a csv beside it")
    add("--side", type=int, default=256, metavar="PIXELS", help="from a picture to the next")
    parser.set_defaults(command=_sheet)


def _sheet(arguments: argparse.Namespace) -> None:
    api = running.load_api()
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


def _add_list(parser: argparse.ArgumentParser) -> None:
    text = "what each recipe costs: parameters, operations, memory, batch a GPU holds"
    parser.add_argument("--costs", action="store_true", help=text)
    parser.set_defaults(command=_list)


def _list(arguments: argparse.Namespace) -> None:
    api = running.load_api()
    print(api.cost_table() if arguments.costs else api.menu())


def _add_ablations(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("variants", nargs="*", metavar="VARIANT", help="by name; default: all that has no score")
    add("--seeds", type=int, default=3, metavar="N")
    add("--page", type=Path, metavar="FILE", help="only put the scores there are into this page")
    parser.set_defaults(command=_ablations)


def _ablations(arguments: argparse.Namespace) -> None:
    from aifashion.ablations import page, running

    if arguments.page is None:
        running.run_missing(arguments.variants, arguments.seeds)
        print(page.table(arguments.seeds))
    else:
        page.write_page(arguments.page, arguments.seeds)


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.set_defaults(command=_bench)


def _bench(arguments: argparse.Namespace) -> None:
    from aifashion import bench

    bench.main(arguments.rounds)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object alone")
    parser.add_argument("--gpu", action="store_true", help="also test the GPUs; prints JSON")
    parser.set_defaults(command=_doctor)


def _doctor(arguments: argparse.Namespace) -> None:
    from aifashion import doctor

    if arguments.gpu:
        _test_gpus()
        return
    report = doctor.describe()
    print(json.dumps(report) if arguments.json else doctor.lines(report), flush=True)
    errors = doctor.errors_in(report)
    if errors:
        first = f"{errors[0]['what']} Remedy: {errors[0]['remedy']}"
        raise Failure(Exit.ENVIRONMENT, f"{len(errors)} found; the first: {first}")


def _test_gpus() -> None:
    running.load_api()
    from aifashion import doctor
    from aifashion.doctor import selftest

    selftest.require_gpu()
    answer = selftest.run()
    print(json.dumps({"selftest": answer, **doctor.describe()}), flush=True)
    if not answer["ok"]:
        failed = [name for name, trial in answer.items() if name != "ok" and not trial["ok"]]
        raise Failure(
            Exit.ENVIRONMENT, f"the self-test failed: {', '.join(failed)}. Send the JSON."
        )
