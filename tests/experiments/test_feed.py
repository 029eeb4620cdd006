"""Samples on a GPU are gathered there: the same batches as on the host, and nothing copied at a step."""

import numpy as np
import pytest
import strict_cupy

from pnnkern.experiments.feed import Feed
from pnnkern.systems._encoding import flat


class Taker:
    """A system as far as a feed knows one."""

    device_samples = True

    def __init__(self, like: object) -> None:
        self.parameters = {"x": like}


@pytest.mark.parametrize("shape", [(64, 28), (12, 12), (3, 5), (4, 8), (7,)], ids=str)
@pytest.mark.parametrize("kind", [np.uint8, np.float64, np.float32, np.float16])
def test_batches_are_those_of_the_data_set(backend, rng, shape, kind) -> None:
    samples = rng.integers(0, 256, (37, *shape)).astype(kind)
    for labels in (rng.integers(0, 3, 37), rng.random((37, 3))):
        feed, order = Feed(samples, labels, Taker(backend.array(np.zeros(2)))), rng.permutation(37)
        for piece in (slice(0, 16), slice(32, 48), slice(5, 6)):
            found = feed.take(order, piece)
            for one, exact in zip(found, (samples[order[piece]], labels[order[piece]], order[piece]), strict=True):
                np.testing.assert_array_equal(backend.numpy(one), exact)
        for one, exact in zip(feed.piece(slice(3, 9)), (samples[3:9], labels[3:9]), strict=True):
            np.testing.assert_array_equal(backend.numpy(one), exact)


def test_a_step_copies_nothing(cupy, rng) -> None:
    feed = Feed(rng.integers(0, 256, (40, 9)).astype(np.uint8), np.arange(40) % 3, Taker(cupy.zeros(2)))
    order = rng.permutation(40)
    feed.take(order, slice(0, 8))
    with strict_cupy.counted() as events:
        for first in range(0, 40, 8):
            feed.take(order, slice(first, first + 8))
    assert strict_cupy.totals(events) == {"launches": 5, "operations": 0, "syncs": 0, "copies": 0}
    with strict_cupy.counted() as events:
        feed.take(rng.permutation(40), slice(0, 8))  # of the next epoch
    assert strict_cupy.totals(events)["copies"] == 1


def test_what_does_not_fit_stays_on_the_host(cupy, rng, monkeypatch) -> None:
    from pnnkern import _array

    monkeypatch.setattr(_array, "memory", lambda like: 4 * (40 * 9 + 40 * 8) - 1)
    feed = Feed(rng.integers(0, 256, (40, 9)).astype(np.uint8), np.arange(40) % 3, Taker(cupy.zeros(2)))
    samples, labels, index = feed.take(np.arange(40), slice(0, 8))
    assert isinstance(samples, np.ndarray) and isinstance(index, np.ndarray) and not isinstance(labels, np.ndarray)


# ------------------------------------------------------------------------------------------------------------------- encoding
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [np.uint8, np.float64, np.float32, np.float16])
def test_what_enters_a_system(backend, rng, kind, dtype) -> None:
    """Bytes are fractions of 255; the same bits as by NumPy, on either side."""
    for batch, n in ((1, 1), (3, 700), (70000, 2)):
        x = rng.integers(0, 256, (batch, n)).astype(np.uint8) if kind == np.uint8 else rng.random((batch, n)).astype(kind)
        value = dtype(3.7) * (x / dtype(255) if kind == np.uint8 else x.astype(dtype))
        for given in (x, backend.array(x)) if backend.device == "cuda" else (x,):
            once = flat(given, n, backend.device, dtype, gain=3.7)
            twice = flat(given, n, backend.device, dtype, gain=3.7, both=True)
            np.testing.assert_array_equal(backend.numpy(once), value)
            np.testing.assert_array_equal(backend.numpy(twice), np.concatenate([value, -value], axis=1))
            assert backend.numpy(once).dtype == dtype


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1.5, -0.25])
def test_values_that_cannot_enter(backend, kind, bad) -> None:
    x = np.full((3, 4), 0.5, kind)
    x[2, 1] = bad
    for bounded in (True, False):
        if not bounded and np.isfinite(bad):
            flat(backend.array(x), 4, backend.device, np.float32, bounded=False)
            continue
        with pytest.raises(ValueError, match=r"in \[0, 1\]|finite|NaN"):
            flat(backend.array(x), 4, backend.device, np.float32, bounded=bounded)
            _check(backend)
    _check(backend)


def _check(backend) -> None:
    import pnnkern

    if backend.device == "cuda":
        pnnkern.check()
