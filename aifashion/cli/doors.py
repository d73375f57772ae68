"""train.py, test.py and demo.py: their flags, and the api's function behind each."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from aifashion.cli import flags, running

CATEGORIES = "a garment; all: one network for all (default); each: a network for each of them"
READING = "how maps are read: model.reading.FIELD=VALUE"
RECIPES_HINT = "recipes and runs: python -m aifashion list"


def train_main(argv: Sequence[str] | None = None) -> int:
    """train.py"""
    parser = argparse.ArgumentParser(
        prog="train.py", description="Trains a keypoint network.", epilog=RECIPES_HINT
    )
    add = parser.add_argument
    flags.add_category(parser, CATEGORIES)
    add("--network", metavar="RECIPE", help="recipe; default by the data")
    flags.add_common(parser)
    add("--run", type=Path, metavar="DIR", help="the run's folder")
    add("--overwrite", action="store_true", help="replace the run in --run")
    add("--epochs", type=int, metavar="N")
    add("--batch-size", "--batchSize", type=int, metavar="N")
    add("--learning-rate", type=float, metavar="R")
    add("--seed", type=int, metavar="N", help="of the first weights, the order, the changes; 0")
    add("--weights", metavar="W", help="none, imagenet or a file to start from")
    add(
        "--resume",
        type=flags.resume,
        default=False,
        metavar="auto",
        help="go on with a stopped run",
    )
    add("--resume-force", action="store_true", help="also with another recipe")
    take_up = "run or weights to take up"
    add("--resume-model", "--resumeModel", "-r", type=Path, metavar="P", help=take_up)
    add("--init-epoch", "--initEpoch", type=int, metavar="N", help="epochs done, of a new run")
    add("--deterministic", action="store_true", help="the same bits each time, slower on GPUs")
    add("--tensorboard", action="store_true", help="also write RUN/tensorboard")
    add("--profile", action="store_true", help="name where the time of a step goes")
    add("--lrdecay", type=flags.boolean, help="accepted; schedules belong to the recipe")
    add("--set", action="append", default=[], metavar="FIELD=VALUE", help="one field of the recipe")
    flags.add_max_bad(parser, default=None)
    return running.run(_train, parser.parse_args(argv))


def _train(arguments: argparse.Namespace) -> None:
    api = running.load_api(arguments.gpu)
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
        resume_force=arguments.resume_force,
        resume_model=arguments.resume_model,
        init_epoch=arguments.init_epoch,
        overwrite=arguments.overwrite,
        max_bad=arguments.max_bad,
        settings=tuple(arguments.set),
        deterministic=arguments.deterministic,
        tensorboard=arguments.tensorboard,
        profile=arguments.profile,
        command=shlex.join(sys.argv),
    )
    is_each = options.category == api.EACH
    print(api.train_each(options) if is_each else api.train(options).folder)


def test_main(argv: Sequence[str] | None = None) -> int:
    """test.py"""
    parser = argparse.ArgumentParser(
        prog="test.py", description="Predicts a test list: its submission.", epilog=RECIPES_HINT
    )
    add = parser.add_argument
    runs = "runs, or folders of runs; several are averaged; default: the newest finished run"
    # A published command names one network with -m, two with -m1 and -m2.
    published = ("-m", "--model", "-m1", "--model1", "-m2", "--model2")
    for names, text in ((("--model-path", "--modelpath"), runs), (published, argparse.SUPPRESS)):
        several = {"type": Path, "nargs": "+", "action": "extend", "default": []}
        add(*names, dest="model_path", metavar="RUN", help=text, **several)
    add("--out-path", "--outpath", type=Path, metavar="DIR", help="made where it is missing")
    flags.add_category(parser, "predict this garment's rows alone")
    flags.add_common(parser)
    add(
        "--augment", type=flags.augment, default="flip", help="none, flip (default), scales or full"
    )
    add("--crop", action="store_true", help="look at what was found once more, from closer by")
    add("--set", action="append", default=[], metavar="FIELD=VALUE", help=READING)
    add("--split", choices=("validation", "test"), help="default: where the truth is known")
    boxes = "gt: the data's own (default), or a detector's: a COCO file of results"
    add("--boxes", type=flags.boxes, metavar="gt|FILE", help=boxes)
    add(
        "--box-threshold",
        type=flags.fraction,
        default=0.0,
        metavar="F",
        help="leave less sure boxes out",
    )
    score = "keypoints that make up a garment's score: own (default), or all as published"
    add("--score", choices=("own", "all"), default="own", help=score)
    nms = "leave out garments more alike to a surer one than this OKS"
    add("--oks-nms", type=flags.fraction, metavar="F", help=nms)
    add("--score-anyway", action="store_true", help="score also over unreadable pictures")
    visual = "accepted; report.html shows pictures, demo.py draws them"
    add("--visual", "-v", type=flags.boolean, metavar="True", help=visual)
    add("--jit", action="store_true", help="compile the network with XLA, on one device")
    flags.add_max_bad(parser)
    return running.run(_test, parser.parse_args(argv))


def _test(arguments: argparse.Namespace) -> None:
    api = running.load_api(arguments.gpu)
    options = api.TestOptions(
        data=arguments.data,
        models=tuple(arguments.model_path),
        out=arguments.out_path,
        category=arguments.category,
        max_bad=arguments.max_bad,
        score_anyway=arguments.score_anyway,
        split=arguments.split,
        boxes=arguments.boxes,
        box_threshold=arguments.box_threshold,
        oks_nms=arguments.oks_nms,
        predicting=api.PredictOptions(
            augment=arguments.augment,
            crop=arguments.crop,
            jit=arguments.jit,
            score_all=arguments.score == "all",
            settings=tuple(arguments.set),
        ),
    )
    result = api.test(options)
    if result.score is not None:
        print(api.score_line(result.score))
    print(result.submission, flush=True)
    api.refuse_faults(result, options)


def demo_main(argv: Sequence[str] | None = None) -> int:
    """demo.py"""
    parser = argparse.ArgumentParser(
        prog="demo.py", description="Draws predictions onto pictures.", epilog=RECIPES_HINT
    )
    add = parser.add_argument
    add("source", type=Path, nargs="?", metavar="PICTURES", help="a picture, a folder or a list")
    add("--model-file", "--modelfile", type=Path, nargs="+", default=[], metavar="RUN")
    flags.add_category(parser, "the garment's; default: the list's, or the likeliest", default=None)
    add("--out-path", "--outpath", type=Path, metavar="PATH", help="picture or folder to write")
    add("--most", type=int, default=5, metavar="N", help="garments of a list; 0: all")
    add("--show", action="store_true", help="open the result in the browser")
    flags.add_common(parser)
    return running.run(_demo, parser.parse_args(argv))


def _demo(arguments: argparse.Namespace) -> None:
    api = running.load_api(arguments.gpu)
    options = api.DemoOptions(
        source=arguments.source,
        model=tuple(arguments.model_file),
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
