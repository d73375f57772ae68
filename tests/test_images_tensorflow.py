"""TensorFlow's JPEG decoder may stand in for ours where the header says `plain`: equal bytes."""

import cv2
import numpy as np
from numpy.testing import assert_array_equal

from aifashion import images


def texture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_equals_tensorflow_on_plain_jpegs():
    import tensorflow as tf

    samplings = (0x111111, 0x211111, 0x221111, 0x121111, 0x411111)  # 444 422 420 440 411
    cases = [(s, p, *hw) for s in samplings for p in (0, 1) for hw in ((33, 47), (1, 1), (64, 48))]
    for sampling, progressive, height, width in cases:
        options = (
            cv2.IMWRITE_JPEG_QUALITY, 80, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling,
            cv2.IMWRITE_JPEG_PROGRESSIVE, progressive,
        )  # fmt: skip
        data = cv2.imencode(".jpg", texture(height, width), options)[1].tobytes()
        assert images.read_header(data).plain
        theirs = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
        assert_array_equal(images.decode(data), theirs.numpy())
    grey = cv2.imencode(".jpg", texture(33, 47)[:, :, 0])[1].tobytes()
    assert images.read_header(grey).plain
    theirs = tf.io.decode_jpeg(grey, channels=3, dct_method="INTEGER_ACCURATE")
    assert_array_equal(images.decode(grey), theirs.numpy())
