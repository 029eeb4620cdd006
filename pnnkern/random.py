"""Counter-based random numbers: Philox4x32-10 and distributions whose bits are the same on every backend.

A draw is a function of (key, sample, element) and of nothing else. The first axis of a result is the sample axis: row r belongs to
sample ``sample + r`` (or ``sample[r]``), and its elements are numbered from ``element0`` in C order over the other axes. So draws are
the same for any split of a batch or of the elements, for any number of threads and ranks, and on the CPU, a GPU and the host runner::

    z = normal(key, (3, 5))                                     # samples 0, 1, 2
    z[1:] == normal(key, (2, 5), sample=1)                      # the same rows
    z[[2, 0]] == normal(key, (2, 5), sample=np.array([2, 0]))   # as a shuffled batch meets them
    z[:, 3:] == normal(key, (3, 2), element0=3)                 # the same columns

One key serves one purpose, because different kinds of draw from one key are made of the same words: `fold_in` makes a new key for
each layer, step or kind of noise.

Source: Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, SC'11. The maths is in ``pnnkern/philox.cuh``.
"""

import hashlib
from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike

from . import _array, _capture, _launch
from ._array import Array, Key, Numbers, Sample, Values
from ._gate import accepts_any

Shape = int | tuple[int, ...]

_launch.fault(2, "every Poisson mean must lie in [0, 2e9]")
_launch.fault(3, "every probability must lie in [0, 1]")
_launch.fault(4, "every sample index must be 0 or more")


# ------------------------------------------------------------------------------------------------------------------------- keys
def key(seed: int) -> np.ndarray:
    """The key of a seed.

    Parameters
    ----------
    seed : int
        Integer in [0, 2^64).

    Returns
    -------
    np.ndarray
        Uint32 (2,), on the host.

    Raises
    ------
    ValueError
        For any other seed.
    """
    seed = _integer(seed, "seed", 2**64)
    return np.array([seed & 0xFFFFFFFF, seed >> 32], np.uint32)


def fold_in(key: Key, n: int | str) -> np.ndarray:
    """A new key for purpose `n` of `key`, unrelated to `key` and to those of other purposes.

    Parameters
    ----------
    n : int | str
        Integer in [0, 2^64) (a layer, a step), or a name, which stands for the first eight bytes of its SHA-256.

    Returns
    -------
    np.ndarray
        Uint32 (2,).

    Raises
    ------
    ValueError
        For another `n`.
    TypeError
        If `key` is no key.
    """
    given: Any = key
    if type(given) is _capture.StepKey:
        return cast(Any, given.folded(purpose(n)))
    return np.array(_philox(_key(key), (*purpose_words(n), 0xFFFFFFFF, 0xFFFFFFFF))[:2], np.uint32)


def purpose_words(n: int | str) -> tuple[int, int]:
    """The two words of a purpose, low first, as kernels take them that fold keys themselves."""
    n = purpose(n)
    return n & 0xFFFFFFFF, n >> 32


def purpose(n: int | str) -> int:
    """The number of a purpose, in [0, 2^64)."""
    return int.from_bytes(hashlib.sha256(n.encode()).digest()[:8], "little") if isinstance(n, str) else _integer(n, "n", 2**64)


def require_key(key: Any, why: str) -> np.ndarray:
    """The key, or one clear ValueError where there is none. why : what is random, as a sentence ("draws are random")."""
    if key is None:
        raise ValueError(key_missing(why))
    if type(key) is not _capture.StepKey:
        _key(key)
    found: np.ndarray = key
    return found


def key_missing(why: str) -> str:
    """What `require_key` says, for what is found out on a device."""
    return f"{why}, which needs a key: key=pnnkern.random.key(seed)"


def words_of(key: Any, xp: Any) -> tuple[int, int, Array | None]:
    """A key as kernels of NumPy or CuPy take it: two words, and where they lie in a GPU's memory instead, if they do."""
    if type(key) is not _capture.StepKey:
        return *_key(key), None
    if xp is np:
        raise _capture.CaptureError("random numbers are drawn on the host by the key of each step")
    return 0, 0, key.words


def key_words(key: Key, purpose: int | str) -> tuple[int, int]:
    """The two words of a key for one purpose of `key`, as kernels take them."""
    return _key(fold_in(key, purpose))


# ------------------------------------------------------------------------------------------------------------------------ draws
@accepts_any
def words(key: Key, shape: Shape, *, sample: Sample = 0, element0: int = 0, like: Numbers | None = None) -> Array:
    """Random 32-bit words.

    Parameters
    ----------
    shape : Shape
        (samples, ...); keep samples on the first axis, even for one. A number n is n samples of one element each.
    sample
        Global index of row 0, or an integer array with the index of each row; 0 or more.
    element0 : int
        Number of the first element of each row.
    like : Array | None
        An array on the device that is to do the work and hold the result; NumPy on the CPU by default.

    Returns
    -------
    Array
        Uint32 of `shape`.

    Raises
    ------
    TypeError
        For a key, dtype or index of the wrong kind.
    ValueError
        For a number out of range (for sample indices on a GPU at `pnnkern.check()`).
    """
    return _draw("words", key, shape, sample, element0, np.uint32, like)


@accepts_any
def uniform(
    key: Key, shape: Shape, *, sample: Sample = 0, element0: int = 0, dtype: DTypeLike = np.float32, like: Numbers | None = None
) -> Array:
    """Uniforms strictly between 0 and 1, symmetric about 1/2: odd multiples of 2^-24, or for float64 of 2^-53.

    Parameters
    ----------
    dtype : DTypeLike
        float32 or float64, which are different draws. Other arguments and errors as for `words`.
    """
    return _draw("uniform", key, shape, sample, element0, _real(dtype), like)


@accepts_any
def normal(
    key: Key, shape: Shape, *, sample: Sample = 0, element0: int = 0, dtype: DTypeLike = np.float32, like: Numbers | None = None
) -> Array:
    """Standard normals, by Box and Muller's transform with logarithm and circle written out in single roundings.

    float32: tails right to 6 sigma, largest 7.54. float64: error a few units in the last place, largest 9.42.

    Parameters
    ----------
    dtype : DTypeLike
        float32 or float64, which are different draws. Other arguments and errors as for `words`.
    """
    return _draw("normal", key, shape, sample, element0, _real(dtype), like)


@accepts_any
def bernoulli(
    key: Key, p: Values, shape: Shape | None = None, *, sample: Sample = 0, element0: int = 0, like: Numbers | None = None
) -> Array:
    """Ones with probability `p`, to 2^-64; never at p = 0 and always at p = 1.

    Parameters
    ----------
    p
        In [0, 1]; an array (samples, ...) of float32 or float64, or anything that broadcasts to `shape`.
    shape : Shape | None
        (samples, ...); that of `p` by default.

    Returns
    -------
    Array
        Uint8 of `shape` on the device of `p`. Other arguments and errors as for `words`; a `p` outside [0, 1] raises ValueError (on a GPU at
        `pnnkern.check()`).
    """
    chances = _parameter("p", p, shape, like)
    return _draw("bernoulli", key, chances.shape, sample, element0, np.uint8, chances, chances)


@accepts_any
def poisson(
    key: Key, mean: Values, shape: Shape | None = None, *, sample: Sample = 0, element0: int = 0, like: Numbers | None = None
) -> Array:
    """Poisson counts, such as photons on a detector.

    Inversion for means below 10, above it the transformed rejection PTRS of Hoermann, Insurance: Mathematics and Economics 12, 39 (1993),
    decided in float64.

    Parameters
    ----------
    mean
        In [0, 2e9]; an array (samples, ...) of float32 or float64, or anything that broadcasts to `shape`.
    shape : Shape | None
        (samples, ...); that of `mean` by default.

    Returns
    -------
    Array
        Int32 of `shape` on the device of `mean`. Other arguments and errors as for `words`; a mean out of range raises ValueError (on a GPU at
        `pnnkern.check()`, and its count is -1).
    """
    means = _parameter("mean", mean, shape, like)
    return _draw("poisson", key, means.shape, sample, element0, np.int32, means, means)


@accepts_any
def permutation(key: Key, n: int, *, sample: int = 0, like: Numbers | None = None) -> Array:
    """A random order of range(n): the order in which a stable sort puts n independent 64-bit draws.

    Every order is equally likely up to the chance of a tie, n^2 2^-65; a tie stays in order, so the result is the same everywhere.

    Parameters
    ----------
    n : int
        0 or more, below 2^31.
    sample, like
        As for `words`, but one index.

    Returns
    -------
    Array
        Int64 (n,).
    """
    n, sample = _integer(n, "n", 2**31), _integer(sample, "sample", 2**63 - 1)
    pairs = words(key, (1, 2 * n), sample=sample, like=like).reshape(n, 2).astype(np.uint64)
    return _array.namespace(pairs).argsort(pairs[:, 0] | pairs[:, 1] << np.uint64(32), kind="stable")


# ----------------------------------------------------------------------------------------------------------------------- inside
def _integer(value: Any, name: str, limit: int) -> int:
    """`value` as an int in [0, limit), or ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= int(value) < limit:
        power = limit.bit_length() - 1
        below = f"2^{power}" if limit == 2**power else str(limit)
        raise ValueError(f"{name} must be an integer from 0 to below {below}, got {value!r}")
    return int(value)


def _key(key: Any) -> tuple[int, int]:
    if type(key) is _capture.StepKey:
        raise _capture.CaptureError("random numbers are drawn by a kernel that takes the key of each step from the host")
    if not isinstance(key, np.ndarray) or _array.masked(type(key)) or key.shape != (2,) or key.dtype != np.uint32:
        got = f"{key.dtype} {key.shape}" if isinstance(key, np.ndarray) else f"{key!r:.60}"
        raise TypeError(f"key must be the uint32 (2,) array of pnnkern.random.key(seed) or fold_in(key, n), got {got}")
    return int(key[0]), int(key[1])


def _philox(key: tuple[int, int], counter: tuple[int, int, int, int]) -> list[int]:
    """One block of four words, in Python's integers."""
    (k0, k1), (c0, c1, c2, c3) = key, counter
    for _ in range(10):
        p, q = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (q >> 32) ^ c1 ^ k0, q & 0xFFFFFFFF, (p >> 32) ^ c3 ^ k1, p & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [c0, c1, c2, c3]


def _real(dtype: DTypeLike) -> np.dtype[Any]:
    dtype = np.dtype(dtype)
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"dtype must be float32 or float64, got {dtype}")
    return dtype


def _shape(shape: Any) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    if not sizes:
        raise ValueError("shape must have a first axis of samples, got ()")
    return tuple(_integer(size, "each size in shape", 2**63) for size in sizes)


def _parameter(name: str, value: Any, shape: Any, like: Any) -> Array:
    """`value` as a contiguous float32 or float64 array of `shape`."""
    if not _array.is_array(value):
        value = (np if like is None else _array.namespace(like)).asarray(value)
    if value.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be real, got {value.dtype}")
    if value.dtype not in (np.float32, np.float64):
        value = value.astype(np.float64)
    if shape is None:
        if not value.ndim:
            raise ValueError(f"a single {name} needs a shape (samples, ...)")
        return _array.contiguous(value)
    shape = _shape(shape)
    try:
        return _array.contiguous(_array.namespace(value).broadcast_to(value, shape))
    except ValueError:
        raise ValueError(f"{name} of shape {value.shape} does not broadcast to shape {shape}") from None


def _draw(
    verb: str, key: Any, shape: Any, sample: Any, element0: Any, dtype: DTypeLike, like: Any, parameter: Array | None = None
) -> Array:
    if type(key) is not _capture.StepKey:
        _key(key)
    shape = _shape(shape)
    samples, elements = shape[0], int(np.prod(shape[1:], dtype=object))
    element0 = _integer(element0, "element0", 2**63)
    limit = 48 if verb == "poisson" else 61
    if element0 + elements > 2**limit:
        raise ValueError(f"elements must be numbered below 2^{limit}, got element0 {element0} and {elements} elements")
    sample0, index = 0, None
    if isinstance(sample, bool | int | np.integer):
        sample0 = _integer(sample, "sample", 2**63 - samples)
    else:
        index = sample if _array.is_array(sample) else np.asarray(sample)
        if index.dtype.kind not in "iu":
            raise TypeError(f"sample must be an integer or an array of integers, got {index.dtype}")
        if index.shape != (samples,):
            raise ValueError(f"sample must be one index, or one for each of the {samples} rows, got shape {index.shape}")
        if index.dtype == np.uint64 and _array.namespace(index) is np and index.size and int(index.max()) >= 2**63:
            raise ValueError(f"every sample index must be below 2^63, got {int(index.max())}")
    # indices on a GPU keep the draws there; indices on the host go where the draws are made
    xp = _array.namespace(like, None if index is not None and _array.namespace(index) is np else index)
    if index is not None:
        index = xp.ascontiguousarray(xp.asarray(index, dtype=np.int64))
    out = xp.empty(shape, dtype)
    if not out.size:
        return out
    parameters = () if parameter is None else (parameter,)
    kind = dtype if parameter is None else parameter.dtype
    grid, block = tiles(samples, elements if verb == "poisson" else elements // 4 + 2)
    _launch.launch(
        "random/draws", verb, kind, samples, elements, *words_of(key, xp), element0, sample0, index, *parameters, out,
        grid=grid, block=block,
    )  # fmt: skip
    return out


def tiles(samples: int, columns: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Grid and block of a launch whose x walks what each thread has of a row (quads, or for Poisson elements), and y the rows.

    A block is as wide as a row needs, and 256 threads in all.
    """
    width = min(_launch.BLOCK, 1 << (columns - 1).bit_length())
    height = _launch.BLOCK // width
    return (min(-(-columns // width), _launch.MAX_BLOCKS), min(-(-samples // height), 65535)), (width, height)


__all__ = ["bernoulli", "fold_in", "key", "normal", "permutation", "poisson", "uniform", "words"]
