"""Ranges by which nothing is ever cut: closed forms, and chains and layers built at random and driven to their ends."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern.crossbar import (
    ADC,
    DAC,
    IV,
    SAR,
    BitSerial,
    Chain,
    Crossbar,
    DifferentialPair,
    GaussianNoise,
    Layer,
    LognormalNoise,
    OffsetColumn,
    Ramp,
    Reader,
    TelegraphNoise,
    Wires,
    _ranges,
    calibrate,
    cubic_iv,
    effective_conductance,
    program_weights,
    sinh_iv,
)

sys.path.insert(0, str(Path(__file__).parent))
from nodal_truth import gated

KEY = pnn.random.key(31)
Z = {"float32": 7.54, "float64": 9.42}
BENT = IV(lambda v: 3 * v.clip(0, None) + v.clip(None, 0) / 2, lambda v: 0.5 + 2.5 * (v > 0).astype(v.dtype))  # another slope each way
BACKWARD = IV(lambda v: -BENT.f(-v), lambda v: BENT.slope(-v))


# ----------------------------------------------------------------------------------------------------------------- closed forms
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["max", "per-column"])
def test_ranges_are_the_largest_currents(backend, dtype: str, kind: str, rng: np.random.Generator) -> None:
    G, offset, z = rng.uniform(1e-6, 25e-6, (2, 9, 5)).astype(dtype), np.array([1e-6, -3e-6, 0, 2e-6, -1e-7]), Z[dtype]
    g, v = G.astype(float), 0.3
    linear, squares = g.sum(1), (g**2).sum(1)
    high = v + z * 0.01
    serial = sum((1, 2, 4)[k] * 3 / 31 * 0.1 * np.sinh(d * 0.3 / 3 / 0.1) * 2**k for k, d in enumerate((3, 3, 1)))  # 31 = 1 33 in base 4
    cases = [
        (Chain(), v * linear),
        (Chain(iv=sinh_iv(0.1)), 0.1 * np.sinh(v / 0.1) * linear),
        (Chain(iv=BENT), 3 * v * linear),
        (Chain(iv=BACKWARD), 3 * v * linear),
        (Chain(iv=BACKWARD, dac=DAC(6, v, signed=False)), v / 2 * linear),
        (Chain(iv=BACKWARD, dac=DAC(6, v, signed=False, noise=0.01)), 3 * high * linear),
        (Chain(offset=offset), v * linear + np.abs(offset)),
        (Chain(output_noise=1e-6), v * linear + z * 1e-6),
        (Chain(noise=GaussianNoise(relative=0.1), iv=cubic_iv(2.0)), (v + 2 * v**3) * (linear + z * 0.1 * np.sqrt(squares))),
        (Chain(noise=GaussianNoise(relative=0.1, clipped=True)), v * linear * (1 + 0.1 * z)),
        (Chain(noise=GaussianNoise(sigma=1e-6, frozen=True)), v * (linear + 9 * z * 1e-6)),
        (Chain(noise=LognormalNoise(0.1)), v * linear * np.exp(0.1 * z - 0.005)),
        (Chain(noise=TelegraphNoise(1e-6, 0.2, p=0.25)), v * (linear * 1.15 + 9 * 0.75e-6)),
        (Chain(dac=DAC(6, v, noise=0.01), iv=sinh_iv(0.1)), 0.1 * np.sinh(high / 0.1) * linear),
        (Chain(dac=BitSerial(6, 2, v, shift_add="digital"), iv=sinh_iv(0.1)), 0.1 * np.sinh(v / 0.1) * linear),
        (Chain(dac=BitSerial(6, 2, v, shift_add="analogue"), iv=sinh_iv(0.1)), serial * linear),
    ]
    for chain, currents in cases:
        chain = dataclasses.replace(chain, dac=chain.dac or DAC(6, v), adc=ADC(8, kind))
        step = backend.numpy(Reader(backend.array(G), chain).columns.step).astype(float)
        expected = (currents if kind == "per-column" else np.full_like(linear, currents.max())) / 127
        assert (step > expected * (1 - 1e-7)).all(), chain
        assert (step < expected * (1 + (1e-5 if dtype == "float32" else 1e-12))).all(), chain


def test_ranges_through_wires(backend, rng: np.random.Generator) -> None:
    """Of what the wires leave; noise by its exact deviation for the read that has most of it."""
    G, wires = rng.uniform(1e-6, 25e-6, (6, 5)), Wires(500.0, 800.0)
    T = effective_conductance(G, wires=wires)
    step = backend.numpy(Reader(backend.array(G), Chain(wires=wires, dac=DAC(6, 0.3), adc=ADC(8, "per-column"))).columns.step)
    assert np.allclose(step[0] * 127, 0.3 * T.sum(0), rtol=1e-9)
    noisy = Chain(wires=wires, dac=DAC(6, 0.3), adc=ADC(8, "per-column"), noise=GaussianNoise(relative=0.1))
    room = backend.numpy(Reader(backend.array(G), noisy).columns.step)[0] * 127 - 0.3 * T.sum(0)
    h = 1e-9
    for j in range(5):
        by_cell = np.empty_like(G)  # what a volt on all lines gains in output j with each cell
        for c in np.ndindex(G.shape):
            more = G.copy()
            more[c] += h
            by_cell[c] = (effective_conductance(more, wires=wires)[:, j].sum() - T[:, j].sum()) / h
        least = Z["float64"] * 0.3 * np.sqrt(((0.1 * G * by_cell) ** 2).sum())
        assert least * 0.999 < room[j] < 3 * least


@pytest.mark.parametrize("topology", ["gated", "gated-interleaved"])
def test_ranges_of_noisy_gated_reads(topology: str, rng: np.random.Generator) -> None:
    """Whichever gates are open: the current, and its deviation by all that a cell does to it, times the largest normal."""
    G, wires, h = rng.uniform(1e-6, 25e-6, (4, 3)), Wires(3000.0, 5000.0, topology=topology), 1e-9
    dac = BitSerial(6, 1, 0.3, signed=False)
    reader = Reader(G, Chain(wires=wires, dac=dac, adc=ADC(8, "per-column"), noise=GaussianNoise(sigma=3e-6)))
    most = reader.columns.step[0] * 127
    patterns = np.array(np.meshgrid(*[[0, 1]] * 4)).reshape(4, -1).T
    worst = 0.0
    for gates in patterns:
        still, variance = gated(G, gates, 0.3, wires), np.zeros(3)
        for c in np.ndindex(G.shape):
            more = G.copy()
            more[c] += h
            variance += ((gated(more, gates, 0.3, wires) - still) / h * 3e-6) ** 2
        needed = np.abs(still) + Z["float64"] * np.sqrt(variance)
        assert (needed < most).all()
        worst = max(worst, (needed / most).max())
    assert worst > 0.2


def test_errors_of_converters_have_room(backend, rng: np.random.Generator) -> None:
    """The range grows by what a gain, an offset in codes and a bow take away."""
    G = rng.uniform(1e-6, 25e-6, (6, 5))
    errors = Ramp(slope=0.1, offset=3.0, seed=3)
    slope, shift, _, _ = errors.tables(8, 5)
    got = backend.numpy(Reader(backend.array(G), Chain(dac=DAC(6, 0.3), adc=ADC(8, "per-column", errors=errors))).columns.step)[0]
    assert np.allclose(got, 0.3 * G.sum(0) / (127 * slope - np.abs(shift)), rtol=1e-9)


def test_the_largest_normal() -> None:
    """By Box-Muller from the least words that a uniform can be made of: 40 and 64 bits with their halves."""
    assert np.sqrt(-2 * np.log(2.0**-41)) < Z["float32"] == _ranges.NORMAL["float32"]
    assert np.sqrt(-2 * np.log(2.0**-64)) < Z["float64"] == _ranges.NORMAL["float64"]


# -------------------------------------------------------------------------------------------------------------- built at random
REFUSED = (
    "gated inputs are open or shut", "takes linear cells", "an unsigned ADC cuts negative currents", "promises that nothing is cut",
    "can promise that nothing is cut", "which an unsigned DAC cuts", "errors of an ADC are counted in codes",
)  # fmt: skip


def built_or_none(make: Any, *reasons: str) -> Any:
    """What `make` makes; None if it is refused for one of the reasons."""
    try:
        return make()
    except ValueError as error:
        if not any(text in str(error) for text in (*REFUSED, *reasons)):
            raise
        return None


def pick(rng: np.random.Generator, *options: Any) -> Any:
    """One of the options, the first as often as all others together."""
    return options[0] if rng.random() < 0.5 else options[rng.integers(len(options))]


def chain_at_random(rng: np.random.Generator, n_out: int) -> Chain:
    bits, signed, volts = int(rng.integers(2, 8)), bool(rng.random() < 0.8), float(rng.uniform(0.05, 1.0))
    slice_bits = int(rng.integers(1, bits)) if rng.random() < 0.5 else 1
    dac = pick(
        rng, DAC(bits, volts, signed), DAC(bits, volts, signed, stochastic=True), DAC(bits, volts, signed, noise=0.1 * volts),
        BitSerial(bits, slice_bits, volts, signed), BitSerial(bits, slice_bits, volts, signed, "analogue"), DAC(1, volts, False),
    )  # fmt: skip
    errors = pick(rng, None, SAR(0.05, 0.5, int(rng.integers(99))), Ramp(0.05, 0.5, 1.0, int(rng.integers(99))), SAR(0.3), Ramp(0.3, 0, 3.0))
    adc = ADC(
        None if rng.random() < 0.2 and errors is None else int(rng.integers(2, 11)), pick(rng, "max", "per-column"),
        bool(rng.random() < 0.8), errors, pick(rng, 0.0, 3e-6),
    )  # fmt: skip
    noise = pick(
        rng, None, GaussianNoise(relative=0.5), GaussianNoise(sigma=5e-6), GaussianNoise(relative=0.5, clipped=True),
        GaussianNoise(relative=0.5, frozen=True), LognormalNoise(0.4), TelegraphNoise(5e-6, 0.5, p=0.2), "pcm",
    )  # fmt: skip
    topology = pick(rng, "lines", "interleaved", "gated", "gated-interleaved")
    wires = pick(rng, None, Wires(1.0, 1.0, topology=topology), Wires(2000.0, 3000.0, 100.0, 100.0, topology))
    iv = pick(rng, None, sinh_iv(0.2), cubic_iv(5.0), BENT)
    offset = pick(rng, None, 5e-6, rng.uniform(-5e-6, 5e-6, n_out), np.full(n_out, 5e-6))
    return Chain(wires, noise, dac, adc, iv, pick(rng, 0.0, 3e-6), offset)


def uncut(adc: ADC, x: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Codes (arrays, batch, n_out) as they are before a converter cuts them, written from its description."""
    x = x / step[:, None]
    if adc.errors is not None and adc.bits is not None:
        n = step.size
        slope, shift, bow, table = (None if t is None else t.reshape(*step.shape, -1) for t in adc.errors.tables(adc.bits, n))
        x = (x + shift[..., 0][:, None]) / slope[..., 0][:, None]
        low, high = adc.codes
        if bow is not None:
            half = (high - low) / 2
            x = x + bow[..., 0][:, None] * (1 - ((x - (high + low) / 2) / half) ** 2)
        if table is not None:
            rest, charge, value = x - low + 0.5, np.zeros_like(x), np.zeros_like(x)
            for k in reversed(range(adc.bits)):
                tried = charge + table[..., k][:, None]
                charge, value = np.where(tried <= rest, tried, charge), np.where(tried <= rest, value + 2**k, value)
            assert (rest >= 0).all()
            assert (rest <= table.sum(-1)[:, None] + 1).all()
            return value + low
    return x if adc.bits is None else np.rint(x)


def test_nothing_is_ever_cut_of_any_chain() -> None:
    """Every pattern of full inputs, repeated for the noise, and inputs beyond the range; none of the un-cut codes lies outside."""
    built, kinds = 0, set()
    for seed in range(900):
        rng = np.random.default_rng(seed)
        n_in, n_out = 2 * int(rng.integers(1, 3)), int(rng.integers(1, 4))
        dtype, exact = ("float64", 1e-6) if rng.random() < 0.7 else ("float32", 2e-3)
        G = rng.uniform(0, 25e-6, (2, n_in, n_out)).astype(dtype)
        reader = built_or_none(lambda rng=rng, G=G, n_out=n_out: Reader(G, chain_at_random(rng, n_out)))
        if reader is None:
            continue
        chain, adc, dac = reader.chain, reader.chain.adc, reader.chain.dac
        full = np.array(np.meshgrid(*[[-1.0, 0.0, 1.0]] * n_in)).reshape(n_in, -1).T
        if not dac.signed:
            full = np.abs(full)
        V = np.concatenate([np.tile(full, (max(1, 600 // len(full)), 1)), 2 * full, full * rng.random(full.shape)]) * dac.range
        V = V.astype(dtype)
        if chain.gated and isinstance(dac, DAC):
            V = np.where(V > 0, dac.range, 0.0).astype(dtype)
        wide = Reader(G, dataclasses.replace(chain, adc=ADC(None, 1e9, noise=adc.noise)))
        step = reader.columns.step
        got, meant = reader(V, key=KEY), wide.conversions(V, key=KEY)
        serial = isinstance(dac, BitSerial) and dac.shift_add == "digital"
        weights = [w for w, _ in dac.planes(V)] if serial else [1.0]
        expected, (low, high) = 0, adc.codes
        for weight, currents in zip(weights, meant, strict=True):
            codes = uncut(adc, currents.astype(float), step.astype(float))
            slack = 1e-6 if adc.bits is None else 0
            assert low - slack <= codes.min(), (seed, chain)
            assert codes.max() <= high + slack, (seed, chain)
            expected = expected + weight * codes * step[:, None]
        differ = np.abs(got - expected) / step.max() > exact
        assert differ.mean() < 0.01, (seed, chain)  # sums that lie on the edge of two codes
        built += 1
        kinds |= {type(chain.noise).__name__, type(dac).__name__, type(adc.errors).__name__, chain.topology, adc.signed, dac.signed, adc.bits}
        kinds |= {chain.iv is None, adc.range, getattr(dac, "shift_add", "")}
    assert built > 300
    assert kinds >= {
        "NoneType", "GaussianNoise", "LognormalNoise", "TelegraphNoise", "DAC", "BitSerial", "SAR", "Ramp", "lines", "interleaved", "gated",
        "gated-interleaved", True, False, None, "max", "per-column", "digital", "analogue",
    }  # fmt: skip


MAPPINGS = DifferentialPair(), DifferentialPair(one_sided=False), OffsetColumn()


def test_nothing_is_ever_cut_of_any_layer() -> None:
    """Layers differ from themselves with an endless range by the rounding of their converters alone."""
    built = 0
    for seed in range(500):
        rng = np.random.default_rng(seed)
        chain = built_or_none(lambda rng=rng: chain_at_random(rng, 1))
        if chain is None:
            continue
        offset = None if chain.offset is None else float(np.asarray(chain.offset).reshape(-1)[0])
        chain = dataclasses.replace(chain, offset=offset, adc=ADC(12, chain.adc.range, chain.adc.signed, noise=chain.adc.noise))
        signs = [1.0] if not chain.dac.signed else [-1.0, 1.0]
        x, W = rng.choice(signs, (60, 7)), rng.uniform(-1, 1, (7, 3))
        sliced = rng.random() < 0.5
        mapping, tile = MAPPINGS[rng.integers(3)], pick(rng, (512, 512), (4, 3))

        def built_of(mapping=mapping, sliced=sliced, tile=tile, chain=chain, W=W) -> Layer:
            d = Crossbar(mapping, "ideal", 2 if sliced else 1, 2 if sliced else None, tile=tile, chain=chain)
            return Layer(program_weights(W, d), d)

        layer = built_or_none(built_of, "weights must be a DifferentialPair", "its range promises")
        if layer is None:
            continue
        d = layer.description
        wide = dataclasses.replace(d, chain=dataclasses.replace(chain, adc=ADC(None, 1e9, noise=chain.adc.noise)))
        bound = np.zeros(3)
        serial = isinstance(chain.dac, BitSerial) and chain.dac.shift_add == "digital"
        reads = sum(w for w, _ in chain.dac.planes(x)) if serial else 1.0
        for _, outputs, _, reader in layer.tiles:
            step = np.asarray(reader.columns.step).max()
            bound[outputs] += 0.5 * step * reads * sum(abs(c) for c in d.counts) * (2 if isinstance(d.weights, OffsetColumn) else 1)
        y, meant = layer(x, key=KEY, sample=3), Layer(program_weights(W, wide), wide)(x, key=KEY, sample=3)
        assert (np.abs(y - meant) <= bound * float(layer.scale) * (1 + 1e-9)).all(), (seed, d)
        built += 1
    assert built > 120


def test_calibrated_ranges_have_the_offsets(rng: np.random.Generator) -> None:
    """They are converted like the rest of a current."""
    x, W = rng.standard_normal((30, 9)), rng.standard_normal((9, 4))
    chain = Chain(dac=DAC(7), adc=ADC(14), offset=np.array([[0, 1e-4, 0, 0], [-2e-4, 0, 0, 1e-4]]))
    d = Crossbar(chain=chain)
    state = calibrate(x, program_weights(W, d), d, per_column=True)
    bare = calibrate(x, program_weights(W, d), dataclasses.replace(d, chain=dataclasses.replace(chain, offset=None)), per_column=True)
    assert (state["adc_range"][0, 0, 1], state["adc_range"][0, 1, 0]) > (1e-4, 2e-4)
    y = Layer(state, d)(x)
    moved = np.array([2e-4, 1e-4, 0, -1e-4]) * float(state["w_max"]) / (0.2 * 25e-6) * np.abs(x).max(1, keepdims=True)
    plain = Layer(bare, dataclasses.replace(d, chain=dataclasses.replace(chain, offset=None)))(x)
    assert np.abs(y - moved - plain).max() < 0.05
