"""Checking a data set before it costs a training: findings, counts, and the score of the truth.

checked = check(CheckOptions(Path("data")))
print(describe(checked))
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from aifashion import images
from aifashion.api import instances
from aifashion.datasets import DATASETS, cleaning, record_check
from aifashion.datasets.checking import ERROR, NOTE, WARNING, Fault, Finding, Report
from aifashion.datasets.fashionai.check import check as check_fashionai
from aifashion.datasets.fashionai.fix import fix as fix_fashionai
from aifashion.datasets.schema import KeypointRecord, KeypointSchema
from aifashion.errors import Exit, Failure
from aifashion.files import write_json
from aifashion.keypoints import metrics

# dataset -> check, fix; any other one is checked by its records, and cannot be copied cleaned.
CHECKS = {"fashionai": (check_fashionai, fix_fashionai)}
EXAMPLES = 3  # of each code
SEVERITIES = (ERROR, WARNING, NOTE)


@dataclass(frozen=True)
class CheckOptions:
    """What `aifashion check` was asked."""

    folder: Path
    json: Path | None = None
    figure: Path | None = None
    fix: Path | None = None
    fast: bool = False  # headers only: nothing is decoded or compared


@dataclass(frozen=True)
class Checked:
    """What a check found."""

    folder: Path
    dataset: str
    report: Report
    findings: list[Finding]  # the report's, and the score's
    counts: dict[str, dict]  # "train", "test", "all" -> counts of instances
    scores: dict[str, dict | None]  # "train", "test" -> the truth against itself
    changes: list[cleaning.Change] | None  # of the cleaned copy
    left: list[Finding] | None  # faults that remain in the copy: no row alone is to blame for them

    @property
    def can_be_fixed(self) -> bool:
        """Whether a cleaned copy of such data can be written."""
        return self.dataset in CHECKS

    @property
    def is_clean(self) -> bool:
        """Whether there are no more than notes."""
        return not any(finding.is_fault for finding in self.findings)


def check(options: CheckOptions) -> Checked:
    """Checks a data folder; writes what the options name.

    Raises:
        Failure: BAD_DATA where the folder holds no data known here, USAGE where the cleaned copy
            would touch something, ENVIRONMENT where the disk refuses.
    """
    folder = options.folder
    dataset = _dataset(folder)
    by_records = partial(record_check.check, DATASETS[dataset])
    check_folder, fix = CHECKS.get(dataset, (by_records, None))
    if options.fix and fix is None:
        raise Failure(Exit.USAGE, f"--fix: there is no cleaned copy of {dataset} data.")
    if options.fix:
        cleaning.check_target(folder, options.fix)
    schema = DATASETS[dataset].SCHEMA
    report = check_folder(folder, options.fast)
    sides = {"train": report.train, "test": report.test}
    counts = {name: instances.count(records, schema) for name, records in sides.items()}
    counts["all"] = instances.count([*report.train, *report.test], schema)
    scores = {name: score_of_truth(records, schema) for name, records in sides.items()}
    findings = [*report.findings, *_score_findings(folder, scores)]
    if options.figure:
        images.write(options.figure, instances.draw(counts["all"]))
    changes = left = None
    if options.fix:
        changes = fix(folder, report, options.fix)
        again = check_folder(options.fix, options.fast).findings
        left = [finding for finding in again if finding.is_fault]
    checked = Checked(folder, dataset, report, findings, counts, scores, changes, left)
    if options.json:
        write_json(options.json, _plain(checked))
    return checked


def _dataset(folder: Path) -> str:
    """The first dataset whose layout the folder has."""
    refusals = []
    for name, module in DATASETS.items():
        try:
            module.find(folder)
            return name
        except Failure as failure:
            refusals.append(failure)
    raise refusals[0]


# === The score of the truth ===


def score_of_truth(records: Sequence[KeypointRecord], schema: KeypointSchema) -> dict | None:
    """The labelled records scored against themselves; None where there are none."""
    known = [record for record in records if record.keypoints is not None]
    if not known:
        return None
    truth = metrics.truth_of(known)
    return metrics.evaluate(truth, truth.keypoints, schema)


def _score_findings(folder: Path, scores: dict[str, dict | None]) -> Iterator[Finding]:
    for side, score in scores.items():
        if score is None or score["ne_percent"] == 0:
            continue
        if score["ne_percent"] is None:
            message = f"nothing of the {side} truth can be scored"
            remedy = "A score needs visible keypoints, and both of a garment's unit."
            yield Fault("truth-unscorable", WARNING, message, remedy).at(folder)
        else:
            message = f"the {side} truth scores NE {score['ne_percent']:g} % against itself"
            yield Fault("score-not-zero", ERROR, message, "It must be 0.").at(folder)


# === Words ===


def describe(checked: Checked) -> str:
    """The findings by code, the table of instances and what was written, as lines of text."""
    lines = []
    by_code: dict[tuple[str, str], list[Finding]] = {}
    for finding in checked.findings:
        by_code.setdefault((finding.severity, finding.code), []).append(finding)
    for severity, code in sorted(by_code, key=lambda key: (SEVERITIES.index(key[0]), key[1])):
        found = by_code[severity, code]
        lines.append(f"{severity:<8} {code:<22} {len(found)}")
        lines += [f"    {_line(checked.folder, one)}" for one in found[:EXAMPLES]]
    lines += ["", instances.table(*checked.counts.values()), ""]
    for side, score in checked.scores.items():
        if score and score["ne_percent"] is not None:
            ne, skipped = score["ne_percent"], score["skipped"]
            without = f" (left out, as their unit is absent: {skipped})" if skipped else ""
            lines.append(f"{side} truth against itself: NE {ne:g} %{without}")
    if checked.changes is not None:
        codes = ", ".join(sorted({finding.code for finding in checked.left}))
        state = f"it still has {codes}, which no row alone causes" if codes else "it checks clean"
        lines.append(
            f"cleaned copy: {len(checked.changes)} changes, listed in {cleaning.REMOVED}; {state}"
        )
    return "\n".join(lines).strip("\n")


def _line(folder: Path, finding: Finding) -> str:
    file = finding.file
    file = file.relative_to(folder) if file.is_relative_to(folder) else file
    place = ":".join(str(part) for part in (file, finding.row, finding.field) if part is not None)
    safe = "".join(sign if sign.isprintable() else "?" for sign in place)  # as a file names it
    return f"{safe[:200]}: {finding.message}. {finding.remedy}"


def summary(checked: Checked) -> str:
    """The last line: how much was looked at, and how many findings there are."""
    counts = {s: sum(f.severity == s for f in checked.findings) for s in SEVERITIES}
    said = ", ".join(
        f"{number} {severity}{'s' if number > 1 else ''}"
        for severity, number in counts.items()
        if number
    )
    report = checked.report
    return f"{checked.folder}: {report.files} lists, {report.pictures} pictures: {said or 'clean'}"


def _plain(checked: Checked) -> dict:
    findings = [asdict(finding) | {"file": str(finding.file)} for finding in checked.findings]
    return {
        "folder": str(checked.folder),
        "dataset": checked.dataset,
        "files": checked.report.files,
        "pictures": checked.report.pictures,
        "clean": checked.is_clean,
        "findings": findings,
        "instances": checked.counts,
        "truth_against_itself": checked.scores,
        "changes": checked.changes and [asdict(change) for change in checked.changes],
        "left": checked.left and [finding.code for finding in checked.left],
    }
