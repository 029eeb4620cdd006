"""CPU twin of goodness.cu."""

import numpy as np

from ..random.draws import pnn_draws_words


def pnn_goodness_pairs(n, values, classes, width, level, key0, key1, key, index, labels, samples, out, numbers):
    """Samples twice, with the label written over the first values: their own, then a wrong one, which is drawn by their numbers."""
    drawn, needed = np.empty(n, np.uint32), classes * width
    if n:
        pnn_draws_words(n, 1, key0, key1, key, 0, 0, index, drawn, np.zeros(1, np.int32))
    wrong = (labels + 1 + (drawn % (classes - 1)).astype(np.int64)) % classes
    out, numbers = out.reshape(2, n, values), numbers.reshape(2, n)
    out[:], numbers[:] = samples.reshape(n, values), index
    for half, own in zip(out, (labels, wrong), strict=True):
        half[:, :needed] = ((np.arange(needed) // width == own[:, None]) * level).astype(out.dtype)


def pnn_goodness_parts(samples, values, x, goodness, parts):
    """The goodness of each sample, and their sum, in the first of its parts."""
    flat = x.reshape(samples, values).astype(np.float64)
    goodness[:] = (flat * flat).mean(axis=1)
    parts[:] = 0
    parts[0] = goodness.sum()


def pnn_goodness_learn(
    samples, values, pairs, sharpness, memory, batch, counts, x, goodness, parts, before, cotangent, level, losses, ratings, threshold
):  # fmt: skip
    """The threshold, the loss of each sample, or pair, its cotangent by the outputs, and these over their rms."""
    now, n = parts.sum() / batch, samples // 2
    tau = threshold[0] = memory * before[0] + (1 - memory) * now if before[0] > 0 else now
    if pairs:
        logit = sharpness * (goodness[:n] - goodness[n:]) / tau
        first = -sharpness / tau / (1 + np.exp(logit))
        slope = np.concatenate([first, -first])
        losses[:] = np.logaddexp(0.0, -logit)
    else:
        logit = sharpness * (goodness / tau - 1)
        sign = np.where(np.arange(samples) < n, -1.0, 1.0)
        slope = sign * sharpness / tau / (1 + np.exp(-sign * logit))
        losses[:] = np.logaddexp(0.0, sign * logit)
    if counts:
        ratings[:] = goodness / tau if counts == 1 else ratings + goodness / tau
    x = x.reshape(samples, values)
    np.multiply((2 / values * slope)[:, None], x, out=cotangent.reshape(samples, values), casting="same_kind")
    if level.size:
        rms = np.maximum((goodness**0.5).astype(x.dtype), np.finfo(x.dtype).tiny)
        np.divide(x, rms[:, None], out=level.reshape(samples, values))


def pnn_goodness_rate(samples, stages, pairs, losses, ratings, sums):
    """The losses of all stages, summed over samples, and how many have the larger rating with their own label."""
    n = samples // 2
    sums[:stages] = [each.sum() * (1.0 if pairs else 0.5) for each in losses.reshape(stages, n if pairs else samples)]
    sums[stages] = (ratings[:n] > ratings[n:]).sum()
