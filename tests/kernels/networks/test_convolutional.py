"""The kernels of convolutional networks beside the sweeps of whole arrays that a CPU does, in all settings."""

import itertools
from typing import Any

import numpy as np
import pytest
import strict_cupy

import pnnkern as pnn
from pnnkern.networks import _convolutional, convolutional

SETTINGS = [  # activation, readout, pool, hold, begun, slopes
    ("hard-sigmoid", "state", "mean", False, False, False), ("hard-sigmoid", "softmax", "max", False, True, False),
    ("sigmoid", "state", "max", True, False, True), ("sigmoid", "softmax", "mean", False, True, True),
    ("tanh", "state", "mean", True, True, True), ("hard-sigmoid", "state", "max", False, True, True),
]  # fmt: skip
BATCH = 3


def network(maps: tuple[int, ...], dtype: str, rng: np.random.Generator, image: tuple[int, int, int] = (2, 8, 12), side: int = 3) -> dict:
    key = pnn.random.key(int(rng.integers(1000)))
    weights = convolutional.initial(image, maps, 3, key, dtype=dtype, gain=1.5, side=side)
    return {
        "images": rng.random((BATCH, *image)).astype(dtype), "weights": weights,
        "biases": [rng.normal(0.3, 0.3, n).astype(dtype) for n in (*maps, 3)],
    }  # fmt: skip


def shapes(c: dict) -> list[tuple[int, ...]]:
    return convolutional._sizes(c["images"], c["weights"])


def there(xp: Any, value: Any) -> Any:
    return [there(xp, v) for v in value] if isinstance(value, list) else xp.asarray(value) if isinstance(value, np.ndarray) else value


def close(got: Any, expected: np.ndarray, dtype: str) -> None:
    limit = 2e-5 if dtype == "float32" else 1e-12
    got = got.get() if hasattr(got, "get") else got
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    assert np.abs(got - expected).max(initial=0) <= limit * max(1e-2, np.abs(expected).max(initial=0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("how", SETTINGS, ids=lambda how: "-".join(map(str, how)))
@pytest.mark.parametrize(("maps", "side"), [((3, 4), 3), ((5,), 5), ((2, 3), 1)])
def test_phases(cupy: Any, maps: tuple[int, ...], side: int, how: tuple, dtype: str, rng: np.random.Generator) -> None:
    """Three nudged states, two of them together, at a fixed number of sweeps and until they rest; then the derivative by all parameters."""
    activation, readout, pool, hold, begun, sloped = how
    c = network(maps, dtype, rng, side=side)
    sizes = shapes(c)[1:]
    settings = c | {"activation": activation, "readout": readout, "pool": pool, "hold": hold, "nudges": (-0.03, 0.05, 0.02)}
    settings["on_failure"] = "flag"
    settings["target"] = np.eye(3, dtype=dtype)
    if begun:
        settings["start"] = [rng.uniform(0.1, 0.9, (BATCH, *size)).astype(dtype) for size in sizes]
    if sloped:
        settings["slopes"] = [rng.uniform(0.5, 1.0, size).astype(dtype) for size in sizes]
    for sweeps in ({"sweeps": 3, "nudged_sweeps": 4, "tolerance": 0}, {"sweeps": 400, "tolerance": 1e-6 if dtype == "float32" else 1e-14}):
        right = convolutional.phases(**settings, **sweeps)
        with strict_cupy.counted() as events:
            got = convolutional.phases(**{k: there(cupy, v) for k, v in settings.items()}, **sweeps)
        assert sum(n for (_, name, _), n in events.items() if "convolutional" in name) == 1
        assert sloped or strict_cupy.totals(events)["launches"] == 1  # slopes and their bound are looked at
        for a, b in itertools.chain(zip(got.states, right.states), zip(got.moved, right.moved), [(got.output, right.output)]):
            close(a, b, dtype)
    alone = settings | {"images": c["images"][1:2], "target": settings["target"][1:2]}
    if begun:
        alone["start"] = [s[1:2] for s in settings["start"]]
    left = convolutional.phases(**alone, sweeps=3, nudged_sweeps=4, tolerance=0).left
    got_left = convolutional.phases(**{k: there(cupy, v) for k, v in alone.items()}, sweeps=3, nudged_sweeps=4, tolerance=0).left
    assert got_left.shape == (4, 1)
    assert got_left.get().max() == pytest.approx(left, **({"abs": 1e-6} if dtype == "float32" else {"rel": 1e-9}))
    for a, b in ((0, 1), (2, 3), (3, 1)):
        one = convolutional.contrast(right, a, b, c["weights"], pool=pool)
        two = convolutional.contrast(got, a, b, there(cupy, c["weights"]), pool=pool)
        for x, y in zip(itertools.chain(*two), itertools.chain(*one)):
            close(x, y, dtype)


def test_a_sample_stops_when_it_rests(cupy: Any, rng: np.random.Generator) -> None:
    """Each by itself: a batch is what its samples are, to the bit."""
    c = network((3, 4), "float64", rng)
    whole = convolutional.phases(**{k: there(cupy, v) for k, v in c.items()}, tolerance=1e-6, sweeps=200)
    for n in range(BATCH):
        sample = c | {"images": c["images"][n : n + 1]}
        one = convolutional.phases(**{k: there(cupy, v) for k, v in sample.items()}, tolerance=1e-6, sweeps=200)
        for a, b in zip(one.states, whole.states):
            np.testing.assert_array_equal(a.get()[0], b.get()[n])


def test_the_first_of_equal_pixels_is_chosen(cupy: Any) -> None:
    """And NaN before all others, as NumPy has it."""
    x = np.array([[0, 0, 1, 2], [0, 0, 2, 1], [3, np.nan, np.nan, 1], [4, 0, 0, np.nan]], float).reshape(1, 1, 4, 4)
    one = np.ones((1, 1, 1, 1))
    got = _convolutional._choose(cupy.asarray(x), cupy.asarray(one))
    assert got.get().ravel().tolist() == [0, 1, 1, 0]
    assert convolutional._largest(x)[0, 0].astype(bool).tolist() == [
        [True, False, False, True], [False, False, False, False], [False, True, True, False], [False, False, False, False],
    ]  # fmt: skip


def test_what_does_not_fit_is_done_array_by_array(cupy: Any, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    c = network((3, 4), "float64", rng)
    here = {k: there(cupy, v) for k, v in c.items()}
    one = convolutional.phases(**here, sweeps=3, tolerance=0, on_failure="flag")
    monkeypatch.setattr(_convolutional, "plan", lambda *how: None)
    two = convolutional.phases(**here, sweeps=3, tolerance=0, on_failure="flag")
    for a, b in zip(one.states, two.states):
        close(a, b.get(), "float64")


def test_plans() -> None:
    sizes = [(1, 28, 28), (32, 14, 14), (64, 7, 7), (10,)]
    nodes, first = 32 * 14 * 14 + 64 * 49 + 10, 32 * 14 * 14
    how = _convolutional.plan(sizes, True, 4, 2, 227 << 10)
    assert how == (512, 4 * (4 * nodes + 2 * first + 64 + first) + nodes, 2) or how == (512, 4 * (3 * nodes + first + 64 + first) + nodes, 1)
    assert _convolutional.plan(sizes, False, 8, 2, 227 << 10) is None
    assert _convolutional.plan([(4, 2, 2), (10,)], False, 4, 1, 227 << 10) is None  # no convolution
    assert _convolutional.plan([(1, 512, 512), *((1, 512 >> l, 512 >> l) for l in range(1, 9)), (2,)], False, 4, 1, 1 << 30) is None
