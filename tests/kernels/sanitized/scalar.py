"""A function of many values: as the kernels are without a user's, the first argument."""

from collections.abc import Iterator

import numpy as np

from pnnkern import _launch


def values() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    for real in (np.float32, np.float64):
        x = rng.normal(0, 1, (3, 211)).astype(real)
        out = np.empty(211, real)
        _launch.launch("scalar", "values", real, 211, rng.normal(0, 1, 2).astype(real), x, out, threads=211)
        yield out


CALLS = (values,)
