"""CPU twin of losses.cu."""

import numpy as np

from .._jit import inner, njit

POWERS, PAIRS, LOGITS, SHARES, SQUARES = range(5)


@njit(error_model="numpy")
def pnn_losses_judge(batch, n, kind, scale, high, low, hinge, outputs, labels, fractions, cotangent, sums, fault):
    """Losses on measured outputs (batch, n), their cotangents and how many samples they get right; sums : (loss, rating)."""
    pairs = n // 2 if kind == PAIRS else n
    loss, rating = 0.0, 0.0
    real, most, score = fractions.size > 0, max(pairs, 2) - 1, np.empty(pairs)
    for s in range(batch):
        label = 0 if real else labels[s]
        if label < 0 or label > most:
            fault[0] = 83
        p, out = outputs[s * n : (s + 1) * n], cotangent[s * n : (s + 1) * n]
        if kind == SQUARES:
            one, right = _squares(high, low, hinge, p, label, fractions[s * n : (s + 1) * n], out)
        elif kind == SHARES:
            one, right = _shares(p, label, out)
        else:
            one, right = _softmax(kind, scale, p, label, score, out)
        loss += one
        rating += right
    sums[0], sums[1] = loss, rating


@inner(error_model="numpy")
def _lit(power):
    """`power`, if it can be divided by, else NaN: ratios of no light say nothing."""
    return power if power > 0 and power - power == 0 else np.nan


@inner(error_model="numpy")
def _softmax(kind, scale, p, label, score, cotangent):
    """Cross-entropy of the softmax of scores; one score alone is that of class 1, beside 0 for class 0."""
    m, two = len(score), len(score) == 1
    brightest, unit = 0, 1.0
    if kind == POWERS:
        for c in range(1, m):
            if p[c] > p[brightest]:
                brightest = c
        unit = _lit(np.float64(p[brightest]))
    best, top = 0, -np.inf
    for c in range(m):
        value = np.float64(p[c])
        if kind == PAIRS:
            minus = np.float64(p[m + c])
            score[c] = scale * (value - minus) / _lit(value + minus)
        else:
            score[c] = scale * value / unit if kind == POWERS else scale * value
        if score[c] > top or c == 0:
            best, top = c, score[c]
    first = 0  # class of score 0
    if two:
        best, first = 1 if top > 0 else 0, 1
        top = 0.0 if top < 0 else top
    total = np.exp(-top) if two else 0.0
    right = -top if two and label == 0 else 0.0
    for c in range(m):
        score[c] -= top
        if c + first == label:
            right = score[c]
        score[c] = np.exp(score[c])
        total += score[c]
    dot = 0.0
    for c in range(m):
        g = score[c] / total - (1.0 if c + first == label else 0.0)
        if kind == PAIRS:
            plus, minus = np.float64(p[c]), np.float64(p[m + c])
            both = plus + minus
            cotangent[c] = 2 * scale * minus * g / (both * both)
            cotangent[m + c] = -2 * scale * plus * g / (both * both)
        else:
            dot += g * p[c]
            cotangent[c] = scale / unit * g
    if kind == POWERS:  # the largest moves all scores
        g = score[brightest] / total - (1.0 if brightest == label else 0.0)
        cotangent[brightest] = scale / unit * g - scale * dot / (unit * unit)
    return np.log(total) - right, 1.0 if best == label else 0.0


@inner(error_model="numpy")
def _shares(p, label, cotangent):
    """Square error of each output's share of the power."""
    total, best = 0.0, 0
    for c in range(len(p)):
        total += p[c]
        if p[c] > p[best]:
            best = c
    total, dot, loss = _lit(total), 0.0, 0.0
    for c in range(len(p)):
        q = p[c] / total
        d = q - (1.0 if c == label else 0.0)
        dot += d * q
        loss += d * d
    for c in range(len(p)):
        cotangent[c] = 2 * (p[c] / total - (1.0 if c == label else 0.0) - dot) / total
    return loss, 1.0 if best == label else 0.0


@inner(error_model="numpy")
def _squares(high, low, hinge, p, label, fractions, cotangent):
    """Half the square error; outputs that a hinge leaves alone lie beyond their target on its own side of the middle."""
    n, one = len(p), p.dtype.type
    middle, best, loss, apart = (high + low) / 2, 0, 0.0, 0.0
    for c in range(n):
        if len(fractions) > 0:
            share = fractions[c]
        else:
            share = 1.0 if label == (1 if n == 1 else c) else 0.0
        target = np.float64(one(low + (high - low) * share))
        error = np.float64(p[c]) - target
        apart += (error / (high - low)) ** 2
        d = 0.0 if hinge != 0 and (error > 0) == (target > middle) else error
        loss += d * d
        cotangent[c] = d
        if p[c] > p[best]:
            best = c
    if n == 1:
        best = 1 if p[0] > middle else 0
    right = 1.0 if best == label else 0.0
    return loss / 2, apart / n if len(fractions) > 0 else right
