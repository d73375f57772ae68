"""Pure functions on tensors in `keras.ops`: no variables, no networks, no files.

One module is not pure: `norm` holds the batch normalisation layer of every network, because its
fast path is the one place below the pipelines where TensorFlow is called directly.
"""
