"""DeepFashion2 landmarks: 13 categories, 81 keypoints by name, 294 slots in its files.

A record is one garment; its `image_id` is "<picture's number>/<n>", n the number of its annotation
in COCO files of truth, of its item in raw files, of its row in results. Wherever they come from,
records hold the 81 keypoints of `landmarks.py`: conversions to and from slots are the files' own.
"""

from aifashion.datasets.deepfashion2.coco import read as read
from aifashion.datasets.deepfashion2.coco import read_results as read_results
from aifashion.datasets.deepfashion2.coco import read_truth as read_truth
from aifashion.datasets.deepfashion2.conversion import convert_to_coco as convert_to_coco
from aifashion.datasets.deepfashion2.landmarks import CHANNELS as CHANNELS
from aifashion.datasets.deepfashion2.landmarks import SCHEMA as SCHEMA
from aifashion.datasets.deepfashion2.landmarks import SLOT_SIGMAS as SLOT_SIGMAS
from aifashion.datasets.deepfashion2.layout import find as find
from aifashion.datasets.deepfashion2.layout import read_boxes as read_boxes
from aifashion.datasets.deepfashion2.layout import read_part as read_part
from aifashion.datasets.deepfashion2.layout import saved_validation as saved_validation
from aifashion.datasets.deepfashion2.results import SUBMISSION as SUBMISSION
from aifashion.datasets.deepfashion2.results import merge_results as merge_results
from aifashion.datasets.deepfashion2.results import write as write
from aifashion.datasets.deepfashion2.scoring import scored_results as scored_results
from aifashion.datasets.deepfashion2.scoring import scored_truth as scored_truth
from aifashion.datasets.folders import is_drawn as is_drawn
