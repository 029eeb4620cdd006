"""The generator of short transforms: its recursion run on NumPy numbers for every length, and what it emits compiled for some."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from pnnkern.kernels._jit import njit
from pnnkern.kernels.optics import _codelets, layer

SMOOTH = [R for R in range(2, _codelets.LONGEST + 1) if layer._smooth(R)]


class Numbers(_codelets.Emitter):
    """The same recursion, worked out at once on arrays of float64."""

    def __init__(self, lanes: int = 4) -> None:
        self.lanes, self.itemsize, self.scratch = lanes, 8, "scratch"
        self.memory: dict[tuple[str, int], Any] = {}

    def constant(self, x: float) -> Any:
        return np.full(self.lanes, x)

    def add(self, x: Any, y: Any) -> Any:
        return x + y

    def sub(self, x: Any, y: Any) -> Any:
        return x - y

    def mul(self, x: Any, y: Any) -> Any:
        return x * y

    def neg(self, x: Any) -> Any:
        return -x

    def fma(self, x: Any, y: Any, z: Any) -> Any:
        return x * y + z

    def get(self, address: Any, point: int = 0) -> Any:
        return self.memory[address, point]

    def put(self, z: Any, address: Any, point: int = 0) -> None:
        assert point < _codelets.SCRATCH
        self.memory[address, point] = z

    def barrier(self) -> None:
        pass

    def shuffle(self, x: Any, y: Any, which: Sequence[int]) -> Any:
        return np.concatenate([x, y])[list(which)]


def points(rng: np.random.Generator, count: int, lanes: int = 4) -> tuple[np.ndarray, list]:
    x = rng.standard_normal((count, lanes)) + 1j * rng.standard_normal((count, lanes))
    return x, [lambda z=z: (z.real, z.imag) for z in x]


def joined(found: dict[int, Any]) -> np.ndarray:
    return np.array([found[k][0] + 1j * found[k][1] for k in range(len(found))])


@pytest.mark.parametrize("R", SMOOTH)
def test_every_length(R: int, rng: np.random.Generator) -> None:
    for inverse in (False, True):
        x, v = points(rng, R)
        found: dict[int, Any] = {}
        Numbers().flow(v, inverse, found.__setitem__)
        want = np.fft.ifft(x, axis=0) * R if inverse else np.fft.fft(x, axis=0)
        assert np.abs(joined(found) - want).max() < 1e-14 * R


@pytest.mark.parametrize("R", SMOOTH)
def test_every_length_pruned(R: int, rng: np.random.Generator) -> None:
    """The first `live` inputs, or outputs, of all: against transforms of what is padded, or cropped."""
    for live in sorted({1, R // 3 + 1, R // 2, R // 2 + 1, R} - {0}):
        x, v = points(rng, live)
        found: dict[int, Any] = {}
        Numbers().flow_padded(v, R, found.__setitem__)
        assert np.abs(joined(found) - np.fft.fft(x, R, axis=0)).max() < 1e-14 * R
        x, v = points(rng, R)
        found = {}
        Numbers().flow_cropped(v, live, found.__setitem__)
        assert sorted(found) == list(range(live))
        assert np.abs(joined(found) - R * np.fft.ifft(x, axis=0)[:live]).max() < 1e-14 * R


def test_turns(rng: np.random.Generator) -> None:
    x = rng.standard_normal(4) + 1j * rng.standard_normal(4)
    for R in (3, 8, 16, 20, 63):
        for k in range(-R, 2 * R):
            for inverse, sign in ((False, -1), (True, 1)):
                re, im = Numbers().turned((x.real, x.imag), k, R, inverse)
                assert np.abs(re + 1j * im - x * np.exp(sign * 2j * np.pi * k / R)).max() < 1e-14


@pytest.mark.parametrize("lanes", [2, 4, 8, 16])
def test_transpose(lanes: int, rng: np.random.Generator) -> None:
    x = rng.random((lanes, lanes))
    assert np.array_equal(Numbers(lanes).transposed(list(x)), x.T)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("R", [7, 16, 25, 64])
def test_what_is_compiled(R: int, dtype: str, rng: np.random.Generator) -> None:
    itemsize = np.dtype(dtype).itemsize // 2
    lanes = _codelets.lanes(itemsize)

    @njit
    def forward(line):
        layer.to_spectrum(line, R, itemsize)

    @njit
    def backward(line):
        layer.from_spectrum(line, R, itemsize)

    raw = np.zeros(R * 2 * lanes * itemsize + 64, np.uint8)
    first = -raw.ctypes.data % 64
    memory = raw[first : first + R * 2 * lanes * itemsize].view(f"f{itemsize}").reshape(R, 2, lanes)
    x, limit = rng.standard_normal((R, 2, lanes)).astype(memory.dtype), {4: 2e-7, 8: 6e-16}[itemsize]
    for run, want in ((forward, np.fft.fft), (backward, lambda z, axis: R * np.fft.ifft(z, axis=axis))):
        memory[...] = x
        run(memory.ctypes.data)
        got, true = memory[:, 0] + 1j * memory[:, 1], want((x[:, 0] + 1j * x[:, 1]).astype(complex), axis=0)
        assert np.linalg.norm(got - true) < limit * np.linalg.norm(true)


def test_plans() -> None:
    """Every side of the fused kernels of a GPU, powers of two, and what windows are rounded up to; factors of either are short."""
    for points in (64, 100, 128, 256, 320, 384, 400, 448, 512, 640, 720, 1000, 1024, 2000, 2048, 4096):
        plan = layer.plan(points, points // 2, 4)
        assert plan is not None, points
        assert plan.points == points
        assert plan.A % 2 == 0
        assert max(plan.A, plan.B) <= _codelets.LONGEST
        assert plan.width == math.ceil(points / 2 / plan.B) * plan.B
        assert plan.pitch * plan.point % 2048  # or k1 after k1 would fall into the same sets of the cache
    assert layer.plan(1250, 625, 4) == (50, 25, 25, 4)  # the only one with an even A
    for points, count in ((11 * 16, 8), (8192, 4000), (67, 30), (64, 65), (64, 0)):
        assert layer.plan(points, count, 4) is None
