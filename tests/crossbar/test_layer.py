"""Programmed layers: exactly x @ W when ideal, whatever the mapping; tiles, ranges, managements; derivatives; messages."""

import copy

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import crossbar
from pnnkern.crossbar import (
    ADC,
    DAC,
    SAR,
    BitSerial,
    Chain,
    Crossbar,
    DifferentialPair,
    GaussianNoise,
    Layer,
    OffsetColumn,
    Wires,
    apply,
    apply_vjp,
    calibrate,
    conductances,
    matmul,
    matmul_vjp,
    program_weights,
    weights,
)
from pnnkern.testing import check_split, check_vjp

KEY = pnn.random.key(12)
MAPPINGS = {"one-sided": DifferentialPair(), "two-sided": DifferentialPair(one_sided=False), "offset": OffsetColumn()}


@pytest.fixture(params=MAPPINGS)
def mapping(request: pytest.FixtureRequest):
    return MAPPINGS[request.param]


def problem(rng: np.random.Generator, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    return rng.standard_normal((8, 13)).astype(dtype), rng.standard_normal((13, 11)).astype(dtype)


@pytest.mark.parametrize("tile", [(512, 512), (5, 4), (13, 3)])
@pytest.mark.parametrize(("slices", "cell_bits"), [(1, None), (3, 3)])
@pytest.mark.parametrize("input_scale", ["absmax", 0.7])
def test_ideal_layers_multiply(backend, mapping, tile, slices: int, cell_bits: int | None, input_scale, rng: np.random.Generator) -> None:
    x, W = problem(rng)
    d = Crossbar(mapping, slices=slices, cell_bits=cell_bits, tile=tile, input_scale=input_scale)
    x[2] = 0  # a sample without input has no scale of its own
    got = backend.numpy(matmul(backend.array(x), backend.array(W), d))
    stands_for = weights(conductances(W, d), d, w_max=np.abs(W).max())
    assert np.abs(got - x @ stands_for).max() < 1e-12
    if cell_bits is None:
        assert np.abs(got - x @ W).max() < 1e-12


def test_a_copy_of_a_layer_reads_the_same(rng: np.random.Generator) -> None:
    """Its tables of the wires' fields, which hold for one array of conductances, were of the original's."""
    x, W = problem(rng)
    d = Crossbar(chain=Chain(wires=Wires(20.0, 35.0), noise=GaussianNoise(1e-7)))
    layer = Layer(program_weights(W, d), d)
    expected = layer(x, key=KEY)
    copied = copy.deepcopy(layer)
    np.testing.assert_array_equal(copied(x, key=KEY), expected)


def test_float32(backend, mapping, rng: np.random.Generator) -> None:
    x, W = problem(rng, "float32")
    got = backend.numpy(matmul(backend.array(x), backend.array(W), Crossbar(mapping, tile=(5, 4))))
    assert got.dtype == np.float32
    assert np.abs(got - x.astype(float) @ W).max() < 3e-5


def test_programming_is_that_of_the_device(rng: np.random.Generator) -> None:
    _, W = problem(rng)
    d = Crossbar(device="pcm")
    state = program_weights(W, d, key=KEY, sample=3)
    assert np.array_equal(state["G"], crossbar.program(conductances(W, d), "pcm", key=KEY, sample=3))
    assert state["w_max"] == np.abs(W).max()
    assert set(state) == {"G", "w_max", "programmed"}
    assert state["programmed"] is state["G"]


def test_stuck_cells_stay_where_they_are(backend, rng: np.random.Generator) -> None:
    x, W = problem(rng)
    d = Crossbar(stuck_low=0.1, stuck_high=0.1)
    state = program_weights(backend.array(W), d, key=KEY)
    G, stuck, target = backend.numpy(state["G"]), backend.numpy(state["stuck"]), conductances(W, d)
    assert 0.1 < stuck.mean() < 0.3
    assert np.isin(G[stuck], [0, 25e-6]).all()
    assert np.array_equal(G[~stuck], target[~stuck])
    dG = backend.numpy(apply_vjp(backend.array(np.ones((8, 11))), backend.array(x), state, d, wrt="G"))
    assert (dG[stuck] == 0).all()
    assert (dG[~stuck] != 0).all()


def test_partial_sums_are_converted_by_tile(backend, mapping, rng: np.random.Generator) -> None:
    """Written out for two tiles of rows and one of columns: each has its own conversion, then digital sums."""
    x, W = problem(rng)
    d = Crossbar(mapping, tile=(8, 512), input_scale=3.0, chain=Chain(dac=DAC(6, 0.2), adc=ADC(7, 1.5e-5)))
    got = backend.numpy(matmul(backend.array(x), backend.array(W), d))
    G = conductances(W, d)
    v = np.clip(np.rint(x / 3 * 0.2 / (0.2 / 31)), -31, 31) * (0.2 / 31)
    total = 0
    for rows in (slice(0, 8), slice(8, 13)):
        I = np.clip(np.rint(v[:, rows] @ G[:, rows] / (1.5e-5 / 63)), -63, 63) * (1.5e-5 / 63)
        total = total + (2 * (I[0, :, :-1] - I[0, :, -1:]) if mapping == MAPPINGS["offset"] else I[0] - I[1])
    assert np.allclose(got, total * 3 * np.abs(W).max() / (0.2 * 25e-6), rtol=1e-10, atol=1e-12)


def test_layers_through_wires(rng: np.random.Generator) -> None:
    x, W = problem(rng)
    wires = Wires(10.0, 20.0)
    d = Crossbar(tile=(6, 4), chain=Chain(wires=wires))
    G, scale = conductances(W, d), np.abs(W).max() / 25e-6
    T = np.zeros_like(G)
    for r in range(0, 13, 6):
        for c in range(0, 11, 4):
            T[:, r : r + 6, c : c + 4] = crossbar.effective_conductance(np.ascontiguousarray(G[:, r : r + 6, c : c + 4]), wires=wires)
    got = matmul(x, W, d)
    assert np.allclose(got, x @ (T[0] - T[1]) * scale, rtol=1e-11)
    assert np.abs(got - x @ W).max() > 1e-3


# -------------------------------------------------------------------------------------------------------------- ranges and signs
@pytest.mark.parametrize("dac", [DAC(12, 0.5), DAC(12, 0.05), BitSerial(12, 1, 0.5), BitSerial(12, 3, 0.05, shift_add="analogue")])
@pytest.mark.parametrize("adc", [None, ADC(14, "max"), ADC(14)])
def test_an_input_of_one_is_the_largest_code(dac, adc, mapping, rng: np.random.Generator) -> None:
    """Whatever the DAC's range, and whoever is asked for it."""
    x, W = problem(rng)
    d = Crossbar(mapping, chain=Chain(dac=dac, adc=adc))
    assert d.v_max == dac.range
    state = program_weights(W, d)
    y = apply(x, calibrate(x, state, d) if adc is not None and adc.range == "calibrated" else state, d)
    assert np.abs(y - x @ W).max() < 5e-3 * np.abs(x @ W).max()


@pytest.mark.parametrize(("dac", "given"), [(DAC(8), 0.5), (DAC(8, 0.5), 0.2), (DAC(None, 0.1), 0.2), (BitSerial(8, 1, 0.1), 0.2)])
def test_two_ranges_are_refused(dac, given: float) -> None:
    with pytest.raises(ValueError, match=rf"v_max = {given} V, and the largest code of the DAC {dac.range} V: give both the same"):
        Crossbar(v_max=given, chain=Chain(dac=dac))
    assert Crossbar(v_max=dac.range, chain=Chain(dac=dac)).v_max == dac.range
    assert Crossbar().v_max == 0.2


@pytest.mark.parametrize("dac", [DAC(12, signed=False), BitSerial(12, 1, signed=False), BitSerial(12, 2, signed=False, shift_add="analogue")])
@pytest.mark.parametrize("adc", [ADC(14, "max", signed=False), ADC(14, signed=False), ADC(14, "per-column")])
def test_unsigned_converters_take_unsigned_inputs(backend, dac, adc, mapping, rng: np.random.Generator) -> None:
    x, W = np.abs(problem(rng)[0]), problem(rng)[1]
    d = Crossbar(mapping, chain=Chain(dac=dac, adc=adc))
    state, on = program_weights(backend.array(W), d), backend.array(x)
    state = calibrate(on, state, d) if adc.range == "calibrated" else state
    assert np.abs(backend.numpy(apply(on, state, d)) - x @ W).max() < 5e-3 * np.abs(x @ W).max()
    x[3, 5] = -0.01
    on = backend.array(x)

    def seen(call) -> None:
        call()
        pnn.check()  # a GPU says so here

    for call in (lambda: apply(on, state, d), lambda: apply_vjp(on[:, :11], on, state, d), lambda: calibrate(on, state, d)):
        with pytest.raises(ValueError, match="must be 0 or more"):
            seen(call)


@pytest.mark.parametrize("dac", [None, DAC(8), BitSerial(8)])
@pytest.mark.parametrize("range_", [1e-5, "calibrated", "max"])
def test_an_unsigned_adc_needs_unsigned_inputs(dac, range_) -> None:
    with pytest.raises(ValueError, match="an unsigned ADC cuts negative currents"):
        Chain(dac=dac, adc=ADC(8, range_, signed=False))


# ------------------------------------------------------------------------------------------------------------------- calibration
@pytest.mark.parametrize("dac", [None, BitSerial(6, 1, 0.2)])
def test_calibrated_ranges_are_those_of_the_currents(dac, rng: np.random.Generator) -> None:
    x, W = problem(rng)
    d = Crossbar(tile=(8, 5), chain=Chain(dac=dac, adc=ADC(9)))
    state = program_weights(W, d)
    V = x / np.abs(x).max(1, keepdims=True) * 0.2
    code = np.clip(np.rint(V / (0.2 / 31)), -31, 31)
    planes = [V] if dac is None else [np.sign(code) * (np.abs(code) // 2**k % 2) * 0.2 for k in range(5)]
    G = state["G"]
    most = np.array([[np.abs(np.stack([p[:, r] @ g[r] for p in planes])).max((0, 1)) for g in G] for r in (slice(0, 8), slice(8, 13))])
    assert np.allclose(calibrate(x, state, d)["adc_range"], most.max(), rtol=1e-12)
    each = calibrate(x, state, d, per_column=True)
    assert each["adc_range"].shape == (2, 2, 11)
    assert np.allclose(each["adc_range"], most, rtol=1e-12)
    errors = [np.abs(apply(x, s, d) - x @ W).max() for s in (calibrate(x, state, d), each)]
    assert errors[1] < errors[0] * 1.5
    assert errors[0] < (0.2 if dac is None else 0.6)


# ------------------------------------------------------------------------------------------------------------------- managements
def test_samples_that_saturate_are_read_again(backend, rng: np.random.Generator) -> None:
    """A range far too small for some samples: with management they come out right, the others are untouched."""
    x, W = problem(rng)
    x[:4] *= 0.05 * (np.arange(13) == 3)
    range_ = 0.4 * 0.2 * 25e-6
    managed, plain = (
        Crossbar(w_max=4.0, input_scale=1.0, bound_rounds=rounds, chain=Chain(adc=ADC(14, range_), noise=GaussianNoise(relative=1e-5)))
        for rounds in (6, 0)
    )
    x[4:] = np.sign(x[4:])
    y, bare = (backend.numpy(matmul(backend.array(x), backend.array(W), d, key=KEY, sample=5)) for d in (managed, plain))
    full = np.abs(bare - x @ W).max(1) > 0.05
    assert full.any()
    assert not full.all()
    assert np.array_equal(y[~full], bare[~full])
    assert np.abs(y - x @ W).max() < 0.02


def test_noise_does_not_depend_on_the_split(rng: np.random.Generator) -> None:
    x, W = problem(rng, "float32")
    d = Crossbar(tile=(6, 4), bound_rounds=2, chain=Chain(dac=DAC(7, stochastic=True), noise="pcm", adc=ADC(8, 8e-6), output_noise=1e-8))
    state = program_weights(W, d)
    whole = apply(x, state, d, key=KEY, sample=2)
    parts = [apply(x[a : a + 1], state, d, key=KEY, sample=2 + a) for a in range(len(x))]
    assert np.abs(np.concatenate(parts) - whole).max() < 0.2 * np.abs(whole).max()  # a code or two where a sum is rounded otherwise
    assert (np.abs(np.concatenate(parts) - whole) > 1e-4).mean() < 0.02
    lone = Crossbar(tile=(6, 4), chain=Chain(noise=crossbar.LognormalNoise(0.1)))
    check_split(apply, x, state, lone, key=KEY, sample=2)


def test_converters_of_tiles_differ(rng: np.random.Generator) -> None:
    _, W = problem(rng)
    d = Crossbar(tile=(6, 4), chain=Chain(adc=ADC(6, 1e-5, errors=SAR(0.1, 1.0, seed=4))))
    layer = Layer(program_weights(W, d), d)
    first = [t[3].chain.adc.errors.first for t in layer.tiles]
    assert first == [0, 8, 16, 22, 30, 38, 44, 52, 60]


# ------------------------------------------------------------------------------------------------------------------- derivative
@pytest.mark.parametrize("chain", [Chain(), Chain(noise=GaussianNoise(relative=0.05), output_noise=1e-8), Chain(wires=Wires(20.0, 10.0))])
def test_derivatives(mapping, chain: Chain, rng: np.random.Generator) -> None:
    x, W = problem(rng)
    W = np.sign(W) * (0.2 + np.abs(W))  # away from the bend of one-sided pairs
    d = Crossbar(mapping, tile=(6, 5), w_max=6.0, input_scale=4.0, chain=chain)
    key = KEY if chain.random else None
    check_vjp(matmul, matmul_vjp, x, W, d, wrt=("x", "W"), key=key, rtol=3e-5, steps=1e-3)


def test_derivatives_of_samples_that_were_read_again(rng: np.random.Generator) -> None:
    """With the noise of the read that counted: the draws are held, the number of reads does not change."""
    x, W = problem(rng)
    chain = Chain(noise=GaussianNoise(relative=0.1), adc=ADC(None, 0.06 * 0.2 * 13 * 25e-6))
    d = Crossbar(DifferentialPair(one_sided=False), tile=(7, 6), w_max=4.0, input_scale=2.0, bound_rounds=6, chain=chain)
    again = Layer(program_weights(W, d), d)._managed(x, KEY, 3)[2]
    assert len(set(again)) > 1
    check_vjp(matmul, matmul_vjp, x, W, d, wrt=("x", "W"), key=KEY, sample=3, rtol=3e-5, steps=1e-5)


@pytest.mark.parametrize("device", ["cpu", "host"])
def test_training_passes_converters_slices_and_managements(device: str, mapping, rng: np.random.Generator) -> None:
    """Straight through everything: with many bits and nothing cut the derivative is that of the product, re-read samples included."""
    x, W = problem(rng)
    g = rng.standard_normal((8, 11))
    range_ = 0.2 * 13 * 25e-6 * 0.04
    d = Crossbar(mapping, slices=2, cell_bits=8, tile=(6, 5), bound_rounds=8, chain=Chain(dac=DAC(16, 0.2), adc=ADC(16, range_)))
    with pnn._launch.host() if device == "host" else np.errstate():
        assert Layer(program_weights(W, d), d)._managed(x, None, 0)[2].max() > 0
        dx, dW = matmul_vjp(g, x, W, d)
    assert np.allclose(dx, g @ W.T, atol=2e-3)
    assert np.allclose(dW, x.T @ g, atol=2e-3)


# ------------------------------------------------------------------------------------------------------------------- bad input
def state_of(d: Crossbar) -> dict[str, np.ndarray]:
    return program_weights(np.ones((3, 4)), d)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: apply(np.ones((2, 4)), state_of(Crossbar()), Crossbar()), ValueError, r"x must be \(batch, 3\)"),
        (lambda: apply(np.ones((2, 3), np.float32), state_of(Crossbar()), Crossbar()), TypeError, "x must be float64 like the conductances"),
        (lambda: apply(np.ones((2, 3)), state_of(Crossbar()), Crossbar(OffsetColumn())), ValueError, r"must be \(1, n_in, columns\)"),
        (lambda: apply(np.ones((2, 3)), state_of(Crossbar()), Crossbar(chain=Chain(adc=ADC()))), ValueError, "not calibrated yet"),
        (lambda: apply_vjp(np.ones((2, 3)), np.ones((2, 3)), state_of(Crossbar()), Crossbar()), ValueError, r"must have the shape \(2, 4\)"),
        (lambda: matmul(np.ones((2, 3)), np.ones((3, 4)), Crossbar(device="pcm")), ValueError, "needs a key"),
        (lambda: matmul(np.ones((2, 3)), np.ones((3, 4)), Crossbar(chain=Chain(noise="pcm"))), ValueError, "needs a key"),
        (lambda: program_weights(np.ones((3, 4)), Crossbar(stuck_low=0.1)), ValueError, "which cells are stuck is random"),
        (lambda: program_weights(np.full((3, 4), 2.0), Crossbar(w_max=1.0)), ValueError, "within w_max"),
        (lambda: calibrate(np.ones((2, 3)), state_of(Crossbar()), Crossbar()), ValueError, "no ADC to calibrate"),
    ],
)  # fmt: skip
def test_bad_input(call, error, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_volts_of_a_layer(backend, dtype: str, rng: np.random.Generator) -> None:
    """Each sample divided by its largest size, or by a number for all; what is nothing stays so, and NaN is in its place alone."""
    x = rng.normal(0, 3, (9, 75)).astype(dtype)
    x[2], x[3, 5], x[4, 70], x[5, 64], x[6, -1], x[7, 0] = 0, np.nan, -50, np.inf, 60, -70
    for given in ("absmax", 4.0):
        how = crossbar.Crossbar(input_scale=given, v_max=0.3)
        layer = crossbar.Layer(crossbar.program_weights(backend.array(np.ones((75, 3), dtype)), how), how)
        V, alpha = (backend.numpy(a) for a in layer._driven(backend.array(x)))
        most = np.abs(x).max(1, keepdims=True) if given == "absmax" else np.full((9, 1), 4.0, dtype)
        assert np.array_equal(alpha, np.where(most > 0, most, 1).astype(dtype))
        with np.errstate(invalid="ignore"):
            assert np.array_equal(V, x / alpha * np.dtype(dtype).type(0.3), equal_nan=True)
