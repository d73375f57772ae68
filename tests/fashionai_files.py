"""Rows of a csv as FashionAI has them, and what is said of files that are refused."""

import pytest

from aifashion.datasets.fashionai import COLUMNS
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


def refusal(call, *arguments) -> str:
    """The one line that a call fails with, as bad data."""
    with pytest.raises(Failure) as caught:
        call(*arguments)
    assert caught.value.exit_code == Exit.BAD_DATA
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    return str(caught.value)
