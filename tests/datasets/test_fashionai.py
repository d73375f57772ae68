"""FashionAI's files: cells and csv files both ways, what is refused, and the published layouts."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from numpy.testing import assert_array_equal

from aifashion.datasets import DATASETS, fashionai
from aifashion.datasets.fashionai import CATEGORIES, COLUMNS, KEYPOINTS, SCHEMA
from aifashion.datasets.schema import ABSENT, OCCLUDED, VISIBLE
from aifashion.errors import Exit, Failure

HEADER = ",".join(COLUMNS)
# A row as the competition's annotations have it: 13 keypoints of a blouse, two of them occluded.
BLOUSE = (
    "Images/blouse/d21e.jpg,blouse,241_135_1,301_135_1,259_136_1,216_142_1,319_144_1,212_186_1,"
    "307_202_1,-1_-1_-1,-1_-1_-1,203_236_1,193_238_1,308_241_1,319_239_1,206_243_0,292_252_0"
    + ",-1_-1_-1"
    * 9
)
SKIRT = (
    "Images/skirt/0a1b.jpg,skirt" + ",-1_-1_-1" * 15 + ",0_0_1,9_0_1,5_7_-1,9_7_0" + ",-1_-1_-1" * 5
)


def table(folder: Path, *lines: str, end: str = "\n", encoding: str = "utf-8") -> Path:
    path = folder / "annotations.csv"
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


def refusal(call, *arguments) -> str:
    """The one line that a call fails with, as bad data."""
    with pytest.raises(Failure) as caught:
        call(*arguments)
    assert caught.value.exit_code == Exit.BAD_DATA
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    return str(caught.value)


# === Cells ===


@pytest.mark.parametrize(
    ("cell", "parsed"),
    [
        ("212_186_1", (212.5, 186.5, VISIBLE)),  # the middle of pixel 212, 186
        ("0_0_0", (0.5, 0.5, OCCLUDED)),
        ("5_7_-1", (5.5, 7.5, ABSENT)),
        ("-1_-1_-1", (-0.5, -0.5, ABSENT)),
        ("-1_5_1", (-0.5, 5.5, VISIBLE)),
        ("-12_999999_0", (-11.5, 999999.5, OCCLUDED)),
    ],
)
def test_cell_both_ways(cell, parsed):
    assert fashionai.parse_cell(cell) == parsed
    assert fashionai.format_cell(*parsed) == cell


MALFORMED = [
    "", "NaN", "12_34", "1_2_3_1", "a_b_1", "1e9_5_1", "1.0_2_1", "1_2_2", "1_2_-2", " 1_2_1",
    "1_2_1 ", "1_2_1\n", "１_2_1", "+1_2_1", "01_2_1", "-0_2_1", "1234567_2_1", "1__1", "1-2-1",
]  # fmt: skip


@pytest.mark.parametrize("cell", MALFORMED)
def test_malformed_cell(cell, tmp_path):
    assert fashionai.parse_cell(cell) is None
    quoted = f'"{cell}"'
    path = table(tmp_path, HEADER, BLOUSE, SKIRT.replace("5_7_-1", quoted))
    message = refusal(fashionai.read, path, tmp_path)
    assert message.startswith(f"{path}: row 3: hemline_left: {cell!r} is not x_y_v")


def test_a_point_is_written_as_the_pixel_it_lies_in():
    # Pixel 4 reaches from 4.0, which it holds, to 5.0, which is the next one's.
    assert fashionai.format_cell(4.0, 4.999, VISIBLE) == "4_4_1"
    assert fashionai.format_cell(5.0, -0.001, VISIBLE) == "5_-1_1"


# === Files both ways ===


def test_no_rows(tmp_path):
    fashionai.write(tmp_path / "new/none.csv", [])
    assert (tmp_path / "new/none.csv").read_text() == HEADER + "\n"
    assert fashionai.read(tmp_path / "new/none.csv", tmp_path) == []


def test_read(tmp_path):
    blouse, skirt = fashionai.read(table(tmp_path, HEADER, BLOUSE, SKIRT), tmp_path / "root")
    assert (blouse.image_id, blouse.category) == ("Images/blouse/d21e.jpg", "blouse")
    assert blouse.path == tmp_path / "root/Images/blouse/d21e.jpg"
    assert blouse.keypoints.shape == (24, 2) and blouse.visibility.shape == (24,)
    points = dict(zip(KEYPOINTS, blouse.keypoints.tolist(), strict=True))
    assert points["neckline_left"] == [241.5, 135.5]
    assert points["top_hem_right"] == [292.5, 252.5]
    assert points["crotch"] == list(fashionai.ABSENT_POINT) == [-0.5, -0.5]
    assert_array_equal(blouse.visibility != ABSENT, SCHEMA.mask("blouse"))
    assert [KEYPOINTS[k] for k in (blouse.visibility == OCCLUDED).nonzero()[0]] == [
        "top_hem_left",
        "top_hem_right",
    ]
    # Only what the cells say: a keypoint of the category may be absent, and still have a place.
    assert skirt.visibility[SCHEMA.indices(CATEGORIES["skirt"])].tolist() == [2, 2, 0, 1]
    assert skirt.keypoints[KEYPOINTS.index("hemline_left")].tolist() == [5.5, 7.5]


def test_read_then_write_is_the_same_bytes(tmp_path):
    odd = BLOUSE.replace("d21e", "größe 1")
    comma = SKIRT.replace("Images/skirt/0a1b.jpg", '"Images/skirt/a, ""b"".jpg"')
    path = table(tmp_path, HEADER, BLOUSE, SKIRT, odd, comma, BLOUSE)
    fashionai.write(tmp_path / "again.csv", fashionai.read(path, tmp_path))
    assert (tmp_path / "again.csv").read_bytes() == path.read_bytes()


def test_test_list_both_ways(tmp_path):
    path = table(tmp_path, "image_id,image_category", "Images/a.jpg,dress", "Images/b.jpg,skirt")
    records = fashionai.read(path, tmp_path)
    assert [record.category for record in records] == ["dress", "skirt"]
    assert all(record.keypoints is None and record.visibility is None for record in records)
    fashionai.write(tmp_path / "again.csv", records)
    assert (tmp_path / "again.csv").read_bytes() == path.read_bytes()


def test_windows_newlines_a_byte_order_mark_and_empty_lines_are_read(tmp_path):
    plain = fashionai.read(table(tmp_path, HEADER, BLOUSE, SKIRT), tmp_path)
    path = table(tmp_path, HEADER, BLOUSE, "", SKIRT, "", end="\r\n", encoding="utf-8-sig")
    for record, same in zip(fashionai.read(path, tmp_path), plain, strict=True):
        assert (record.image_id, record.path) == (same.image_id, same.path)
        assert_array_equal(record.keypoints, same.keypoints)
        assert_array_equal(record.visibility, same.visibility)


def test_columns_go_by_name(tmp_path):
    lines = [line.split(",")[::-1] for line in (HEADER, BLOUSE, SKIRT)]
    turned = fashionai.read(table(tmp_path, *map(",".join, lines)), tmp_path)
    plain = fashionai.read(table(tmp_path, HEADER, BLOUSE, SKIRT), tmp_path)
    for record, same in zip(turned, plain, strict=True):
        assert (record.image_id, record.category) == (same.image_id, same.category)
        assert_array_equal(record.keypoints, same.keypoints)


def test_writing_leaves_the_old_file_where_the_disk_refuses(tmp_path):
    (tmp_path / "taken").write_text("not a folder")
    with pytest.raises(Failure) as caught:
        fashionai.write(tmp_path / "taken/out.csv", [])
    assert caught.value.exit_code == Exit.ENVIRONMENT


# === Files refused ===


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([HEADER.removesuffix(",bottom_right_out")], "missing columns: 'bottom_right_out'."),
        ([HEADER + ",collar"], "unknown columns: 'collar'."),
        ([HEADER + ",crotch"], "doubled columns: 'crotch'."),
        ([HEADER.replace("crotch", "Crotch")], "missing columns: 'crotch'; unknown columns: 'C"),
        (["id,category", "a.jpg,skirt"], "missing columns: 'image_id', 'image_category'; unknown"),
        ([HEADER.replace(",", ";"), BLOUSE.replace(",", ";")], "'image_id;image_category;"),
        ([BLOUSE, SKIRT], "unknown columns: 'Images/blouse/d21e.jpg'"),  # no header
    ],
)
def test_wrong_columns(lines, said, tmp_path):
    path = table(tmp_path, *lines)
    with pytest.raises(Failure) as caught:
        fashionai.read(path, tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{path}: row 1: ") and said in message and "\n" not in message
    assert message.endswith(
        "Expected image_id,image_category and, with truth, the 24 keypoints, separated by commas."
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (f"{HEADER}\n{BLOUSE}\n".encode("utf-16"), "not a comma separated UTF-8 table"),
        (f"{HEADER}\n{BLOUSE}\n".encode("utf-16-le"), "'i\\x00m\\x00"),
        (f"{HEADER}\n{BLOUSE}\n".replace("d21e", "\xfc").encode("latin-1"), "not a comma sep"),
        (f'{HEADER}\n"{BLOUSE}\n'.encode(), "not a comma separated UTF-8 table (unexpected end"),
        (b"\0" * 1000, "unknown columns: '\\x00"),
    ],
)
def test_not_a_table(content, said, tmp_path):
    path = tmp_path / "annotations.csv"
    path.write_bytes(content)
    message = refusal(fashionai.read, path, tmp_path)
    assert message.startswith(f"{path}: ") and said in message


def test_no_file(tmp_path):
    assert "no such file" in refusal(fashionai.read, tmp_path / "none.csv", tmp_path)
    assert "Is a directory" in refusal(fashionai.read, tmp_path, tmp_path)


def test_wrong_number_of_fields(tmp_path):
    # In the first row, where a reader may take surplus fields for an index, and in a later one.
    long, short = BLOUSE + ",7_7_1", SKIRT.rpartition(",")[0]
    for rows, row in (([long, SKIRT], 2), ([BLOUSE, long], 3)):
        path = table(tmp_path, HEADER, *rows)
        message = refusal(fashionai.read, path, tmp_path)
        assert message.startswith(f"{path}: row {row}: '7_7_1' lies behind the last column bottom_")
        assert "it has 27 fields, the header 26" in message
    for rows, row in (([short, BLOUSE], 2), ([BLOUSE, "", short], 4)):
        path = table(tmp_path, HEADER, *rows)
        message = refusal(fashionai.read, path, tmp_path)
        assert message.startswith(f"{path}: row {row}: bottom_right_out: no field")


@pytest.mark.parametrize(
    "image_id",
    [
        "", "../../etc/passwd", "Images/../../x.jpg", "/etc/passwd", "C:\\x.jpg", "C:x.jpg",
        "Images\\a.jpg", "Images/a\0.jpg", "Images/a\n.jpg", ".", "..", "//server/x.jpg",
    ],
)  # fmt: skip
def test_hostile_image_id(image_id, tmp_path):
    for rest in (",skirt", "," + SKIRT.split(",", 1)[1]):
        header = HEADER if len(rest) > 10 else "image_id,image_category"
        path = table(tmp_path, header, f'"{image_id}"{rest}')
        message = refusal(fashionai.read, path, tmp_path)
        assert message.startswith(f"{path}: row 2: image_id: {image_id!r} does not name a picture")


def test_unknown_category(tmp_path):
    path = table(tmp_path, HEADER, BLOUSE.replace(",blouse", ",outerwear"))
    message = refusal(fashionai.read, path, tmp_path)
    assert message == (
        f"{path}: row 2: image_category: 'outerwear' is unknown. "
        "Use one of blouse, outwear, trousers, skirt, dress."
    )


def test_a_huge_field_is_not_repeated(tmp_path):
    path = table(tmp_path, HEADER, BLOUSE.replace("241_135_1", "9" * 100_000))
    assert "neckline_left: '9999" in refusal(fashionai.read, path, tmp_path)


# === Folders ===

LIST = "image_id,image_category\nImages/a.jpg,skirt\n"


def lay(root: Path, *files: str) -> Path:
    """Makes files below a folder; lists of pictures without truth, by their name, else with it."""
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(LIST if path.name == "test.csv" else f"{HEADER}\n{BLOUSE}\n{SKIRT}\n")
        (path.parent / "Images").mkdir(exist_ok=True)
    return root


def found(folder: Path, seen_from: Path | None = None) -> tuple[list[str], str | None]:
    """The csv files of the training parts and of the test part."""
    layout, base = fashionai.find(folder), seen_from or folder
    for part in (*layout.train, *([layout.test] if layout.test else [])):
        assert part.csv.is_relative_to(part.root)
    train = [part.csv.relative_to(base).as_posix() for part in layout.train]
    return train, layout.test and layout.test.csv.relative_to(base).as_posix()


def test_no_data(tmp_path):
    message = refusal(fashionai.find, tmp_path)
    assert message.startswith(f"{tmp_path}: no FashionAI data") and "draw fashionai" in message
    assert "no such folder" in refusal(fashionai.find, tmp_path / "none")


ANSWER = "fashionAI_key_points_test_{}_answer_20180426.csv".format


def test_layout_of_the_all_in_one_system(tmp_path):
    splits = ("train/Annotations/train_split.csv", "train/Annotations/val_split.csv")
    lay(tmp_path, "train/Annotations/train.csv", "test/test.csv", *splits)
    assert found(tmp_path) == (["train/Annotations/train.csv"], "test/test.csv")


def test_layout_of_the_per_garment_system(tmp_path):
    train = [
        "r1_test_a/" + ANSWER("a"),
        "r1_test_b/" + ANSWER("b"),
        "r1_train/Annotations/train.csv",
        "wu_train/Annotations/annotations.csv",
    ]
    lay(tmp_path, *train, "r1_test_a/test.csv", "r2_test_a/test.csv", "r2_test_b/test.csv")
    # A Mac's unpacking leaves such files beside the real ones.
    (tmp_path / "r1_test_a" / f"._{ANSWER('a')}").write_bytes(b"\0\5\x16\7")
    assert found(tmp_path) == (train, "r2_test_b/test.csv")


def test_layouts_of_its_kin(tmp_path):
    train = [f"train_{n}/Annotations/annotations.csv" for n in range(4)]
    lay(tmp_path / "a", *train, "test_0/test.csv", "test_1/test.csv")
    assert found(tmp_path / "a") == (train, "test_1/test.csv")
    tests = ("r1-test-a/test.csv", "r1-test-b/test.csv", "r2-test-a/test.csv")
    lay(tmp_path / "b", "train/Annotations/train.csv", *tests)
    assert found(tmp_path / "b") == (["train/Annotations/train.csv"], "r2-test-a/test.csv")


def test_parts_are_in_natural_order(tmp_path):
    lay(tmp_path, *(f"test_{n}/test.csv" for n in (9, 10, 2)))
    lay(tmp_path, *(f"train_{n}/Annotations/train.csv" for n in (10, 2)))
    train, test = found(tmp_path)
    assert train == ["train_2/Annotations/train.csv", "train_10/Annotations/train.csv"]
    assert test == "test_10/test.csv"


def test_a_part_named_test_is_the_test_and_never_trained_on(tmp_path, monkeypatch):
    lay(tmp_path, "test/test.csv", "test/" + ANSWER("a"), "unseen/test.csv", "train/train.csv")
    assert found(tmp_path) == (["train/train.csv"], "test/test.csv")
    assert fashionai.find(tmp_path).test.answers == tmp_path / "test" / ANSWER("a")
    assert found(tmp_path / "test") == ([], "test.csv")
    monkeypatch.chdir(tmp_path / "test")
    assert found(Path(), tmp_path / "test") == ([], "test.csv")


@pytest.mark.parametrize(
    "csv", ["Annotations/annotations.csv", "Annotations/train.csv", "train.csv", ANSWER("b")]
)
def test_one_part_by_itself(csv, tmp_path):
    lay(tmp_path / "part", csv)
    assert found(tmp_path / "part") == ([csv], None)


def test_one_test_part_by_itself(tmp_path):
    assert found(lay(tmp_path, "Annotations/test.csv")) == ([], "Annotations/test.csv")


def test_drawn_data_are_known_by_their_mark(tmp_path, monkeypatch):
    lay(tmp_path, "train/train.csv")
    assert not fashionai.is_drawn(tmp_path) and not fashionai.is_drawn(tmp_path / "train")
    (tmp_path / "drawn.json").touch()
    assert fashionai.is_drawn(tmp_path) and fashionai.is_drawn(tmp_path / "train")
    monkeypatch.chdir(tmp_path / "train")
    assert fashionai.is_drawn(Path())


# === Parts ===


def test_answers_are_joined_in_the_order_of_the_list(tmp_path):
    answers, names = tmp_path / ANSWER("a"), tmp_path / "test.csv"
    answers.write_text(f"{HEADER}\n{BLOUSE}\n{SKIRT}\n")
    names.write_text("image_id,image_category\n")
    part = fashionai.Part(tmp_path, names, answers)
    assert refusal(fashionai.read_part, part).startswith(f"{names}: no rows")
    listed = [",".join(line.split(",")[:2]) for line in (SKIRT, BLOUSE)]
    names.write_text("\n".join(["image_id,image_category", *listed]) + "\n")
    skirt, blouse = fashionai.read_part(part)
    assert (skirt.category, blouse.category) == ("skirt", "blouse")
    assert skirt.visibility.sum() == 5 and blouse.visibility.sum() == 24  # 2+2+0+1; 11 x 2 + 2 x 1
    unlabelled = fashionai.read_part(replace(part, answers=None))
    assert [r.image_id for r in unlabelled] == [skirt.image_id, blouse.image_id]
    assert unlabelled[0].keypoints is None

    answers.write_text(f"{HEADER}\n{SKIRT}\n")
    message = refusal(fashionai.read_part, part)
    assert message.startswith(f"{answers}: image_id: no row for Images/blouse/d21e.jpg (1 in all)")


# === Floor ===


def test_needs_no_tensors():
    assert DATASETS["fashionai"] is fashionai
    code = "import sys, aifashion.datasets, aifashion.evaluation; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "aifashion.datasets.fashionai" in loaded.split()
    assert not {"keras", "tensorflow"} & set(loaded.split())
