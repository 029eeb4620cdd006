"""Layers on interleaved and gated arrays against nodal analysis of each array, and what a layer cannot mean."""

import sys
from pathlib import Path

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern.crossbar import (
    ADC,
    DAC,
    BitSerial,
    Chain,
    Crossbar,
    DifferentialPair,
    GaussianNoise,
    Layer,
    LognormalNoise,
    OffsetColumn,
    Reader,
    Wires,
    apply,
    apply_vjp,
    calibrate,
    conductances,
    estimate,
    matmul,
    matmul_vjp,
    program_weights,
    read,
    read_vjp,
    sinh_iv,
    solve_currents,
)
from pnnkern.testing import check_vjp

sys.path.insert(0, str(Path(__file__).parent))
from nodal_truth import gated, lines

KEY = pnn.random.key(5)
PAIRS = {"one-sided": DifferentialPair(), "two-sided": DifferentialPair(one_sided=False)}
OHMS = 200.0, 300.0, 50.0, 20.0
GATES = BitSerial(5, 1, 0.2, signed=False)


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> DifferentialPair:
    return PAIRS[request.param]


def in_pairs(G: np.ndarray) -> np.ndarray:
    """Rows of G+ (0) and G- (1) by turns."""
    rows = np.empty((2 * G.shape[1], G.shape[2]))
    rows[0::2], rows[1::2] = G
    return rows


# ------------------------------------------------------------------------------------------------------------------ interleaved
@pytest.mark.parametrize(("slices", "cell_bits"), [(1, None), (2, 3)])
@pytest.mark.parametrize("tile", [(512, 512), (8, 4), (5, 3)])
def test_interleaved_layers(backend, pair, slices: int, cell_bits: int | None, tile, rng: np.random.Generator) -> None:
    """Each tile is one array of rows +-x: its currents, added as they count. Tiles of 8 and of 5 rows hold 4 and 2 inputs."""
    x, W, wires = rng.standard_normal((6, 9)), rng.uniform(-1, 1, (9, 7)), Wires(*OHMS, topology="interleaved")
    d = Crossbar(pair, slices=slices, cell_bits=cell_bits, w_max=1.0, tile=tile, input_scale=3.0, chain=Chain(wires=wires))
    got = backend.numpy(matmul(backend.array(x), backend.array(W), d))
    G, v, inputs = conductances(W, d), x / 3 * 0.2, tile[0] // 2
    counts = [1.0] if cell_bits is None else [7 / 63, 8 * 7 / 63]
    expected = np.zeros((6, 7))
    for a in range(0, 9, inputs):
        for b in range(0, 7, tile[1]):
            for s, count in enumerate(counts):
                T = lines(in_pairs(G[2 * s : 2 * s + 2, a : a + inputs, b : b + tile[1]]), *OHMS, pair=True).T()
                expected[:, b : b + tile[1]] += count * (v[:, a : a + inputs] @ (T[0::2] - T[1::2]))
    assert np.allclose(got, expected * 3 / (0.2 * 25e-6), rtol=1e-9, atol=1e-12)
    apart = matmul(x, W, Crossbar(pair, slices=slices, cell_bits=cell_bits, w_max=1.0, tile=tile, input_scale=3.0,
                                  chain=Chain(wires=Wires(*OHMS))))  # fmt: skip
    assert np.abs(got - apart).max() > 1e-3  # not two arrays with one weight each


@pytest.mark.parametrize("dac", [DAC(6, 0.2, noise=1e-3, stochastic=True), DAC(6, 0.2, signed=False), BitSerial(6, 2, 0.2, signed=False)])
def test_a_pair_has_one_converter_of_inputs_and_one_of_outputs(dac, rng: np.random.Generator) -> None:
    """What the DAC gives, noise and all, drives both rows; perfect wires: what arrives is (G+ - G-) v, converted once."""
    x, W = np.abs(rng.standard_normal((6, 9))), rng.uniform(-1, 1, (9, 7))
    d = Crossbar(w_max=1.0, input_scale=1.5, chain=Chain(wires=Wires(0, 0, topology="interleaved"), dac=dac, adc=ADC(9, 1e-5)))
    key = KEY if isinstance(dac, DAC) and dac.random else None
    got = matmul(x, W, d, key=key)
    tile = pnn.random.fold_in(pnn.random.fold_in(KEY, "read"), 0)
    v = x / 1.5 * 0.2
    planes = list(dac.planes(v)) if isinstance(dac, BitSerial) else [(1.0, pnn.crossbar.convert(v, dac, key=tile))]
    G, lsb = conductances(W, d), 1e-5 / 255
    currents = sum(c * np.clip(np.rint(p @ (G[0] - G[1]) / lsb), -255, 255) * lsb for c, p in planes)
    assert np.allclose(got, currents * 1.5 / (0.2 * 25e-6), rtol=1e-9, atol=1e-9)


def test_an_interleaved_range_is_that_of_the_difference(rng: np.random.Generator) -> None:
    """Currents of a pair cancel before they are converted: the largest one is the sum of |G+ - G-|."""
    W = rng.uniform(-1, 1, (9, 7))
    d = Crossbar(w_max=1.0, chain=Chain(wires=Wires(0, 0, topology="interleaved"), dac=DAC(6, 0.2), adc=ADC(8, "max")))
    step = Layer(program_weights(W, d), d).tiles[0][3].columns.step
    assert np.allclose(step, 0.2 * np.abs(W).sum(0).max() * 25e-6 / 127, rtol=1e-9)


def test_noise_and_offsets_of_interleaved_arrays(rng: np.random.Generator) -> None:
    """Cells of both rows fluctuate by themselves; there is one offset and one calibrated range for a pair of columns."""
    x, W, reads = rng.standard_normal((1, 4)), rng.uniform(-1, 1, (4, 3)), 4000
    wires = Wires(1e-3, 1e-3, topology="interleaved")
    chain = Chain(wires=wires, noise=GaussianNoise(relative=0.1), offset=np.array([[1e-6, 0.0, -1e-6]]))
    d = Crossbar(w_max=1.0, input_scale=1.0, chain=chain)
    y = matmul(np.tile(x, (reads, 1)), W, d, key=KEY)
    sigma = np.sqrt(x[0] ** 2 @ (0.1 * W) ** 2)
    assert np.abs(y.std(0) / sigma - 1).max() < 4.5 / np.sqrt(2 * reads)
    assert np.abs(y.mean(0) - x[0] @ W - np.array([0.2, 0, -0.2])).max() < 4.5 * sigma.max() / np.sqrt(reads) + 1e-3
    ranged = Crossbar(w_max=1.0, input_scale=1.0, chain=Chain(wires=wires, adc=ADC(10)))
    state = calibrate(x, program_weights(W, ranged), ranged, per_column=True)
    assert np.allclose(state["adc_range"], np.abs(0.2 * 25e-6 * (x @ W)), rtol=1e-4)


@pytest.mark.parametrize("noise", [None, GaussianNoise(relative=0.05, frozen=True)])
def test_derivatives_of_interleaved_layers(pair, noise, rng: np.random.Generator) -> None:
    x, W = rng.standard_normal((3, 7)), rng.uniform(0.2, 1, (7, 4)) * rng.choice([-1, 1], (7, 4))
    chain = Chain(wires=Wires(*OHMS, topology="interleaved"), noise=noise)
    d = Crossbar(pair, tile=(8, 3), w_max=1.5, input_scale=3.0, chain=chain)
    check_vjp(matmul, matmul_vjp, x, W, d, wrt=("x", "W"), key=None if noise is None else KEY, rtol=1e-5, steps=1e-4)


# ------------------------------------------------------------------------------------------------------------------------ gated
@pytest.mark.parametrize(
    ("weights", "topology"), [(DifferentialPair(), "gated"), (OffsetColumn(), "gated"), (DifferentialPair(), "gated-interleaved")]
)
@pytest.mark.parametrize("tile", [(512, 512), (6, 4)])
@pytest.mark.parametrize("shift_add", ["digital", "analogue"])
def test_gated_layers(backend, weights, topology: str, tile, shift_add: str, rng: np.random.Generator) -> None:
    """Bits of the inputs open rows one after another; each read of each tile is a circuit of its own."""
    paired = topology != "gated"
    x, W, wires = rng.random((3, 7)), rng.uniform(-1, 1, (7, 5)), Wires(*OHMS, topology=topology)
    chain = Chain(wires=wires, dac=BitSerial(5, 1, 0.2, False, shift_add))
    d = Crossbar(weights, w_max=1.0, input_scale=1.0, tile=tile, chain=chain)
    got = backend.numpy(matmul(backend.array(x), backend.array(W), d))
    G, code = conductances(W, d), np.rint(x * 31).astype(int)
    inputs, blocks = tile[0] // 2 if paired else tile[0], d.blocks(5)
    expected = np.zeros((3, 5))
    for a in range(0, 7, inputs):
        for outputs, columns in blocks:
            for n in range(3):
                for k in range(5):
                    gates = (code[n, a : a + inputs] >> k & 1) > 0
                    part = G[:, a : a + inputs, columns]
                    if paired:
                        I = gated(in_pairs(part), np.repeat(gates, 2), 0.2, wires)
                    elif isinstance(weights, OffsetColumn):
                        I = gated(part[0], gates, 0.2, wires)
                        I = 2 * (I[:-1] - I[-1])
                    else:
                        I = gated(part[0], gates, 0.2, wires) - gated(part[1], gates, 0.2, wires)
                    expected[n, outputs] += 2**k / 31 * I
    assert np.allclose(got, expected / (0.2 * 25e-6), rtol=1e-9, atol=1e-12)
    assert np.abs(got - code / 31 @ W).max() > 1e-3


@pytest.mark.parametrize("topology", ["gated", "gated-interleaved"])
def test_gated_derivatives(backend, topology: str, rng: np.random.Generator) -> None:
    """By the cells exact; by the inputs that of the product where wires are perfect, and with them a chord that meets the full read."""
    x, W, wires = rng.random((3, 7)), rng.uniform(0.2, 1, (7, 5)) * rng.choice([-1, 1], (7, 5)), Wires(*OHMS, topology=topology)
    g = rng.standard_normal((3, 5))
    d = Crossbar(PAIRS["two-sided"], w_max=1.5, input_scale=1.0, tile=(8, 4), chain=Chain(wires=wires, dac=GATES))
    state = program_weights(W, d)
    moved = rng.uniform(0, 1e-6, state["G"].shape)
    dG = backend.numpy(apply_vjp(*map(backend.array, (g, x)), {k: backend.array(v) for k, v in state.items()}, d, wrt="G"))
    sides = [(g * apply(x, state | {"G": state["G"] + s * moved}, d)).sum() for s in (1e-3, -1e-3)]
    assert (dG * moved).sum() == pytest.approx((sides[0] - sides[1]) / 2e-3, rel=1e-6)
    perfect = Crossbar(w_max=1.5, input_scale=1.0, tile=(8, 4), chain=Chain(wires=Wires(0, 0, topology=topology), dac=GATES))
    dx, dW = (backend.numpy(a) for a in matmul_vjp(*map(backend.array, (g, x, W)), perfect))
    assert np.allclose(dx, g @ W.T, rtol=1e-9)
    assert np.allclose(dW, (np.rint(x * 31) / 31).T @ g, rtol=1e-9, atol=1e-12)
    G = np.ascontiguousarray(state["G"][0][:6])
    ones = np.full((1, 6), 0.2)
    full = solve_currents(ones, G, wires=wires)
    assert np.allclose(read_vjp(np.eye(5)[:1], ones, G, wires=wires, wrt="V") @ ones.T, full[0, 0], rtol=1e-9)


@pytest.mark.parametrize("topology", ["gated", "gated-interleaved"])
def test_noise_of_gated_reads(backend, topology: str, rng: np.random.Generator) -> None:
    """Only open cells fluctuate: the deviation of each output by what each cell does to it, in the circuit solved anew."""
    G, wires, h, reads = rng.uniform(5e-6, 25e-6, (6, 3)), Wires(2000.0, 3000.0, topology=topology), 1e-9, 4000
    gates = np.array([1, 0, 1, 1, 0, 1])
    V, still = np.tile(0.2 * gates, (reads, 1)), gated(G, gates, 0.2, wires)
    variance = np.full(3, 1e-8**2)
    for c in np.ndindex(G.shape):
        more = G.copy()
        more[c] += h
        variance += ((gated(more, gates, 0.2, wires) - still) / h * 0.1 * G[c]) ** 2
    got = backend.numpy(read(*map(backend.array, (V, G)), wires=wires, noise=GaussianNoise(relative=0.1), output_noise=1e-8, key=KEY))
    assert np.abs(got.std(0) / np.sqrt(variance) - 1).max() < 4.5 / np.sqrt(2 * reads)
    assert np.abs((got.mean(0) - still) / np.sqrt(variance)).max() < 4.5 / np.sqrt(reads)
    assert np.abs(np.corrcoef(got.T) - np.eye(3)).max() < 4.5 / np.sqrt(reads)
    apart = read(V[:5], G, wires=wires, noise=GaussianNoise(relative=0.1), output_noise=1e-8, key=KEY, sample=70)
    assert np.allclose(got[70:75], apart, rtol=1e-9)


@pytest.mark.parametrize("topology", ["gated", "gated-interleaved"])
def test_frozen_noise_of_gated_arrays(topology: str, rng: np.random.Generator) -> None:
    """One draw of the cells for the whole batch; its derivative by the cells."""
    x, W = rng.random((3, 4)), rng.uniform(-1, 1, (4, 3))
    chain = Chain(wires=Wires(*OHMS, topology=topology), dac=GATES, noise=GaussianNoise(relative=0.2, frozen=True))
    G, V = rng.uniform(5e-6, 25e-6, (1, 6, 3)), 0.2 * rng.integers(0, 2, (3, 6))
    z = pnn.random.normal(pnn.random.fold_in(KEY, "cells"), (1, 18), dtype=np.float64).reshape(6, 3)
    got = Reader(G, chain)(V, key=KEY)[0]
    assert np.allclose(got, solve_currents(V, G[0] * (1 + 0.2 * z), wires=chain.wires), rtol=1e-9)
    d = Crossbar(PAIRS["two-sided"], w_max=1.5, input_scale=1.0, chain=chain)
    state, g = program_weights(W, d), rng.standard_normal((3, 3))
    moved = rng.uniform(0, 1e-6, state["G"].shape)
    dG = apply_vjp(g, x, state, d, key=KEY, wrt="G")
    sides = [(g * apply(x, state | {"G": state["G"] + s * moved}, d, key=KEY)).sum() for s in (1e-3, -1e-3)]
    assert (dG * moved).sum() == pytest.approx((sides[0] - sides[1]) / 2e-3, rel=1e-6)


def test_gated_ranges_and_calibration(rng: np.random.Generator) -> None:
    x, W = rng.random((40, 7)), rng.uniform(-1, 1, (7, 5))
    wires = Wires(0, 0, topology="gated-interleaved")
    d = Crossbar(w_max=1.0, input_scale=1.0, chain=Chain(wires=wires, dac=GATES, adc=ADC(9, "max")))
    state = program_weights(W, d)
    one_way = max(np.abs(W[W[:, j] > 0, j]).sum() for j in range(5)), max(np.abs(W[W[:, j] < 0, j]).sum() for j in range(5))
    assert np.allclose(Layer(state, d).tiles[0][3].columns.step * 255, 0.2 * 25e-6 * max(one_way), rtol=1e-9)
    d = Crossbar(w_max=1.0, input_scale=1.0, chain=Chain(wires=wires, dac=GATES, adc=ADC(9)))
    bits = [(np.rint(x * 31).astype(int) >> k & 1) for k in range(5)]
    most = max(np.abs(b @ W).max() for b in bits) * 0.2 * 25e-6
    assert calibrate(x, state, d)["adc_range"] == pytest.approx(most, rel=1e-9)


# ----------------------------------------------------------------------------------------------------------------------- costs
def test_costs_of_interleaved_arrays() -> None:
    """Twice the rows, half the arrays, half the conversions; tiles of 8 rows hold 4 of the 10 inputs."""
    chains = [Chain(wires=Wires(1.0, 1.0, topology=t), dac=DAC(6), adc=ADC(8)) for t in ("lines", "interleaved")]
    two, one = (estimate(Crossbar(tile=(8, 512), chain=c), (10, 7)) for c in chains)
    assert (two["arrays"], one["arrays"]) == (4, 3)
    assert (two["conversions"], one["conversions"]) == (2 * 2 * 7, 3 * 7)
    assert one["cells"] == two["cells"] == 2 * 10 * 7
    assert one["energy_cells_j"] == two["energy_cells_j"]
    assert one["energy_drivers_j"] == two["energy_drivers_j"]


# --------------------------------------------------------------------------------------------------------------------- refused
def wired(topology: str, **chain: object) -> Chain:
    return Chain(wires=Wires(1.0, 1.0, topology=topology), **chain)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Crossbar(OffsetColumn(), chain=wired("interleaved")), "rows of positive and negative weights: weights must be"),
        (lambda: Crossbar(OffsetColumn(), chain=wired("gated-interleaved", dac=GATES)), "weights must be a DifferentialPair"),
        (lambda: Crossbar(tile=(1, 4), chain=wired("interleaved")), "a tile must have 2 rows or more, got 1"),
        (lambda: Crossbar(chain=wired("gated")), "takes inputs that are open or shut: give the chain a dac"),
        (lambda: Crossbar(chain=wired("gated", dac=DAC(None, signed=False))), "takes inputs that are open or shut"),
        (lambda: wired("gated", dac=DAC(8)), "gated inputs are open or shut: their dac must be"),
        (lambda: wired("gated", dac=BitSerial(8, 1)), "gated inputs are open or shut"),
        (lambda: wired("gated", dac=BitSerial(8, 2, signed=False)), "gated inputs are open or shut"),
        (lambda: wired("gated", dac=DAC(1, signed=False, noise=0.01)), "gated inputs are open or shut"),
        (lambda: wired("gated", noise=LognormalNoise()), "noise through wires takes linear cells with GaussianNoise"),
        (lambda: wired("gated", iv=sinh_iv(0.3)), "topology 'gated' takes linear cells"),
        (lambda: wired("interleaved", adc=ADC(8, 1e-5, signed=False)), "an unsigned ADC cuts negative currents"),
        (lambda: wired("gated-interleaved", dac=GATES, adc=ADC(8, 1e-5, signed=False)), "an unsigned ADC cuts negative currents"),
        (lambda: Chain(wires=Wires(1.0, 1.0, topology="ladder")), "topology must be one of"),
        (lambda: Reader(np.ones((4, 2)), wired("interleaved", dac=DAC(8, signed=False))), "opposite voltages, which an unsigned DAC cuts"),
        (lambda: read(np.ones((2, 3)), np.ones((3, 2)), wires=Wires(1.0, 1.0, topology="interleaved")), "takes rows in pairs, got G of 3"),
        (lambda: matmul(-np.ones((2, 3)), np.ones((3, 2)), Crossbar(chain=wired("gated", dac=GATES))), "inputs must be 0 or more"),
    ],
)
def test_what_a_layer_cannot_mean(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_wires_are_checked_where_they_are_given() -> None:
    with pytest.raises(TypeError, match="wires must be Wires"):
        Chain(wires="copper")
