"""Reads with all that lies on their way, noise of cells, programming, pulses, and wires by the tree and by ladders."""

import itertools
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
import pytest

from pnnkern import _launch, crossbar, random
from pnnkern._errors import FaultError
from pnnkern.crossbar import _levels, _tree

KEY = random.key(7)
REALS = (np.float32, np.float64)
NO_CONVERTER = 0, 0, 0.0, 0.0, None, None, None, None, None


# ----------------------------------------------------------------------------------------------------------------------- reads
def converter(mode: int, columns: int, real: type) -> tuple:
    """mode, bits, low, high, lsb, step, offset, bow, table: no column like another."""
    rng = np.random.default_rng(columns)
    bits = 6
    lsb, step = (rng.uniform(0.9, 1.1, columns).astype(real) for _ in range(2))
    offset, bow = rng.normal(0, 1, columns).astype(real), rng.normal(0, 0.5, columns).astype(real)
    table = (2.0 ** np.arange(bits) * rng.uniform(0.97, 1.03, (columns, bits))).astype(real)
    return mode, bits, -32, 31, lsb, step, offset, bow, table


def converters() -> Iterator[np.ndarray]:
    """Codes are the same to the bit; rows of whole quads and others; a stack of two arrays, and sums over slices."""
    rng = np.random.default_rng(0)
    for real, n in itertools.product(REALS, (39, 40)):
        v = rng.normal(0, 14, (23, n)).astype(real)
        for stochastic, noise in ((0, 0.0), (1, 0.5)):
            how, out = (0.75, -31, 31, stochastic, 1, 2, None, noise, 3, 4, None, 5, None), np.empty_like(v)
            _launch.launch("crossbar/read", "dac", real, *v.shape, *how, v, out, threads=23 * 10)
            yield out
        for mode, slices in itertools.product(range(4), (1, 3)):
            how, current = converter(mode, 2 * n, real), rng.normal(0, 14 / slices, (slices, 2, 23, n)).astype(real)
            variance = rng.uniform(0, 3 / slices, current.shape).astype(real)
            for extra, spread in ((0.0, None), (0.5, None), (0.25, variance)):
                out, which = np.empty(current.shape[1:], real), (0, rng.integers(0, 2**40, 23))
                _launch.launch(
                    "crossbar/read", "adc", real, 2, slices, 23, n, extra, 5, 6, None, 8, *which, *how, current, spread, out, threads=460
                )  # fmt: skip
                yield out


def scaled() -> Iterator[np.ndarray]:
    """Rows for more warps than there are, longer than a warp; one of zeros; a scale that is given."""
    rng = np.random.default_rng(6)
    for real, given in itertools.product(REALS, (0.0, 1.5)):
        x = rng.normal(0, 3, (7, 70)).astype(real)
        x[2] = 0
        scale, out = np.empty(7, real), np.empty_like(x)
        _launch.launch("crossbar/read", "scale", real, *x.shape, given, 0.3, x, scale, out, threads=32 * 7)
        yield scale
        yield out


def products() -> Iterator[np.ndarray]:
    """Tiles with rests on all sides, more of them than blocks; rows of whole quads and others; more inputs than a slice has; with sums by
    slices. Sums are in another order on a CPU, so codes of single precision are cut and not rounded. The host runner is slow at
    multiplications of a whole warp, so that these have fewer."""
    for verb, real, threads in (("mvm", np.float32, 128), ("mvm_large", np.float32, 256), ("mvm", np.float64, 128)):
        for shape in ((37, 83, 37), (37, 148, 68)):
            yield from _products(verb, real, threads, (), shape, (0, 1, 2, 3, 4))
    odd, whole = (37, 83, 37), (37, 68, 36)
    for verb, threads, first, second in (("units", 128, odd, whole), ("units_large", 256, whole, odd)):
        yield from _products(verb, np.float32, threads, (0,), first, (1,))
        yield from _products(verb, np.float32, threads, (1,), second, (1,))


def _products(
    verb: str, real: type, threads: int, bf16: tuple[int, ...], shape: tuple[int, int, int], chosen: tuple[int, ...]
) -> Iterator[np.ndarray]:  # fmt: skip
    """The chosen ones of five chains, and their sums by slices."""
    rng, arrays, (batch, n_in, n_out) = np.random.default_rng(1), 2, shape
    index = rng.integers(0, 2**40, batch)
    v, w = rng.normal(0, 2, (batch, n_in)).astype(real), rng.uniform(0, 1, (arrays, n_in, n_out)).astype(real)
    s2 = rng.uniform(0, 0.3, w.shape).astype(real)
    plain, dac = (0.0, 0.0, 0.0, 0, 0, 0, None, 0.0, 0, 0, None), (0.25, -15, 15, 1, 1, 2, None, 0.125, 3, 4, None)
    modes = (1,) if real is np.float32 else (1, 2, 3)
    cases: list[tuple] = [(plain, 0.0, (7, None), NO_CONVERTER, None), (dac, 0.5, (0, index), NO_CONVERTER, s2)]
    cases += [(dac, 0.0, (7, None), converter(mode, arrays * n_out, real), s2) for mode in modes]

    def read(inputs: tuple, extra: float, which: tuple, columns: tuple, *given: Any) -> None:
        _launch.launch(
            "crossbar/read", verb, real, arrays, batch, n_in, n_out, *bf16, *inputs, extra, 5, 6, None, 8, *which, *columns, v, w, *given,
            grid=(2,), block=(threads,),
        )  # fmt: skip

    for i, (*case, variance) in enumerate(cases):
        if i in chosen:
            out = np.empty((arrays, batch, n_out), real)
            read(*case, variance, None, out)
            yield out
    for variance in (None, s2):
        parts = np.empty((1 + (variance is not None), -(-n_in // 64), arrays, batch, n_out), real)
        read(dac, 0.5, (0, index), NO_CONVERTER, variance, parts, out)
        yield parts
    w[-1, -1, -1] = -1
    with pytest.raises(FaultError):
        read(plain, 0.0, (7, None), NO_CONVERTER, None, None, out)


# ----------------------------------------------------------------------------------------------------------------------- cells
def noisy_cells() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(2)
    batch, n_in, n_out, quads = 41, 40, 19, 5
    index = rng.integers(0, 2**40, batch)
    for real in REALS:
        v, g = rng.normal(0, 1, (batch, n_in)).astype(real), rng.uniform(0, 2, (n_in, n_out)).astype(real)
        a, da = rng.uniform(0.1, 0.5, g.shape).astype(real), rng.uniform(0.1, 0.5, g.shape).astype(real)
        back = rng.normal(0, 1, (batch, n_out)).astype(real)
        for kind, which in ((0, (3, None)), (1, (0, index)), (2, (3, None))):
            sizes = batch, n_in, n_out, kind, 0.3, 8, 9, None, 1000, *which
            for verb, arrays, out, threads in (
                ("vjp_v", (back, g, a), np.empty((batch, n_in), real), batch * n_in),
                ("vjp_g", (v, back, g, a, da), np.empty((n_in, n_out), real), n_in * quads),
            ):
                _launch.launch("crossbar/noise", verb, real, *sizes, *arrays, out, threads=threads)
                yield out
            batch_, n = 9, 530  # quads for two rounds of a block, slices of the inputs for two
            v_, g_ = rng.normal(0, 1, (batch_, n)).astype(real), rng.uniform(0, 2, (n, n_out)).astype(real)
            out, where = np.empty((batch_, n_out), real), (which[0], None if which[1] is None else index[:batch_])
            how = batch_, n, n_out, kind, 0.3, 8, 9, None, 1000, *where
            _launch.launch("crossbar/noise", "mvm", real, *how, v_, g_, 0.2 * g_, out, grid=(1,), block=(256,))
            yield out


def programmed() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(3)
    for real in REALS:
        g, spread, mean = (rng.uniform(0, 1, 1001).astype(real) for _ in range(3))
        for verb, which, arrays in (("perturb", (None, 2**40), (spread, g)), ("drift", (2**40,), (3.0, mean, spread, g))):
            out = np.empty_like(g)
            _launch.launch("crossbar/program", verb, real, g.size, 1, 2, *which, *arrays, out, threads=251)
            yield out


PULSED = (
    crossbar.ConstantStep(up_down=0.1, up_down_dtod=0.05, step=0.02),
    crossbar.LinearStep(gamma_up=0.6, gamma_down=0.4, step=0.01),
    crossbar.ExponentialStep(step=0.01, gamma_dtod=0.5),
    crossbar.PowerStep(step=0.01, gamma_up=1.5, gamma_down=0.7),
    crossbar.PiecewiseStep(up=(1.5, 1.0, 0.25), down=(0.5, 1.25, 1.5), step=0.01),
)


def pulses() -> Iterator[np.ndarray]:
    """Trains of a few pulses and of many, of rows of other lengths than a multiple of four."""
    rng = np.random.default_rng(4)
    rows, columns, batch = 31, 65, 29
    x, d = rng.uniform(-1, 1, (batch, rows)).astype(np.float32), rng.standard_normal((batch, columns)).astype(np.float32)
    d *= 3.0 ** rng.uniform(-4, 1, (batch, 1)).astype(np.float32)
    counts = rng.integers(-9, 10, (rows, columns)).astype(np.int32)
    for device in PULSED:
        yield from crossbar.device_cells(device, (rows, columns), key=KEY, origin=(3, 5)).values()
        w = crossbar.clip_weights(rng.uniform(-0.3, 0.3, (rows, columns)).astype(np.float32), device=device, key=KEY, origin=(3, 5))
        how = {"device": device, "key": KEY, "origin": (3, 5)}
        yield crossbar.pulse_update(w, x, d, lr=0.05, sample=2**40, **how)
        yield crossbar.apply_pulses(w, counts, sample=6, **how)
    yield crossbar.pulse_update(w, x, d, lr=np.array([0.05]), **how)
    yield crossbar.pulse_update(w, x, d, lr=0.05, sample=np.arange(batch) * 3, pulses=5, managed=False, **how)
    w[-1, -1], x[-1, -1] = 9, np.nan
    with pytest.raises(FaultError):
        crossbar.apply_pulses(w, counts, **how)
    with pytest.raises(FaultError):
        crossbar.pulse_update(w, 0 * d[:, :rows], d, lr=0.05, **how)
    with pytest.raises(FaultError):
        crossbar.pulse_update(0 * w, x, d, lr=0.05, managed=False, **how)


# ----------------------------------------------------------------------------------------------------------------------- wires
def ladders() -> Iterator[np.ndarray]:
    """Word and bit lines of several warps' lengths, factors for all right-hand sides and for each its own; also in place."""
    rng = np.random.default_rng(5)
    n_in, n_out, rhs = 34, 37, 3
    lines = ((n_in, n_out, 0, n_out, 1), (n_out, n_in, (n_in - 1) * n_out, 1, -n_out))
    for real in REALS:
        f = rng.random((n_in, n_out, rhs)).astype(real)
        for sets in (1, rhs):
            g = rng.uniform(1e-3, 1, (n_in, n_out, sets)).astype(real)
            g[0], g[:, -1] = 0, 0
            for count, cells, *where in lines:
                wire, ratio, inverse = rng.uniform(0.5, 50, cells).astype(real), np.empty_like(g), np.empty_like(g)
                wire[-1] = 0  # nothing reaches the last nodes
                _launch.launch(
                    "crossbar/ladder", "factor", real, count, cells, sets, *where, wire, g, ratio, inverse, threads=count * sets
                )
                yield from (ratio, inverse)
                for verb in ("sweep", "scan"):
                    apart, within = np.empty_like(f), f.copy()
                    for source, x in ((f, apart), (within, within)):
                        how = count, cells, rhs, int(sets > 1), *where
                        _launch.launch("crossbar/ladder", verb, real, *how, ratio, inverse, source, x, threads=count * rhs)
                        yield x


def characteristics() -> Iterator[np.ndarray]:
    """Conductances for all reads, and for each its own; parts of a step from none to all."""
    rng = np.random.default_rng(8)
    cells, reads = 37, 5
    for real in REALS:
        part, v, slope = np.linspace(0, 1, reads).astype(real), *(rng.uniform(0.5, 2, (cells, reads)).astype(real) for _ in range(2))
        pairs = [rng.normal(0, 1, (cells, reads)).astype(real) for _ in range(6)]
        for sets in (1, reads):
            g, constants = rng.uniform(0.1, 1, (cells, sets)).astype(real), np.ones(1, real)
            for verb, count, given in (("linear", 3, [v]), ("tried", 5, [slope, part, *pairs])):
                out = [np.empty_like(v) for _ in range(count)]
                _launch.launch("crossbar/characteristic", verb, real, cells, reads, sets, constants, g, *given, *out, threads=v.size)
                yield from out


def trees() -> Iterator[np.ndarray]:
    """More leaves than there are warps, with rests on both sides."""
    rng = np.random.default_rng(6)
    for real in REALS:
        for shape, wires in (
            ((2, 10, 9), crossbar.Wires(20.0, 30.0, 10.0, 5.0)),
            ((2, 12, 7), crossbar.Wires(20.0, 30.0, topology="interleaved")),
            ((34, 33), crossbar.Wires(2.0, 3.0)),
        ):
            if len(shape) == 2 and real is np.float32:
                continue
            G = rng.uniform(1e-5, 1e-4, shape).astype(real)
            yield crossbar.effective_conductance(G, wires=wires)
            if len(shape) == 3:
                back = rng.standard_normal(shape).astype(real)
                derivatives = crossbar.effective_conductance_vjp(back, G, wires=wires, wrt=("G", "word"))
                yield from derivatives[: 1 if real is np.float32 else 2]  # the sum of a whole array cancels digits
            V = rng.uniform(0, 0.2, (*shape[:-2], 37, shape[-2])).astype(real)
            yield from crossbar.node_voltages(V if len(shape) == 3 else V[:3], G, wires=wires)


def joins() -> Iterator[np.ndarray]:
    """Arrays whose joins take more than a panel, more than a stage and more than a strip, and those of few nodes, with and without weights."""
    rng = np.random.default_rng(7)
    circuit = _tree.Circuit(False, 50.0, 70.0, 20.0, 10.0)
    # The larger one has rows for all warps that lay one, and four panels in a stage.
    for real, shape, most in ((np.float32, (2, 36, 35), 32), (np.float64, (1, 56, 56), 52)):
        G = rng.uniform(0.1, 1, shape).astype(real)
        back, V = rng.standard_normal(shape).astype(real), rng.random((*shape[:2], 33)).astype(real)
        grounded = np.zeros((shape[0], shape[2], 33), real)
        with mock.patch.multiple(_levels, MOST=(most,), SMALL=24):
            _levels.plan.cache_clear()
            yield _levels.Levels(G, circuit).T
            kept = _levels.Levels(G, circuit, keep=True)
            yield kept.vjp(back)[0]
            yield from kept.voltages(V, grounded)
        _levels.plan.cache_clear()


CALLS = (converters, scaled, products, noisy_cells, programmed, pulses, ladders, characteristics, trees, joins)
