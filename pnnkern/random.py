"""Counter-based randomness: Philox4x32-10 (Salmon et al., SC'11) and distributions whose bits are the same on every backend.

A draw is a function of (key, sample, element) and of nothing else: row r of a result belongs to sample `sample + r` (or `sample[r]`),
so noise is the same for any split of a batch, any number of threads, and on the CPU, the GPU and the host runner. One key serves one
purpose: `fold_in` makes a new one for each layer, step or kind of draw.
"""

import hashlib
from typing import Any

import numpy as np

from . import _array, _launch
from ._array import Array

MEAN_OUT_OF_RANGE = _launch.fault(2, "a Poisson mean must lie in [0, 2e9] and not be NaN")
_MAX_SAMPLE = 2**63 - 1


def key(seed: int) -> np.ndarray:
    """The key (2,) uint32 of a seed in [0, 2^64)."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= int(seed) < 2**64:
        raise ValueError(f"seed must be an integer in [0, 2^64), got {seed!r}")
    return np.array([int(seed) & 0xFFFFFFFF, int(seed) >> 32], np.uint32)


def fold_in(key: Any, n: int | str) -> np.ndarray:
    """A key for purpose `n` (an integer in [0, 2^64), or a name) of `key`; independent of it and of all others."""
    k0, k1 = _key(key)
    if isinstance(n, str):
        n = int.from_bytes(hashlib.sha256(n.encode()).digest()[:8], "little")
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 0 <= int(n) < 2**64:
        raise ValueError(f"n must be an integer in [0, 2^64) or a string, got {n!r}")
    return np.array(_philox((k0, k1), (int(n) & 0xFFFFFFFF, int(n) >> 32, 0xFFFFFFFF, 0xFFFFFFFF))[:2], np.uint32)


def words(key: Any, shape: tuple[int, ...], *, sample: Any = 0, like: Any = None) -> Array:
    """uint32 words. shape : (samples, ...). sample : the global index of row 0, or an int64 array with one index per row."""
    return _fill("words", key, shape, sample, like, np.uint32)


def uniform(key: Any, shape: tuple[int, ...], *, sample: Any = 0, like: Any = None) -> Array:
    """float32 uniforms in (0, 1), multiples of 2^-24 that never reach 0 or 1. Arguments as `words`."""
    return _fill("uniform", key, shape, sample, like, np.float32)


def normal(key: Any, shape: tuple[int, ...], *, sample: Any = 0, like: Any = None) -> Array:
    """float32 standard normals, exact in the tails to 6 sigma (largest 7.54). Box-Muller, arguments as `words`."""
    return _fill("normal", key, shape, sample, like, np.float32)


def bernoulli(key: Any, p: Any, shape: tuple[int, ...] | None = None, *, sample: Any = 0) -> Array:
    """uint8 ones with probability `p` in [0, 1], exact at both ends; p is an array (samples, ...) or a scalar with `shape`."""
    if _array.is_array(p):
        if shape is not None and tuple(shape) != p.shape:
            raise ValueError(f"shape {shape} must be that of p, {p.shape}")
        probabilities = _array.contiguous(p.astype(np.float32, copy=False))
    else:
        if shape is None:
            raise ValueError("a scalar p needs a shape (samples, ...)")
        if not 0 <= float(p) <= 1:
            raise ValueError(f"p must lie in [0, 1], got {p!r}")
        probabilities = np.full(shape, p, np.float32)
    if isinstance(probabilities, np.ndarray) and not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("every p must lie in [0, 1] and not be NaN")
    return _fill("bernoulli", key, probabilities.shape, sample, probabilities, np.uint8, probabilities)


def poisson(key: Any, mean: Array, *, sample: Any = 0) -> Array:
    """int32 counts of the given means (samples, ...), each in [0, 2e9]: photons on a detector.

    Inversion below 10, the transformed rejection PTRS of Hoermann (1993) above. A mean out of range raises `FaultError` (on a GPU: at
    `pnnkern.check()`).
    """
    if not _array.is_array(mean) or mean.ndim < 1:
        raise TypeError(f"mean must be an array (samples, ...), got {type(mean).__name__}")
    mean = _array.contiguous(mean.astype(np.float32, copy=False))
    return _fill("poisson", key, mean.shape, sample, mean, np.int32, mean)


def permutation(key: Any, n: int, *, sample: int = 0) -> np.ndarray:
    """A random order of range(n), int64 on the host: the order of n distinct 64-bit draws (two words each; ties, of chance n^2 2^-65,
    stay in order)."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
        raise ValueError(f"n must be a non-negative integer, got {n!r}")
    pairs = words(key, (1, 2 * int(n)), sample=sample).reshape(-1, 2).astype(np.uint64)
    return np.argsort(pairs[:, 0] | pairs[:, 1] << np.uint64(32), kind="stable")


# ------------------------------------------------------------------------------------------------------------------------ inside
def _key(key: Any) -> tuple[int, int]:
    values = np.asarray(key)
    if values.shape != (2,) or values.dtype != np.uint32:
        raise TypeError(f"key must be the (2,) uint32 array of pnnkern.random.key(seed), got {type(key).__name__} {key!r:.60}")
    return int(values[0]), int(values[1])


def _philox(key: tuple[int, int], counter: tuple[int, int, int, int]) -> list[int]:
    """One block of four words in plain integers."""
    (k0, k1), (c0, c1, c2, c3) = key, counter
    for _ in range(10):
        p, q = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (q >> 32) ^ c1 ^ k0, q & 0xFFFFFFFF, (p >> 32) ^ c3 ^ k1, p & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [c0, c1, c2, c3]


def _fill(verb: str, key: Any, shape: Any, sample: Any, like: Any, dtype: Any, parameter: Array | None = None) -> Array:
    k0, k1 = _key(key)
    shape = tuple(int(n) for n in ((shape,) if isinstance(shape, int) else shape))
    if not shape or min(shape) < 0:
        raise ValueError(f"shape must be (samples, ...) without negative sizes, got {shape}")
    xp = np if like is None else _array.namespace(like)
    samples, elements = shape[0], int(np.prod(shape[1:], dtype=np.int64))
    sample0, index = 0, None
    if np.ndim(sample) == 0:
        sample0 = int(sample)
        if not 0 <= sample0 <= _MAX_SAMPLE - samples:
            raise ValueError(f"sample must be a non-negative index below 2^63, got {sample!r}")
    else:
        index = xp.asarray(sample, dtype=np.int64)
        if index.shape != (samples,):
            raise ValueError(f"sample must be one index, or one for each of the {samples} rows, got shape {index.shape}")
        if xp is np and samples and index.min() < 0:
            raise ValueError("every sample index must be non-negative")
    out = xp.empty(shape, dtype)
    if not out.size:
        return out
    arguments = (index,) if parameter is None else (index, parameter)
    suffix = {"words": np.uint32}.get(verb, np.float32)
    columns = elements if verb == "poisson" else elements // 4 + 2
    grid = (max(1, min(-(-columns // _launch.BLOCK), _launch.MAX_BLOCKS)), min(samples, 65535))
    _launch.launch("random/draws", verb, suffix, samples, elements, k0, k1, 0, sample0, *arguments, out, grid=grid)
    return out
