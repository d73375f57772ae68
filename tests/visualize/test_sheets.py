"""Sheets of pictures: even margins, captions below their pictures, a legend of what is there."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from aifashion import visualize
from aifashion.visualize import colours

TALL = np.zeros((40, 20, 3), np.uint8)
BLACK = np.zeros((60, 60, 3), np.uint8)


def runs(dark: np.ndarray) -> list[int]:
    """The lengths of the light and dark stretches, in turn, light first."""
    ends = np.flatnonzero(np.diff(dark.astype(int))) + 1
    return np.diff([0, *ends, len(dark)]).tolist()


@pytest.mark.parametrize(("count", "shape"), [(1, (50, 50)), (3, (50, 150)), (7, (100, 250))])
def test_contact_sheet(count, shape):
    sheet = visualize.contact_sheet([TALL] * count, columns=5, side=50)
    assert sheet.shape == (*shape, 3)
    assert tuple(sheet[25, 25]) == (0, 0, 0) and tuple(sheet[25, 2]) == (255, 255, 255)


def test_margins_are_even():
    """Twelve squares in four columns, 100 pixels apart: 5 gaps across, 4 down."""
    sheet = visualize.contact_sheet([BLACK] * 12, columns=4, side=100)
    across, down = runs(sheet[50, :, 0] == 0), runs(sheet[:, 50, 0] == 0)
    box = visualize.sheet_box(12, 4, 100)
    for lengths, count in ((across, 4), (down, 3)):
        assert lengths[1::2] == [box] * count
        gaps = lengths[::2]
        assert len(gaps) == count + 1 and max(gaps) - min(gaps) <= 1 and min(gaps) >= 2


@pytest.mark.parametrize("columns", [1, 2, 3, 5, 8, 20])
@pytest.mark.parametrize("count", [1, 4, 7])
def test_every_picture_stands_somewhere(columns, count):
    """Pictures of different greys; in a last row that is not full the rest stays paper."""
    pictures = [np.full((30, 30, 3), 10 * place, np.uint8) for place in range(count)]
    sheet = visualize.contact_sheet(pictures, columns, side=64)
    columns = min(columns, count)
    assert sheet.shape == (64 * -(-count // columns), 64 * columns, 3)
    for place in range(sheet.size // (64 * 64 * 3)):
        row, column = divmod(place, columns)
        cell = sheet[64 * row + 32, 64 * column + 32]
        assert tuple(cell) == ((10 * place,) * 3 if place < count else (255, 255, 255))


def test_pictures_of_the_boxs_size_are_not_resampled():
    box = visualize.sheet_box(6, 3, 100)
    noise = np.random.default_rng(0).integers(0, 256, (box, box, 3)).astype(np.uint8)
    sheet = visualize.contact_sheet([noise] * 6, 3, 100)
    found = [
        (y, x)
        for y in range(12)
        for x in range(12)
        if np.array_equal(sheet[y : y + box, x : x + box], noise)
    ]
    assert len(found) == 1


def test_no_pictures_make_an_empty_row():
    sheet = visualize.contact_sheet([], columns=5, side=50)
    assert sheet.shape == (50, 50, 3) and (sheet == 255).all()


@pytest.mark.parametrize(
    ("columns", "captions", "message"), [(0, (), "columns is 0"), (2, ("a",), "1 captions for 2")]
)
def test_what_makes_no_sheet(columns, captions, message):
    style = visualize.SheetStyle(captions=captions)
    with pytest.raises(ValueError, match=message):
        visualize.contact_sheet([TALL] * 2, columns, 50, style)


def test_captions_stand_below_their_own_pictures():
    """Three of four pictures have a caption, the second one of two lines."""
    style = visualize.SheetStyle(captions=["dress", "skirt\nNE 4.2 %", "", "blouse"])
    sheet = visualize.contact_sheet([BLACK] * 4, 2, 200, style)
    extra = sheet.shape[0] // 2 - 200
    assert 20 < extra < 50 and sheet.shape == (2 * (200 + extra), 400, 3)
    inked = (sheet < 200).any(axis=2)
    bands = [
        inked[row : row + extra, left : left + 200]
        for row in (200, 400 + extra)
        for left in (0, 200)
    ]
    assert [bool(band.any()) for band in bands] == [True, True, False, True]
    lines = [np.flatnonzero(band.any(axis=1)) for band in bands[:2]]
    assert lines[0].max() < extra / 2 < lines[1].max() < extra
    middle = np.flatnonzero(bands[0].any(axis=0))
    assert abs((middle.min() + middle.max()) / 2 - 100) < 4


def test_long_captions_stay_below_their_pictures():
    style = visualize.SheetStyle(captions=["a dress with a very, very long description"] * 2)
    sheet = visualize.contact_sheet([BLACK] * 2, 2, 100, style)
    assert (sheet[:, 99:101] == 255).all()  # between the two
    assert (sheet[100:, :99] < 100).any()


def test_numbers_differ_and_cover_nothing():
    plain = visualize.contact_sheet([BLACK] * 3, 3, 100)
    sheet = visualize.contact_sheet([BLACK] * 3, 3, 100, visualize.SheetStyle(numbers=True))
    assert (sheet[:100] == 0).sum() == (plain == 0).sum()
    assert (sheet[100:] < 100).any()
    written = visualize.SheetStyle(captions=["1", "2", "3"])
    assert_array_equal(sheet, visualize.contact_sheet([BLACK] * 3, 3, 100, written))


def test_paper_is_white_or_dark_and_text_readable_on_it():
    for paper, colour in (("white", (255, 255, 255)), ("dark", colours.INK)):
        style = visualize.SheetStyle(captions=["dress"], title="Truth", paper=paper)
        sheet = visualize.contact_sheet([np.full((60, 60, 3), 128, np.uint8)], 1, 200, style)
        assert tuple(sheet[0, 0]) == tuple(sheet[-1, -1]) == colour
        for part in (sheet[:30], sheet[-25:]):  # the title, the caption
            assert int(part.max()) - int(part.min()) > 200


def test_a_legend_names_the_parts_that_are_there():
    few, more = ["hemline_left"], ["hemline_left", "crotch", "cuff_left_in"]
    strips = [visualize.legend(names, 900, 14) for names in (few, more)]
    assert [strip.shape for strip in strips] == [(28, 900, 3)] * 2

    def holds(strip, part):
        return all((strip == tone).all(axis=2).any() for tone in colours.SHADES[part])

    assert holds(strips[0], "hem") and not holds(strips[0], "leg")
    assert holds(strips[1], "hem") and holds(strips[1], "leg") and holds(strips[1], "sleeve")


def test_a_narrow_legend_has_more_rows_and_cuts_nothing():
    names = ["hemline_left", "crotch", "cuff_left_in", "neckline_left"]
    strip = visualize.legend(names, 240, 14)
    assert strip.shape[1] == 240 and strip.shape[0] > 28
    assert (strip[:, -2:] == 255).all()
    assert visualize.legend([], 240, 14, dots=()).shape == (0, 240, 3)


def test_a_sheet_bears_its_legend_at_the_foot():
    plain = visualize.contact_sheet([BLACK] * 4, 4, 150)
    sheet = visualize.contact_sheet([BLACK] * 4, 4, 150, visualize.SheetStyle(legend=["crotch"]))
    assert_array_equal(sheet[:150], plain)
    assert (sheet[150:] == colours.shade("leg", "left")).all(axis=2).any()
    assert sheet.shape[1] == plain.shape[1]
