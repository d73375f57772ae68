"""FashionAI keypoints of apparel: five categories, 24 keypoints, csv cells `x_y_v`.

A record is one row of a csv. Format: the competition's files (Tianchi, 2018), as both published
systems read them.
"""

from aifashion.datasets.fashionai.keypoints import CATEGORIES as CATEGORIES
from aifashion.datasets.fashionai.keypoints import KEYPOINTS as KEYPOINTS
from aifashion.datasets.fashionai.keypoints import SCHEMA as SCHEMA
from aifashion.datasets.fashionai.layout import find as find
from aifashion.datasets.fashionai.layout import read_part as read_part
from aifashion.datasets.fashionai.layout import save_split as save_split
from aifashion.datasets.fashionai.layout import saved_validation as saved_validation
from aifashion.datasets.fashionai.table import ABSENT_CELL as ABSENT_CELL
from aifashion.datasets.fashionai.table import COLUMNS as COLUMNS
from aifashion.datasets.fashionai.table import SUBMISSION as SUBMISSION
from aifashion.datasets.fashionai.table import format_cell as format_cell
from aifashion.datasets.fashionai.table import parse_cell as parse_cell
from aifashion.datasets.fashionai.table import read as read
from aifashion.datasets.fashionai.table import write as write
from aifashion.datasets.folders import is_drawn as is_drawn
