"""FashionAI's csv files: cells and rows both ways, and what is refused."""

from pathlib import Path

import pytest
from fashionai_files import BLOUSE, HEADER, SKIRT, refusal
from numpy.testing import assert_array_equal

from aifashion.datasets import fashionai
from aifashion.datasets.fashionai import CATEGORIES, KEYPOINTS, SCHEMA
from aifashion.datasets.schema import ABSENT, ABSENT_POINT, OCCLUDED, VISIBLE
from aifashion.errors import Exit, Failure


def table(folder: Path, *lines: str, end: str = "\n", encoding: str = "utf-8") -> Path:
    path = folder / "annotations.csv"
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


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
    assert points["crotch"] == list(ABSENT_POINT) == [-0.5, -0.5]
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
