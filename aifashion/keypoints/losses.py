"""Losses of heat maps, one value a keypoint, and online hard keypoint mining.

B: pictures; K: keypoints; h, w: cells. Reduction and weights are the network's own `loss_terms`.
"""

from keras import ops


def mean_squared_error(maps, targets):
    """Mean over the cells of (target - map)^2: (B, h, w, K) twice -> (B, K) float32."""
    difference = ops.cast(maps, "float32") - ops.cast(targets, "float32")
    return ops.mean(ops.square(difference), axis=(1, 2))


def spatial_cross_entropy(logits, targets):
    """Cross-entropy between the target as a distribution over cells and the map's soft-max.

    Its minimum over the logits is the target's entropy, so that is taken off: 0 is perfect
    (the Kullback-Leibler divergence). A target without mass (its peak far outside) costs 0.

    Args:
        logits: (B, h, w, K).
        targets: (B, h, w, K), >= 0, of any scale.

    Returns:
        (B, K) float32, in nats.
    """
    logits = ops.cast(logits, "float32")
    mass = ops.sum(targets, axis=(1, 2), keepdims=True)
    target = targets / ops.maximum(mass, 1e-12)
    log_likelihood = logits - ops.logsumexp(logits, axis=(1, 2), keepdims=True)
    log_target = ops.log(ops.maximum(target, 1e-12))
    return ops.sum(target * (log_target - log_likelihood), axis=(1, 2))


def hard_counts(mask, asked: int | None):
    """How many keypoints of each row of the mask (B, K) are mined: (B,) float32.

    Args:
        mask: 1 for the keypoints that a picture's category has.
        asked: how many at the most; None: half of the category's own, rounded down, at least 1.
    """
    own = ops.sum(mask, axis=-1)
    if asked is not None:
        return ops.minimum(own, float(asked))
    return ops.maximum(ops.floor(own / 2), 1.0)


def hardest(losses, counts):
    """Online hard keypoint mining (Chen et al., CPN, CVPR 2018, section 3.2.2), sample by sample.

    Args:
        losses: (B, K), already 0 where a keypoint must never be chosen.
        counts: (B,), how many to keep in each picture.

    Returns:
        (B, K) float32: 1 for the `counts` largest losses of each row, else 0. No gradient.
    """
    order = ops.argsort(-ops.stop_gradient(losses), axis=-1)
    rank = ops.argsort(order, axis=-1)
    return ops.cast(ops.cast(rank, "float32") < ops.cast(counts, "float32")[:, None], "float32")


def rectified_l1(maps, targets, amplitude):
    """Sums of |target - max(map, 0)| on each keypoint's Gaussian and off it, and the cells of both.

    The first half of the published loss of one network per garment
    (github.com/gathierry/FashionAI-KeyPointsDetectionOfApparel); `balanced` is the second.
    A cell is on the Gaussian where its target is above a tenth of the amplitude.

    Args:
        maps: (B, h, w, K).
        targets: (B, h, w, K).
        amplitude: the Gaussian's, in units of the targets; a number or a scalar tensor.

    Returns:
        sums and counts, each (2, B, K) float32: on the Gaussian, then off it.
    """
    targets = ops.cast(targets, "float32")
    error = ops.abs(targets - ops.relu(ops.cast(maps, "float32")))
    on = ops.cast(targets > amplitude / 10, "float32")
    halves = ops.stack([on, 1 - on])
    return ops.sum(halves * error, axis=(2, 3)), ops.sum(halves, axis=(2, 3))


def balanced(sums, counts):
    """Mean on the Gaussian and mean off it, halved and added: a few cells weigh as much as many.

    Args:
        sums: (2, …, K) of `rectified_l1`, over pictures or of each.
        counts: (2, …, K); where it is 0, so is the half.

    Returns:
        (…, K) float32.
    """
    return 0.5 * ops.sum(sums / (counts + 1e-4), axis=0)
