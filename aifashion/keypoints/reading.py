"""How keypoints are read from heat maps: of no matter to training, free to change at test time.

B: pictures; K: keypoints; h, w: cells of the map; stride: input pixels per cell.
"""

import math
from dataclasses import dataclass

from keras import ops

from aifashion.ops import heatmaps

HEADS = ("refine", "global")
MOST_ENLARGED = 16


@dataclass(frozen=True)
class Reading:
    """How keypoints are read from heat maps; of no matter to training.

    Without noise, Gaussians of sigma 2 at stride 4 are read, unbiased, less than 0.01 pixels off;
    enlarged by 2, 0.05, by 4, 0.14, since bicubic interpolation bends a summit. Blurring and
    enlarging know nothing beyond the rim: within 4 cells of it a blur by 1 costs up to 2.5 pixels,
    within 2 enlarging up to 5, and both together up to 6.5.

    About `shift`: the published systems call cell i the pixel of index i * stride and add 2 later,
    half a cell at stride 4. Here cell i stands for its centre, (i + 0.5) * stride, in training and
    in reading, and the pixel of index n for n + 0.5: theirs are shift=-1.5 and, with the 2,
    shift=0.5. Nothing is left to add; a shift moves every keypoint off its place by that much.

    About `flip_shift`: a keypoint on such a system's cell i, the pixel of index i * stride, lies in
    the mirrored picture stride - 1 pixels to the right of its cell w - 1 - i, so that they move the
    mirrored picture's maps, mirrored back, by a column. Here centres mirror onto centres.
    """

    head: str = "refine"  # the net whose maps are read: "refine", or "global" at its finest level
    blur: float = 0.0  # sigma in cells of a Gaussian over the maps; published: 0.5, and 5x5 of 1
    enlarge: int = 1  # bicubic, after the blur; published: 2 and more
    peak: str = "unbiased"  # see `heatmaps.decode`; published: "quarter", "neighbours", "cell"
    shift: float = 0.0  # input pixels added to both coordinates
    flip_shift: int = 0  # columns the mirrored picture's maps are moved to the right; HRNet's: 1

    def __post_init__(self):
        for name, known in (("head", HEADS), ("peak", heatmaps.PEAKS)):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f"Reading.{name} is one of {', '.join(known)}, not {value!r}")
        if not 0 <= self.blur < math.inf:
            raise ValueError(f"Reading.blur is 0 or more, not {self.blur}")
        if self.enlarge not in range(1, MOST_ENLARGED + 1):
            raise ValueError(
                f"Reading.enlarge is a whole number from 1 to {MOST_ENLARGED}, not {self.enlarge}"
            )
        if not math.isfinite(self.shift):
            raise ValueError(f"Reading.shift is a number of pixels, not {self.shift}")
        if self.flip_shift not in (0, 1):
            raise ValueError(f"Reading.flip_shift is 0 or 1, not {self.flip_shift}")

    def read(self, maps, mask, stride: float) -> dict:
        """Keypoints and confidence from maps.

        The confidence is the height of the maps as given. A blur would lower it, the more the
        narrower the peak, and enlarging may raise it: the same network would seem more or less sure
        by how its maps are read.

        Args:
            maps: (B, h, w, K), about 1 at a sure peak, 0 elsewhere; h, w >= 3.
            mask: (B, K), 1 for the category's keypoints, else 0.
            stride: input pixels per cell of the maps.

        Returns:
            {"keypoints": (B, K, 2) in input pixels, "confidence": (B, K) in 0 … 1}, float32.
        """
        maps = ops.cast(maps, "float32")
        height = ops.max(maps, axis=(1, 2), initial=0.0)
        if self.blur:
            maps = heatmaps.blur(maps, self.blur)
        maps = heatmaps.enlarge(maps, self.enlarge)
        points, _ = heatmaps.decode(maps, stride / self.enlarge, self.peak)
        return {"keypoints": points + self.shift, "confidence": ops.minimum(height, 1.0) * mask}
