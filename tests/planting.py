"""Faults to plant into FashionAI data, and how: each entry is a planter and where it is found."""

import csv
import shutil
from pathlib import Path

import cv2

from aifashion import images
from aifashion.datasets.cleaning import copy_file
from aifashion.datasets.fashionai import CATEGORIES
from aifashion.datasets.schema import other_side
from aifashion.datasets.synthetic.fashionai import TRUTH

TRAIN, TEST, ANSWERS = "train/Annotations/train.csv", "test/test.csv", f"test/{TRUTH}"
BLOUSE, OUTWEAR, TROUSERS, SKIRT, DRESS = range(2, 7)  # rows: the categories take turns


def rows_of(file: Path) -> list[list[str]]:
    with file.open(newline="") as lines:
        return list(csv.reader(lines))


def write_rows(file: Path, rows: list[list[str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as lines:
        csv.writer(lines, lineterminator="\n").writerows(rows)


def edit(data: Path, change, file: str = TRAIN) -> None:
    """Changes a csv's rows; row n is at place n - 1."""
    rows = rows_of(data / file)
    change(rows)
    write_rows(data / file, rows)


def put(data: Path, row: int, column: str, value: str, file: str = TRAIN) -> None:
    def change(rows):
        rows[row - 1][rows[0].index(column)] = value

    edit(data, change, file)


def get(data: Path, row: int, column: str, file: str = TRAIN) -> str:
    rows = rows_of(data / file)
    return rows[row - 1][rows[0].index(column)]


def picture(data: Path, row: int, file: str = TRAIN) -> Path:
    return data / Path(file).parts[0] / get(data, row, "image_id", file)


def swap_bytes(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def rewrite(data: Path, change, file: str = TRAIN) -> None:
    """Changes a csv's bytes."""
    (data / file).write_bytes(change((data / file).read_bytes()))


def size_of(data: Path, row: int) -> tuple[int, int]:
    return images.read_shown_size(picture(data, row))


def repeat(data: Path, column: str | None = None, value: str = "", row: int = BLOUSE) -> None:
    """Appends a row again, perhaps changed."""
    edit(data, lambda rows: rows.append(list(rows[row - 1])))
    if column:
        put(data, len(rows_of(data / TRAIN)), column, value)


def second_part(data: Path, row: int = BLOUSE, column: str | None = None, value="") -> None:
    """One more labelled part, which holds one row of the first."""
    rows = rows_of(data / TRAIN)
    write_rows(data / "wu_train/Annotations/train.csv", [rows[0], rows[row - 1]])
    copy_file(picture(data, row), data / "wu_train" / rows[row - 1][0])
    if column:
        put(data, 2, column, value, "wu_train/Annotations/train.csv")


def rename(data: Path, row: int, image_id: str, file: str = TRAIN) -> None:
    """Gives a row another picture's name, and a copy of its picture under it."""
    source = picture(data, row, file)
    put(data, row, "image_id", image_id, file)
    copy_file(source, picture(data, row, file))


# === Cells and rows ===

CELLS = {
    "NaN": "cell-malformed", "": "cell-malformed", "12_34": "cell-malformed",
    "a_b_1": "cell-malformed", "1e9_5_1": "cell-malformed", "nan_nan_1": "cell-malformed",
    "1_2_3_1": "cell-malformed", "1.5_2_1": "cell-malformed", " 9_9_1": "cell-malformed",
    "9_9_2": "flag-unknown", "9_9_-2": "flag-unknown", "0_0_7": "flag-unknown",
    "-1_5_1": "cell-half-absent", "5_-1_0": "cell-half-absent", "-1_-1_1": "cell-half-absent",
    "9_9_-1": "cell-absent-place", "999999_5_1": "keypoint-outside", "5_-60_0": "keypoint-outside",
}  # fmt: skip


def unlabelled(data):
    edit(data, lambda rows: rows[BLOUSE - 1].__setitem__(slice(2, None), ["-1_-1_-1"] * 24))


def degenerate(data):
    put(data, OUTWEAR, "armpit_left", "30_30_1")
    put(data, OUTWEAR, "armpit_right", "30_30_0")


def moved_folder(data):
    source = picture(data, SKIRT)
    put(data, SKIRT, "image_id", f"Images/dress/{source.name}")
    copy_file(source, picture(data, SKIRT))


def exchanged_sides(data):
    """Left and right exchanged in one row, whose pairs are all there."""
    names = [name for name in CATEGORIES["dress"] if "left" in name]
    for name in names:
        left, right = get(data, DRESS, name), get(data, DRESS, other_side(name))
        put(data, DRESS, name, right)
        put(data, DRESS, other_side(name), left)


ROWS = [
    (lambda d: put(d, SKIRT, "crotch", "0_0_1"), "keypoint-foreign", SKIRT, "crotch"),
    (lambda d: put(d, DRESS, "image_category", "dres"), "category-unknown", DRESS,
     "image_category"),
    (lambda d: put(d, DRESS, "image_category", ""), "category-unknown", DRESS, "image_category"),
    (moved_folder, "category-folder", SKIRT, "image_category"),
    (unlabelled, "row-unlabelled", BLOUSE, None),
    (degenerate, "normaliser-degenerate", OUTWEAR, "armpit_left"),
    (exchanged_sides, "sides-exchanged", DRESS, None),
    (lambda d: edit(d, lambda rows: rows[4].pop()), "row-short", 5, "bottom_right_out"),
    (lambda d: edit(d, lambda rows: rows[5].append("7_7_1")), "row-long", 6, "bottom_right_out"),
    (lambda d: rewrite(d, lambda b: b.replace(b"\nImages", b'\n"Images', 1)), "row-quoting", 2,
     None),
    (repeat, "id-duplicate", 27, "image_id"),
    (lambda d: repeat(d, "armpit_left", "-1_-1_-1"), "id-conflict", 27, "image_id"),
]  # fmt: skip


# === Files ===


def without(name: str):
    def change(rows):
        place = rows[0].index(name)
        for row in rows:
            del row[place]

    return change


def with_column(name: str):
    def change(rows):
        for row in rows:
            row.append(row[-1])
        rows[0][-1] = name

    return change


FILES = [
    (lambda d: rewrite(d, lambda b: b""), "file-empty", None, None),
    (lambda d: rewrite(d, lambda b: b.split(b"\n")[0] + b"\n"), "file-no-rows", None, None),
    (lambda d: rewrite(d, lambda b: b.replace(b",", b";")), "file-separator", 1, None),
    (lambda d: rewrite(d, lambda b: b.replace(b",", b"\t")), "file-separator", 1, None),
    (lambda d: rewrite(d, lambda b: b.decode().encode("utf-16")), "file-encoding", None, None),
    (lambda d: rewrite(d, lambda b: b.decode().encode("utf-16-be")), "file-encoding", None, None),
    (lambda d: rewrite(d, lambda b: b.split(b"\n", 1)[1]), "header-missing", 1, None),
    (lambda d: edit(d, without("waistband_left")), "column-missing", 1, "waistband_left"),
    (lambda d: edit(d, without("image_category")), "column-missing", 1, "image_category"),
    (lambda d: edit(d, with_column("collar")), "column-unknown", 1, "collar"),
    (lambda d: edit(d, with_column("crotch")), "column-doubled", 1, "crotch"),
    (lambda d: edit(d, lambda rows: [row.__setitem__(slice(2, None), []) for row in rows]),
     "truth-missing", 1, None),
]  # fmt: skip


# === Pictures ===


def truncated(data):
    swap_bytes(picture(data, DRESS), picture(data, DRESS).read_bytes()[:-400])


def missing(data):
    picture(data, DRESS).unlink()


def wrong_case(data):
    put(data, DRESS, "image_id", get(data, DRESS, "image_id").replace("Images", "images"))


def broken_link(data):
    missing(data)
    picture(data, DRESS).symlink_to("nowhere.jpg")


def link_out(data):
    path = picture(data, DRESS)
    shutil.move(path, data.parent / "outside.jpg")
    path.symlink_to(data.parent / "outside.jpg")


def folder_instead(data):
    missing(data)
    picture(data, DRESS).mkdir()


PICTURES = [
    (missing, "picture-missing"),
    (truncated, "picture-truncated"),
    (wrong_case, "path-spelling"),
    (broken_link, "picture-link-broken"),
    (link_out, "path-link-outside"),
    (folder_instead, "picture-folder"),
    (lambda d: swap_bytes(picture(d, DRESS), b""), "picture-empty"),
    (lambda d: swap_bytes(picture(d, DRESS), b"<html></html>"), "picture-web-page"),
    (lambda d: swap_bytes(picture(d, DRESS), b"GIF"), "picture-unknown"),
    (lambda d: put(d, DRESS, "image_id", "../test/x.jpg"), "path-outside"),
    (lambda d: put(d, DRESS, "image_id", "/etc/passwd"), "path-outside"),
    (lambda d: put(d, DRESS, "image_id", "C:\\dress\\a.jpg"), "path-outside"),
    (lambda d: put(d, DRESS, "image_id", ""), "path-outside"),
]


# === Between files ===


def copied_from_test(data):
    """A training picture that is one of the test's under another name."""
    answer = rows_of(data / ANSWERS)[1]
    image_id = answer[0].replace(".jpg", "x.jpg")
    copy_file(picture(data, 2, TEST), data / "train" / image_id)
    edit(data, lambda rows: rows.append([image_id, *answer[1:]]))


def similar_to_test(data):
    copied_from_test(data)
    path = picture(data, 27)
    worse = cv2.imencode(".jpg", cv2.imread(str(path)), [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    path.write_bytes(worse.tobytes())


def same_id_in_test(data):
    answer = rows_of(data / ANSWERS)[1]
    copy_file(picture(data, 2, TEST), data / "train" / answer[0])
    edit(data, lambda rows: rows.append(answer))


def twice(data, column=None, value=""):
    """One training picture under two names."""
    repeat(data)
    rename(data, 27, get(data, 27, "image_id").replace(".jpg", "x.jpg"))
    if column:
        put(data, 27, column, value)


WU = "wu_train/Annotations/train.csv"
BETWEEN = [
    (copied_from_test, "leak-picture", TRAIN, 27),
    (similar_to_test, "leak-similar", TRAIN, 27),
    (same_id_in_test, "leak-id", TRAIN, 27),
    (twice, "picture-duplicate", TRAIN, 27),
    (lambda d: twice(d, "armpit_left", "-1_-1_-1"), "picture-conflict", TRAIN, 27),
    (second_part, "id-in-several", WU, 2),
    (lambda d: second_part(d, BLOUSE, "armpit_left", "-1_-1_-1"), "id-conflict", WU, 2),
    (lambda d: edit(d, lambda rows: rows.pop(), ANSWERS), "answer-missing", TEST, 6),
    (lambda d: edit(d, lambda rows: rows.pop(), TEST), "answer-unknown", ANSWERS, 6),
]
