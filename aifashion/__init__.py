"""AiFashion: where a garment's keypoints are, what its parts are, which garments are like it."""

__version__ = "0.1.0"
