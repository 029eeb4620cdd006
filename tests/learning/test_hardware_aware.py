"""Noise on parameters against plain NumPy: the same draws, each array with the key and the size of its own."""

import numpy as np
import pytest

from pnnkern import _launch, random
from pnnkern.learning import HardwareAware, shaken
from pnnkern.learning.hardware_aware import _shaken

KEY = random.key(5)
TOLERANCE = {"float32": 1e-6, "float64": 1e-15}


def truth(w: np.ndarray, noise: float, key: np.ndarray, low: float = -np.inf, high: float = np.inf) -> np.ndarray:
    """In float64, but for the draws, which have a dtype of their own."""
    z = random.normal(key, (1, w.size), dtype=w.dtype).reshape(w.shape).astype(float)
    return np.clip(w.astype(float) + noise * np.abs(w.astype(float)).max() * z, low, high)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1,), (3,), (5, 7), (257, 10), (2, 3, 31_111)], ids=str)
def test_one_array(backend, shape: tuple[int, ...], dtype: str) -> None:
    w = np.random.default_rng(len(shape)).normal(size=shape).astype(dtype)
    w.ravel()[w.size * 3 // 4] = -6.0  # the largest, and negative
    for limits in ((), (-0.5, 0.25), (-np.inf, 0.1), (0.0,)):
        found = backend.numpy(shaken(backend.array(w), 0.1, KEY, *limits))
        assert found.dtype == w.dtype
        np.testing.assert_allclose(found, truth(w, 0.1, KEY, *limits), rtol=0, atol=6 * TOLERANCE[dtype])


def test_many_arrays_of_two_kinds(backend) -> None:
    """More than a launch takes; bounds of some of them."""
    rng = np.random.default_rng(2)
    arrays = {f"w{i}": rng.normal(size=(i + 1, 3 * i + 1)).astype("float64" if i % 4 == 1 else "float32") * (i + 1) for i in range(13)}
    arrays["w3"][0, 0] = 40.0
    bounds = {"w2": (-0.5, 0.5), "w9": (-0.1, np.inf), "w12": (-3.0, 4.0)}
    found = _shaken({n: backend.array(w) for n, w in arrays.items()}, 0.3, KEY, bounds, {n: f"noise of {n}" for n in arrays})
    assert list(found) == list(arrays)
    for name, w in arrays.items():
        wanted = truth(w, 0.3, random.fold_in(KEY, f"noise of {name}"), *bounds.get(name, (-np.inf, np.inf)))
        np.testing.assert_allclose(backend.numpy(found[name]), wanted, rtol=0, atol=60 * TOLERANCE[w.dtype.name], err_msg=name)


def test_the_same_bits_everywhere(backend) -> None:
    w = np.linspace(-3, 2, 1001, dtype=np.float32)
    np.testing.assert_array_equal(backend.numpy(shaken(backend.array(w), 0.07, KEY)), shaken(w, 0.07, KEY))


def test_a_key_in_the_memory_of_the_device(backend) -> None:
    """As one that is given, which is not looked at then."""
    w = np.linspace(-3, 2, 37)
    a, one = backend.array(w), backend.array(np.full(64, 3.0))
    for purposes in (None, np.array([random.purpose("w")], np.uint64)):
        own, out = KEY if purposes is None else random.fold_in(KEY, "w"), backend.array(np.zeros(37))
        each = purposes if purposes is None else backend.array(purposes)
        how = 1, backend.array(np.array([37])), backend.array(np.array([-np.inf, 2.0])), 0.1, 1, 2, backend.array(KEY), each, one
        _launch.launch("learning/shake", "add", np.float64, *how, a, *[None] * 7, out, *[None] * 7, grid=(1, 1))
        np.testing.assert_allclose(backend.numpy(out), truth(w, 0.1, own, high=2.0), rtol=0, atol=1e-14)


def test_what_is_no_number_is_not_lost(backend) -> None:
    w = np.ones(300)
    w[299] = np.nan
    assert np.isnan(backend.numpy(shaken(backend.array(w), 0.1, KEY))).all()
    assert backend.numpy(shaken(backend.array(np.zeros((0, 3))), 0.1, KEY)).shape == (0, 3)
    np.testing.assert_array_equal(backend.numpy(shaken(backend.array(w[:4]), 0.0, KEY)), w[:4])


def test_any_layout(backend) -> None:
    w = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(backend.numpy(shaken(backend.array(w).T, 0.1, KEY)), shaken(np.ascontiguousarray(w.T), 0.1, KEY))


def test_the_rule_asks_for_two_launches(cupy) -> None:
    import strict_cupy

    from pnnkern.systems import CrossbarNetwork

    system = CrossbarNetwork(inputs=5, hidden=(4, 3), outputs=2, key=KEY, device="cuda")
    with strict_cupy.counted() as events:
        _shaken(system.parameters, 0.1, KEY, system.bounds, {n: n for n in system.parameters})
    assert strict_cupy.totals(events)["launches"] == 2
    assert HardwareAware().noise == 0.04


@pytest.mark.parametrize("dtype", [np.int64, np.float16])
def test_other_precisions_are_refused(dtype: type) -> None:
    with pytest.raises(TypeError, match="dtype must be float32 or float64"):
        shaken(np.ones(3, dtype), 0.1, KEY)
