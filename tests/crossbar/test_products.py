"""The product in a read: the order of its sums whatever tiles and grids do it, its precisions, memory that is not aligned, races."""

import importlib
import itertools
from typing import Any

import numpy as np
import pytest
from pnnkern.kernels.crossbar.read import rounded

from pnnkern import _launch, crossbar, random
from pnnkern.crossbar import (
    ADC,
    DAC,
    SAR,
    BitSerial,
    Chain,
    GaussianNoise,
    LognormalNoise,
    Reader,
    Wires,
    read,
    read_vjp,
    sinh_iv,
)

MODULE = importlib.import_module("pnnkern.crossbar.read")  # whose name in the room is the function's
KEY = random.key(11)
# of 2 arrays, a batch of 70 and 70 columns: tiles of 64 x 64; of 32 x 32; and a slice of the inputs for each block, too
TILES = {"large": 1, "small": 10, "slices": 10**9}
BITS = {"tf32": 11, "bf16": 8}  # significant ones
SHAPES = [(1, 1, 1), (3, 31, 33), (33, 64, 40), (70, 131, 36), (65, 300, 3)]


@pytest.fixture(params=TILES)
def tiles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(MODULE, "MULTIPROCESSORS", TILES[request.param])
    return request.param


def nearest(x: np.ndarray, precision: str | None) -> np.ndarray:
    """x with as many significant bits, in float64; ties of tf32 away from zero, of bf16 to even."""
    if precision is None:
        return x.astype(float)
    _, e = np.frexp(np.where(np.isfinite(x), x, 1).astype(float))
    last = np.maximum(e, -125) - BITS[precision]  # exponent of the last bit, of subnormal numbers, too
    m = np.ldexp(x.astype(float), -last)
    return np.ldexp(np.rint(m) if precision == "bf16" else np.sign(m) * np.floor(np.abs(m) + 0.5), last)


def problem(rng: np.random.Generator, shape: tuple[int, ...], dtype: str = "float32", arrays: tuple[int, ...] = ()) -> Any:
    batch, n_in, n_out = shape
    return rng.uniform(-0.3, 0.3, (batch, n_in)).astype(dtype), rng.uniform(0, 25e-6, (*arrays, n_in, n_out)).astype(dtype)


# --------------------------------------------------------------------------------------------------------------- order of sums
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_in", [1, 63, 64, 65, 128, 300])
@pytest.mark.usefixtures("tiles")
def test_inputs_are_added_up_in_order_and_slices_of_64_in_theirs(dtype: str, n_in: int, rng: np.random.Generator) -> None:
    V = rng.standard_normal((70, n_in)).astype(dtype)
    with _launch.host():
        got = read(V, np.ones((2, n_in, 70), dtype))
    slices = [np.cumsum(V[:, i : i + 64], axis=1)[:, -1] for i in range(0, n_in, 64)]  # one after another
    expected = slices[0]
    for more in slices[1:]:
        expected = expected + more
    assert np.array_equal(got, np.broadcast_to(expected[:, None], got.shape))


CHAINS: dict[str, dict[str, Any]] = {
    "plain": {},
    "converters": {"dac": DAC(6, 0.3, stochastic=True, noise=1e-3), "adc": ADC(8, 5e-5, errors=SAR(0.02)), "offset": 1e-6},
    "noise by output": {"noise": GaussianNoise(relative=0.1), "output_noise": 1e-7},
    "serial": {"dac": BitSerial(4, 2, 0.3), "noise": "pcm"},
}


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize(("dtype", "precision"), [("float32", None), ("float64", None), ("float32", "tf32"), ("float32", "bf16")])
@pytest.mark.parametrize("shape", [(70, 131, 70), (65, 132, 68)])
def test_bits_depend_on_no_tile(
    chain: str, dtype: str, precision: str | None, shape: tuple[int, ...], rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    V, G = problem(rng, shape, dtype, (2,))
    index = rng.integers(0, 2**40, len(V))
    found = []
    for number in TILES.values():
        monkeypatch.setattr(MODULE, "MULTIPROCESSORS", number)
        with _launch.host():
            found.append(read(V, G, **CHAINS[chain], precision=precision, key=KEY, sample=index))
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])
    twin = read(V, G, **CHAINS[chain], precision=precision, key=KEY, sample=index)
    if chain == "converters":  # whose codes may differ where a sum lies within rounding of a half
        off = np.abs(found[0] - twin) / (5e-5 / 127)
        assert off.max() < (1.01 if precision is None else 2.01)
        assert (off > 0.5).mean() < 0.01
    elif chain != "serial":
        assert (np.abs(found[0] - twin) <= 2e-6 * (np.abs(V).astype(float) @ G)).all()


def test_each_choice_of_tiles_is_made(tiles: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other tests rely on; on a CPU there are none to choose."""
    seen = []
    launch = _launch.launch

    def noted(stem: str, verb: str, *arguments: Any, **how: Any) -> None:
        seen.append((verb, how.get("grid"), how.get("block")))
        launch(stem, verb, *arguments, **how)

    monkeypatch.setattr(_launch, "launch", noted)
    V, G = problem(rng, (70, 131, 70), arrays=(2,))
    read(V, G)
    with _launch.host():
        read(V, G)
        read(V, G, precision="tf32")
    assert seen[0][0] == ("mvm_large" if tiles == "large" else "mvm")
    expected: list[Any] = [("mvm_large", (8,), (256,)), ("units_large", (8,), (256,))]
    if tiles == "small":
        expected = [("mvm", (18,), (128,)), ("units", (18,), (128,))]
    if tiles == "slices":
        expected = [("mvm", (54,), (128,)), ("adc", None, None), ("units", (54,), (128,)), ("adc", None, None)]
    assert seen[1:] == expected


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("tiles")
def test_memory_that_is_not_aligned(dtype: str, rng: np.random.Generator) -> None:
    """Rows of whole quads that begin anywhere: one value behind a place of 16 bytes."""
    V, G = problem(rng, (70, 132, 68), dtype, (2,))

    def moved(x: np.ndarray, by: int) -> np.ndarray:
        out = np.empty(x.size + 8, dtype)
        first = -out.ctypes.data % 16 // out.itemsize + by
        out[first : first + x.size] = x.ravel()
        return out[first : first + x.size].reshape(x.shape)

    with _launch.host():
        expected = read(moved(V, 0), moved(G, 0), noise=GaussianNoise(relative=0.1), key=KEY)
        for left, right in ((1, 0), (0, 1), (1, 1)):
            assert np.array_equal(read(moved(V, left), moved(G, right), noise=GaussianNoise(relative=0.1), key=KEY), expected)


@pytest.mark.parametrize(("batch", "place"), [*itertools.product((3, 70), ((0, 0, 0), (0, 130, 69), (1, 64, 33), (1, 0, 32), (1, 129, 3)))])
@pytest.mark.parametrize("precision", [None, "bf16"])
@pytest.mark.usefixtures("tiles")
def test_conductances_of_all_tiles_are_checked(
    backend, batch: int, place: tuple[int, int, int], precision: str | None, rng: np.random.Generator
) -> None:
    V, G = problem(rng, (batch, 131, 70), arrays=(2,))
    G[place] = np.nan if place[0] else -1e-9
    reader = Reader(backend.array(np.zeros_like(G)), Chain(precision=precision))
    reader.stack[...] = backend.array(G)
    with pytest.raises(ValueError, match="must not be negative or NaN"):  # noqa: PT012 (a GPU says so later)
        reader(backend.array(V))
        _launch.check()


@pytest.mark.parametrize("precision", [None, "tf32"])
@pytest.mark.usefixtures("tiles")
def test_blocks_do_not_race(precision: str | None, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that go on to a second tile, all stages of memory used twice."""
    monkeypatch.setattr(_launch, "MAX_BLOCKS", 2)
    V, G = problem(rng, (70, 131, 70), arrays=(2,))
    chain = {"dac": DAC(7, 0.2, noise=1e-3), "noise": GaussianNoise(relative=0.05), "key": KEY, "precision": precision}
    expected = read(V, G, **chain)
    for build, order in (("race", "descending"), ("checked", "shuffled")):
        with _launch.host(order=order, build=build, seed=3):
            assert (np.abs(read(V, G, **chain) - expected) <= 2e-6 * (np.abs(V).astype(float) @ G)).all()


# ------------------------------------------------------------------------------------------------------------------ precisions
@pytest.mark.parametrize("precision", ["tf32", "bf16"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.usefixtures("tiles")
def test_products_of_rounded_factors(backend, precision: str, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    V, G = problem(rng, shape)
    got = backend.numpy(read(backend.array(V), backend.array(G), precision=precision))
    scale = np.abs(V).astype(float) @ G
    assert got.dtype == np.float32
    assert (np.abs(got - nearest(V, precision) @ nearest(G, precision)) <= 2e-6 * scale).all()
    u = 2.0 ** -BITS[precision]
    error = np.abs(got - V.astype(float) @ G) / scale
    assert error.max() <= 2 * u + u * u + 2e-6  # what the documentation promises
    assert shape == (1, 1, 1) or error.max() > 0.05 * u  # and it is rounded


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
@pytest.mark.usefixtures("tiles")
def test_the_chain_around_them(backend, precision: str, rng: np.random.Generator) -> None:
    """Converters and noise are those of full precision, around the rounded product and its rounded variance."""
    V, G = problem(rng, (33, 70, 36), arrays=(2,))
    on = backend.array(V), backend.array(G)
    got = backend.numpy(
        read(*on, dac=DAC(5, 0.2, noise=2e-3), noise=GaussianNoise(relative=0.1), output_noise=1e-8, offset=3e-7, key=KEY, sample=5,
             precision=precision)
    )  # fmt: skip
    zin = random.normal(random.fold_in(KEY, "dac noise"), V.shape, sample=5)
    zout = random.normal(random.fold_in(KEY, "output"), (33, 72), sample=5).reshape(33, 2, 36).transpose(1, 0, 2)
    v = np.clip(np.rint(V / np.float32(0.2 / 15)), -15, 15) * np.float32(0.2 / 15) + np.float32(2e-3) * zin
    spread = np.float32(0.1) * G
    variance = nearest(v * v, precision) @ nearest(spread * spread, precision) + 1e-16
    expected = nearest(v, precision) @ nearest(G, precision) + np.sqrt(variance) * zout + 3e-7
    # a value of v that differs in its last bit may be rounded the other way
    assert np.quantile(np.abs(got - expected), 0.99) <= 3e-6 * np.abs(expected).max()
    assert np.abs(got - expected).max() <= 2.0 ** -BITS[precision] * 0.3 * 25e-6 * 2


SUBNORMAL = np.array([1e-38, 1e-44, -3e-42, 1.1e-38], np.float32)


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
@pytest.mark.usefixtures("tiles")
def test_numbers_of_all_kinds(backend, precision: str) -> None:
    """Through one cell of 1 S they come out as they went in, rounded: ties, infinities; NaN stays NaN, whatever its bits."""
    one, half = 1.0, 2.0 ** -BITS[precision]
    odd = np.array(
        [one + half, one + 3 * half, one + half * (1 + 2**-10), one + half * (1 - 2**-10), -one - half, 0, -0.0, 2 - half, 2 - half / 4,
         3.38e38, np.inf, -np.inf, np.nan],
        np.float32,
    )  # fmt: skip
    odd = np.concatenate([odd, np.array([0x7F800001, 0xFFFFFFFF, 0x7FFFFFFF], np.uint32).view(np.float32)])
    if backend.name in ("cpu", "host"):
        odd = np.concatenate([odd, SUBNORMAL])
    got = backend.numpy(read(backend.array(odd[:, None]), backend.array(np.ones((1, 1), np.float32)), precision=precision))[:, 0]
    assert np.array_equal(got, nearest(odd, precision).astype(np.float32), equal_nan=True)


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_the_twin_rounds_as_it_says(precision: str, rng: np.random.Generator) -> None:
    bits = rng.integers(0, 2**32, 100_000, dtype=np.uint32)
    bits[::2] &= np.uint32(0xFFFFF000 if precision == "tf32" else 0xFFFF8000)  # ties
    x = bits.view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        expected = nearest(x, precision).astype(np.float32)
    assert np.array_equal(rounded(x, precision == "bf16"), expected, equal_nan=True)


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_derivatives_are_those_of_full_precision(backend, precision: str, rng: np.random.Generator) -> None:
    V, G = problem(rng, (5, 9, 7))
    back, on = backend.array(rng.standard_normal((5, 7)).astype(np.float32)), (backend.array(V), backend.array(G))
    for a, b in zip(read_vjp(back, *on, precision=precision), read_vjp(back, *on), strict=True):
        assert np.array_equal(backend.numpy(a), backend.numpy(b))


def test_a_layer_takes_it(backend, rng: np.random.Generator) -> None:
    x, W = rng.uniform(-1, 1, (6, 40)).astype(np.float32), rng.uniform(-1, 1, (40, 9)).astype(np.float32)
    whole, part = (
        backend.numpy(crossbar.matmul(backend.array(x), backend.array(W), crossbar.Crossbar(chain=Chain(precision=p))))
        for p in (None, "bf16")
    )
    assert 1e-4 < np.abs(whole - part).max() < 2.0**-7 * (np.abs(x) @ np.abs(W)).max() * 3


ONES32, ONES64 = (np.ones((3, 4), d) * 1e-6 for d in ("float32", "float64"))


@pytest.mark.parametrize(
    ("given", "chain", "error", "message"),
    [
        (ONES64, {"precision": "tf32"}, TypeError, "precision 'tf32' is of float32 arrays, got float64: leave it out, or give float32"),
        (ONES32, {"precision": "fp8"}, ValueError, "precision must be 'tf32' or 'bf16', or None for that of the arrays, got 'fp8'"),
        (ONES32, {"precision": 3}, ValueError, "precision must be 'tf32' or 'bf16', or None for that of the arrays, got 3"),
        (ONES32, {"precision": "bf16", "noise": LognormalNoise(0.1)}, ValueError, "precision 'bf16' is that of a product of matrices"),
        (ONES32, {"precision": "tf32", "wires": 1.0, "iv": sinh_iv(0.2)}, ValueError, "precision 'tf32' is that of a product of matrices"),
        (ONES32, {"precision": "tf32", "wires": Wires(1.0, 1.0, topology="gated"), "dac": BitSerial(4, 1, 0.2, signed=False)}, ValueError,
         "precision 'tf32' is that of a product of matrices"),
        (ONES32, {"precision": "tf32", "wires": 1.0, "noise": GaussianNoise(relative=0.1)}, ValueError, "precision 'tf32' is that of a pro"),
    ],
)  # fmt: skip
def test_what_is_refused(given: np.ndarray, chain: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message.replace("(", r"\(")):
        read(np.ones((2, 3), given.dtype), given, key=KEY, **chain)


def test_frozen_noise_and_linear_wires_are_products() -> None:
    V, G = np.ones((2, 3), np.float32), ONES32
    for chain in ({"noise": GaussianNoise(relative=0.1, frozen=True)}, {"wires": 1.0}, {"iv": sinh_iv(0.2)}):
        full = read(V, G, key=KEY, **chain)
        assert 0 < np.abs(read(V, G, key=KEY, precision="bf16", **chain) / full - 1).max() < 2**-7
