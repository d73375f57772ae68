"""Backbones: image -> {"C2": …, "C5": …}, the features of strides 4 to 32.

A backbone is a frozen dataclass of its fields. `features(x)` takes a normalised float image
(B, H, W, 3) inside a functional graph, `build(height, width)` makes a `keras.Model` of a uint8 RGB
image, and `pixels` says which normalisation of `aifashion.backbones.pixels` its weights expect.
"""
