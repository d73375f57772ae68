"""Training a network, from what was asked to a run's last epoch.

start: which run is trained, a new one or one that goes on.   fit: the whole of training.
book: the run's logs and checkpoints.   validation: an epoch's scores.   stopping: signals.
extras: TensorBoard, the profile.
"""
