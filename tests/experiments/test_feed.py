"""Samples on a GPU are gathered there: the same batches as on the host, and nothing copied at a step."""

import functools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import strict_cupy

from pnnkern import _launch, random
from pnnkern._capture import CaptureError
from pnnkern.experiments.feed import FOLDS, KEYS, Feed, Keys, Progress
from pnnkern.learning.rule import Batch
from pnnkern.systems import DRN
from pnnkern.systems._encoding import Encoding, encoding_of


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
        same(backend, feed.piece(slice(3, 9)), samples[3:9], labels[3:9])
        assert (feed.there is not None) == (backend.device == "cuda")
        if feed.there is None:
            same(backend, feed.take(order[5:9]), samples[order[5:9]], labels[order[5:9]], order[5:9])
            continue
        progress = Progress(feed, 3, 2, KEY)
        progress.begin(order, KNOWN, 0, 0, 0)
        for step, piece in enumerate((order[:16], order[16:32], order[32:])):
            same(backend, progress.take(len(piece)), samples[piece], labels[piece], piece)
            np.testing.assert_array_equal(backend.numpy(progress.now), KNOWN[step])
            progress.advance(len(piece), 0.5 + step, backend.array(np.float64(step)))
        np.testing.assert_array_equal(progress.read(3, 2), [[1.5, 2.5], [1.0, 2.0]])
        progress.begin(order[::-1].copy(), KNOWN, 16, 1, 3)  # another epoch, from its second step
        same(backend, progress.take(4), samples[order[::-1][16:20]], labels[order[::-1][16:20]], order[::-1][16:20])
        np.testing.assert_array_equal(backend.numpy(progress.now), KNOWN[1])


KEY = random.key(2**40 + 7)
PATHS = [(), (3,), (2**64 - 1, 0, 2**33), (5,) * FOLDS, *((n, n + 1) for n in range(KEYS - 4))]


def keys_of(step: int) -> np.ndarray:
    """Of all paths, by the host's own arithmetic."""
    return np.array([functools.reduce(random.fold_in, path, random.fold_in(KEY, step)) for path in PATHS])


def test_keys_of_the_next_step(backend) -> None:
    """Those that a step has folded its key to, made on the device from its number alone."""
    first, at = 2**33 + 5, backend.array(np.array([0, 2, 2**33 + 5]))
    paths = np.zeros((KEYS, FOLDS + 1), np.uint64)
    for row, path in zip(paths, PATHS, strict=True):
        row[: len(path) + 1] = [len(path), *path]
    now, number = backend.array(np.zeros((KEYS, 2), np.uint32)), backend.array(np.zeros(1))
    rest = number, number, at, backend.array(np.zeros(1)), backend.array(np.zeros(2))
    for step in (3, 4):
        for some in (KEYS, 5):
            words = [int(word) for word in KEY]
            _launch.launch("learning/samples", "advance", np.float64, 2, 9, 1, 1, backend.array(np.zeros(9)), *rest, some, FOLDS + 1, *words,
                           backend.array(paths), now, block=(32,))  # fmt: skip
            np.testing.assert_array_equal(backend.numpy(now)[:some], keys_of(first + step)[:some])
            at[1] -= 1
        at[1] += 1


def test_keys_that_a_step_is_captured_with(cupy) -> None:
    keys = Keys(KEY, cupy)
    places = [functools.reduce(random.fold_in, path, keys.of_step()).words for path in PATHS]
    keys.begin(11)
    np.testing.assert_array_equal([place.get() for place in places], keys_of(11))
    assert random.fold_in(keys.of_step(), 3).words.data.ptr == places[1].data.ptr  # the same, and no other
    for more in ((77,), (5,) * (FOLDS + 1)):
        with pytest.raises(CaptureError, match="more than 128 keys, or more than 7 times"):
            _ = functools.reduce(random.fold_in, more, keys.of_step()).words


KNOWN = [(0.1, 0.2, 0.3), (0.4, 0.5, 0.6), (0.7, 0.8, 0.9)]


def same(backend, found, *exact) -> None:
    for one, other in zip(found, exact, strict=True):
        np.testing.assert_array_equal(backend.numpy(one), other)


def test_a_step_copies_nothing(cupy, rng) -> None:
    feed = Feed(rng.integers(0, 256, (40, 9)).astype(np.uint8), np.arange(40) % 3, Taker(cupy.zeros(2)))
    progress = Progress(feed, 3, 4, KEY)
    progress.begin(rng.permutation(40), KNOWN, 0, 0, 0)
    sums = cupy.zeros(2)
    with strict_cupy.counted() as events:
        for _ in range(3):
            progress.take(8)
            progress.advance(8, *sums)
    assert strict_cupy.totals(events) == {"launches": 6, "operations": 0, "syncs": 0, "copies": 0}


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [np.uint8, np.float64, np.float32])
def test_batches_are_encoded_as_they_are_gathered(backend, rng, kind, dtype, both) -> None:
    """The inputs, labels, numbers and targets of the samples that are next, in one launch: by NumPy's own indexing."""
    if backend.device != "cuda":
        pytest.skip("samples on the host are gathered there")
    for n, shape, labels in ((37, (12, 3), rng.integers(0, 3, 37)), (70_000, (7,), rng.random((70_000, 2)))):
        samples = rng.integers(0, 256, (n, *shape)).astype(kind) if kind == np.uint8 else rng.random((n, *shape)).astype(kind)
        system, order = Taker(backend.array(np.zeros(2))), rng.permutation(n)
        system.targets = lambda y: y.astype(np.float32)[:, None] + 5 if y.ndim == 1 else y
        progress = Progress(Feed(samples, labels, system), 3, 2, KEY)
        progress.begin(order, KNOWN, 0, 0, 0)
        count = n // 3
        for step in range(2):
            which = order[step * count : (step + 1) * count]
            with strict_cupy.counted() as events:
                found = progress.take_encoded(count, Encoding(samples[0].size, dtype, gain=3.7, both=both))
            assert step == 0 or len(events) == strict_cupy.totals(events)["launches"] == 1
            rows = samples[which].reshape(count, -1)
            value = dtype(3.7) * (rows / dtype(255) if kind == np.uint8 else rows.astype(dtype))
            exact = np.concatenate([value, -value], axis=1) if both else value
            target = labels[which].astype(np.float32)[:, None] + 5 if labels.ndim == 1 else labels[which]
            same(backend, found, exact, labels[which], which, target)
            progress.advance(count, 0.0, 0.0)


@pytest.mark.parametrize("bad", [np.nan, 1.5])
def test_values_that_cannot_enter_are_found_as_they_are_gathered(cupy, bad) -> None:
    import pnnkern

    samples = np.full((6, 4), 0.5)
    samples[4, 2] = bad
    progress = Progress(Feed(samples, np.arange(6) % 3, Taker(cupy.zeros(2))), 3, 4, KEY)
    progress.begin(np.array([0, 1, 2, 3, 5, 4]), KNOWN, 0, 0, 0)
    progress.take_encoded(5, Encoding(4, np.float32))
    pnnkern.check()
    progress.take_encoded(6, Encoding(4, np.float32))
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        pnnkern.check()
    with pytest.raises(ValueError, match="each sample must have 5 values, got 4"):
        progress.take_encoded(2, Encoding(5, np.float32))


def test_an_encode_of_ones_own_is_heeded() -> None:
    """Not passed over for the `encoding` of the class that it replaces."""

    class Own(DRN):
        def encode(self, images: Any) -> Any:
            return super().encode(images) / 2

    sizes = {"inputs": 4, "hidden": (3,), "outputs": 2, "key": random.key(0)}
    drn = DRN(**sizes)
    assert encoding_of(drn) == drn.encoding == Encoding(4, "float32", gain=drn.gain, both=True, bounded=False)
    assert encoding_of(Own(**sizes)) is None
    assert encoding_of(Taker(np.zeros(1))) is None


def test_pieces_of_a_batch_have_their_own_targets(rng) -> None:
    samples, labels, targets = rng.random((7, 2)), np.arange(7) % 3, rng.random((7, 3))
    for known, exact in ((targets, targets), (None, np.eye(3)[labels])):
        batch = Batch(samples, labels, chunk=3, known=known)
        system = SimpleNamespace(targets=lambda y: np.eye(3)[y])
        np.testing.assert_array_equal(np.concatenate([part.targets(system) for part in batch.shards]), exact)


def test_what_does_not_fit_stays_on_the_host(cupy, rng, monkeypatch) -> None:
    from pnnkern import _array

    for less, there in ((1, False), (0, True)):
        monkeypatch.setattr(_array, "memory", lambda like, less=less: 4 * (40 * 9 + 40 * 8) - less)
        feed = Feed(rng.integers(0, 256, (40, 9)).astype(np.uint8), np.arange(40) % 3, Taker(cupy.zeros(2)))
        assert (feed.there is not None) == there


def test_a_system_that_encodes_on_the_host_gets_samples_there(cupy, rng) -> None:
    system = Taker(cupy.zeros(2))
    system.device_samples = False
    samples, labels, index = Feed(rng.random((40, 9)), np.arange(40) % 3, system).take(np.arange(8))
    assert isinstance(samples, np.ndarray)
    assert isinstance(index, np.ndarray)
    assert isinstance(labels, cupy.ndarray)


# ------------------------------------------------------------------------------------------------------------------- encoding
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [np.uint8, np.float64, np.float32, np.float16])
def test_what_enters_a_system(backend, rng, kind, dtype) -> None:
    """Bytes are fractions of 255; the same bits as by NumPy, on either side."""
    for batch, n in ((1, 1), (3, 700), (4100, 257)):  # more than all blocks of a launch take at once
        x = rng.integers(0, 256, (batch, n)).astype(np.uint8) if kind == np.uint8 else rng.random((batch, n)).astype(kind)
        value = dtype(3.7) * (x / dtype(255) if kind == np.uint8 else x.astype(dtype))
        for given in (x, backend.array(x)) if backend.device == "cuda" else (x,):
            once = Encoding(n, dtype, gain=3.7).of(given, backend.device)
            twice = Encoding(n, dtype, gain=3.7, both=True).of(given, backend.device)
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
            Encoding(4, np.float32, bounded=False).of(backend.array(x), backend.device)
            continue
        with pytest.raises(ValueError, match=r"in \[0, 1\]|finite|NaN"):
            _encoded(backend, x, bounded)
    _encoded(backend, np.ones((1, 4), kind), True)


def _encoded(backend, x, bounded) -> None:
    import pnnkern

    Encoding(4, np.float32, bounded=bounded).of(backend.array(x), backend.device)
    if backend.device == "cuda":
        pnnkern.check()
