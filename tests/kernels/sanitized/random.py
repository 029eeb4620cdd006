"""Draws, by the public functions and on grids that are smaller than the rows in both directions."""

from collections.abc import Iterator

import numpy as np
import pytest

from pnnkern import _launch, random
from pnnkern._errors import FaultError

KEY = random.key(3)


def public() -> Iterator[np.ndarray]:
    yield random.words(KEY, (3, 33), sample=np.array([5, 2**40, 0]))
    for real in (np.float32, np.float64):
        yield random.bernoulli(KEY, np.full((3, 1031), 0.4, real))
        yield random.poisson(KEY, np.full((3, 207), 30.0, real))
        for draw in (random.uniform, random.normal):
            yield draw(KEY, (3, 1033), element0=3, dtype=real)


def strided() -> Iterator[np.ndarray]:
    samples, elements, element0 = 13, 403, 3
    index = np.arange(samples) * 7 + 2**33
    drawn = [("words", np.uint32, np.uint32)] + [(verb, t, t) for verb in ("uniform", "normal") for t in (np.float32, np.float64)]
    drawn += [(verb, t, out) for verb, out in (("bernoulli", np.uint8), ("poisson", np.int32)) for t in (np.float32, np.float64)]
    for verb, dtype, kind in drawn:
        mean = np.linspace(0, 1 if verb == "bernoulli" else 40, samples * elements).astype(dtype).reshape(samples, elements)
        parameter = (mean,) if verb in ("bernoulli", "poisson") else ()
        for which, there in ((None, None), (index, np.array([13, 14], np.uint32))):
            out = np.zeros((samples, elements), kind)
            sizes = samples, elements, 11, 12, there, element0, 5, which
            _launch.launch("random/draws", verb, dtype, *sizes, *parameter, out, grid=(2, 3), block=(16, 2))
            yield out


def faults() -> Iterator[np.ndarray]:
    """Flagged wherever it is: here in the last quad of the last row."""
    for verb, bad in (("bernoulli", 1.5), ("poisson", -1.0)):
        values = np.full((5, 333), 0.5)
        values[-1, -1] = bad
        with pytest.raises(FaultError):
            getattr(random, verb)(KEY, values)
    with pytest.raises(FaultError):
        random.words(KEY, (5, 3), sample=np.array([0, 1, 2, 3, -1]))
    yield np.ones(1)


CALLS = (public, strided, faults)
