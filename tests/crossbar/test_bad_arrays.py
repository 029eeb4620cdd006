"""Arrays that are none, or others than they should be: a sentence before anything is launched, never memory that is not theirs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pnnkern import crossbar, random
from pnnkern.crossbar import (
    ADC,
    DAC,
    IV,
    Chain,
    Crossbar,
    Custom,
    DifferentialPair,
    GaussianNoise,
    MixedPrecision,
    OffsetColumn,
    PiecewiseStep,
    Reader,
    SoftBounds,
    TikiTaka,
    WireFields,
)

KEY = random.key(5)
V, G, W, X = np.full((2, 3), 0.1), np.full((3, 4), 1e-5), np.full((3, 4), 0.5), np.full((2, 3), 0.5)
SMALL = {name: x.astype(np.float32) for name, x in (("V", V), ("G", G), ("w", 0.01 * W), ("x", X), ("d", np.full((2, 4), 0.1)))}
Case = tuple[Callable[[], Any], type[Exception], str]


def refused(cases: list[Case]) -> Any:
    return pytest.mark.parametrize(("call", "error", "message"), cases)


def says(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as raised:
        call()
    assert len(str(raised.value)) < 400


# ------------------------------------------------------------------------------------------------------- functions of users
def law(f: Callable[[Any], Any] = lambda v: v, slope: Callable[[Any], Any] = np.ones_like) -> IV:
    return IV(f, slope)


def with_nan(v: np.ndarray) -> np.ndarray:
    return np.where(v > 0.01, np.nan, v)


READ: list[Case] = [  # the kernels would go through memory as if these were (batch, n_in)
    (lambda: crossbar.read(V, G, iv=law(lambda v: v[:, :2])), ValueError, r"what f of an IV returns must be .* the volts \(2, 3\)"),
    (lambda: crossbar.read(np.ones((64, 64)), np.full((64, 64), 1e-5), iv=law(lambda v: v.ravel()[:5])), ValueError, r"got float64 \(5,\)"),
    (lambda: crossbar.read(V, G, iv=law(lambda v: np.stack([v] * 9))), ValueError, r"like the volts \(2, 3\), got float64 \(9, 2, 3\)"),
    (lambda: crossbar.read(V, G, iv=law(lambda v: v + 1j)), TypeError, r"must be real, .* got complex128 \(2, 3\)"),
    (lambda: crossbar.read(V, G, iv=law(lambda v: None)), TypeError, "must be real, .* got None"),
    (lambda: crossbar.solve_currents(V, G, wires=1.0, iv=law(lambda v: v[:2])), ValueError, "what f of an IV returns must be"),
    (lambda: crossbar.solve_currents(V, G, wires=1.0, iv=law(lambda v: np.stack([v] * 3))), ValueError, "what f of an IV returns"),
    (lambda: crossbar.solve_currents(V, G, wires=1.0, iv=law(slope=lambda v: v[:2])), ValueError, "what slope of an IV returns must be"),
    (lambda: crossbar.solve_currents(V, G, wires=1.0, iv=law(with_nan)), ValueError, "cells carry NaN: V must be finite"),
    (lambda: crossbar.solve_currents(V, G, wires=1.0, iv=law(slope=lambda v: np.nan * v)), ValueError, "slope .* must be positive, got nan"),
]  # fmt: skip


@refused(READ)
def test_characteristics_of_users(call, error, message: str) -> None:
    says(call, error, message)


def test_characteristics_of_users_in_another_precision() -> None:
    """As of NumPy's functions that know only float64."""
    wide = law(lambda v: 2.0 * v.astype(np.float64), lambda v: np.full(v.shape, 2.0))
    assert np.allclose(crossbar.read(SMALL["V"], SMALL["G"], iv=wide), 2 * V @ G, rtol=1e-6)
    got = crossbar.solve_currents(SMALL["V"], SMALL["G"], wires=1e-3, iv=wide)
    assert got.dtype == np.float32
    assert np.allclose(got, 2 * V @ G, rtol=1e-3)


STACK = np.full((2, 3, 4), 1e-5)
DEVICES: list[Case] = [
    (lambda: crossbar.read(V, STACK, noise=Custom(reading=lambda G, t: G[:, :2]), key=KEY), ValueError, "the read noise of Custom must be"),
    (lambda: crossbar.read(V, STACK, noise=Custom(reading=lambda G, t: G + 0j), key=KEY), TypeError, "the read noise of Custom must be real"),
    (lambda: crossbar.read(V, G, noise=GaussianNoise(sigma=lambda G: G[..., :3]), key=KEY), ValueError, r"sigma must be a number or like G"),
    (lambda: crossbar.read(V, G, noise=GaussianNoise(sigma=lambda G: "1e-6"), key=KEY), TypeError, "sigma must be real, .* got '1e-6'"),
    (lambda: crossbar.read(V, G, noise=GaussianNoise(sigma=lambda G: G * np.nan), key=KEY), ValueError, "must not be negative or NaN"),
    (lambda: crossbar.program(G, Custom(programming=lambda G: G[:2]), key=KEY), ValueError, "the standard deviation of programming"),
    (lambda: crossbar.program(G, Custom(programming=lambda G: 1j * G), key=KEY), TypeError, "deviation of programming must be real"),
    (lambda: crossbar.drift(G, time=9.0, device=Custom(exponent=lambda G: 0.1), key=KEY), TypeError, "must return .mean, standard deviation."),
    (lambda: crossbar.drift(G, time=9.0, device=Custom(exponent=lambda G: (G[0, :2], 0.1)), key=KEY), ValueError, "mean that exponent returns"),
    (lambda: crossbar.drift(G, time=9.0, device=Custom(exponent=lambda G: (np.nan, 0.1)), key=KEY), ValueError, "exponent .* finite numbers"),
    (lambda: crossbar.drift(G, time=9.0, device=Custom(relaxed=lambda G, t: (G, G[:2])), key=KEY), ValueError, "the deviation that relaxed"),
    (lambda: PiecewiseStep.of(lambda w: w[:3], lambda w: 1 + 0 * w), ValueError, "what up returns must be a number or like the weights"),
    (lambda: PiecewiseStep.of([1 + 2j, 3.0], [2.0, 1.0]), TypeError, "up must be a real number or an array of them"),
]  # fmt: skip


@refused(DEVICES)
def test_devices_of_users(call, error, message: str) -> None:
    says(call, error, message)


def test_noise_of_users_for_all_cells_alike() -> None:
    """A number, or less than a stack of arrays, holds for all; kernels then find a value for each cell."""
    for reading in (lambda G, t: 1e-7, lambda G, t: np.full(G.shape[-2:], 1e-7)):
        got = crossbar.read(V, STACK, noise=Custom(reading=reading), key=KEY)
        assert np.array_equal(got, crossbar.read(V, STACK, noise=GaussianNoise(sigma=1e-7), key=KEY))


# -------------------------------------------------------------------------------------------------------------------- states
def state(**other: Any) -> dict[str, Any]:
    """Of weights, with other entries; without those that are None."""
    return {k: v for k, v in (crossbar.program_weights(W, Crossbar()) | other).items() if v is not None}


STATES: list[Case] = [
    (lambda: crossbar.apply(X, state(G=None), Crossbar()), ValueError, "state must have G, .* has w_max, programmed"),
    (lambda: crossbar.aged(state(w_max=None), Crossbar(), time=1.0), ValueError, "state must have w_max"),
    (lambda: crossbar.apply(X, {}, Crossbar()), ValueError, "state must have G and w_max, .* has nothing"),
    (lambda: crossbar.apply(X, None, Crossbar()), TypeError, "state must be a dict of arrays, got NoneType"),
    (lambda: crossbar.apply(X, state(G=STACK + 0j), Crossbar()), TypeError, "G of a state must be an array of float32 or float64"),
    (lambda: crossbar.apply(X, state(), Crossbar(slices=2, cell_bits=2)), ValueError, r"must be \(4, n_in, columns\), got \(2, 3, 4\)"),
    (lambda: crossbar.apply(X, state(G=np.full((1, 3, 1), 1e-5)), Crossbar(OffsetColumn())), ValueError, r"columns\), got \(1, 3, 1\)"),
    (lambda: crossbar.apply(X, state(programmed=STACK[:, :2]), Crossbar()), ValueError, r"programmed of a state must be .* \(2, 3, 4\), got"),
    (lambda: crossbar.apply(X, state(programmed=STACK[0]), Crossbar()), ValueError, "programmed of a state"),
    (lambda: crossbar.apply(X, state(programmed=STACK.astype(np.float32)), Crossbar()), TypeError, "programmed .* float64 like its G"),
    (lambda: crossbar.apply(X, state(w_max=np.ones(3)), Crossbar()), ValueError, r"w_max of a state must .* shape \(\) or \(4,\)"),
    (lambda: crossbar.apply(X, state(w_max=np.array(1j)), Crossbar()), ValueError, "w_max of a state must be real numbers"),
    (lambda: crossbar.apply(X, state(time=np.ones(2)), Crossbar()), ValueError, r"time of a state must be real numbers of shape \(\)"),
    (lambda: crossbar.apply(X, state(stuck=np.zeros((2, 3), bool)), Crossbar()), ValueError, r"stuck must be boolean like G \(2, 3, 4\), got"),
    (lambda: crossbar.apply(X, state(stuck=STACK), Crossbar()), ValueError, "stuck must be boolean like G"),
    (lambda: crossbar.apply(X, state(adc_range=np.ones((1, 2, 3))), CALIBRATED), ValueError, r"adc_range of a state .* \(1, 2, 4\), got"),
    (lambda: crossbar.estimate(Crossbar(), (3, 4), state={}), ValueError, "state must have G and w_max"),
    (lambda: crossbar.apply(X, state(), None), TypeError, "description must be a Crossbar, got NoneType"),
]  # fmt: skip
CALIBRATED = Crossbar(chain=Chain(adc=ADC()))


@refused(STATES)
def test_states_of_layers(call, error, message: str) -> None:
    says(call, error, message)


RULE, MIXED = TikiTaka("chopped"), MixedPrecision()


def gathered(rule: Any = RULE, **other: Any) -> dict[str, Any]:
    return {k: v for k, v in (crossbar.transfer_start(rule, (3, 4), key=KEY) | other).items() if v is not None}


def update(old: dict[str, Any], rule: Any = RULE, **options: Any) -> Any:
    return crossbar.transfer_update(rule, old, SMALL["x"], SMALL["d"], **{"lr": 0.1, "key": KEY, **options})


GATHERED: list[Case] = [
    (lambda: update(gathered(reference=None)), ValueError, "state is not one of TikiTaka: it has slow, hidden"),
    (lambda: update(gathered(slow=None)), ValueError, "state is not one of TikiTaka"),
    (lambda: update(gathered(), MIXED), ValueError, "state is not one of MixedPrecision"),
    (lambda: update(gathered(hidden=np.zeros((2, 4), np.float32))), ValueError, r"hidden of a state must .* \(2, 4\)"),
    (lambda: update(gathered(chopper=np.ones((3, 1), np.float32))), ValueError, r"chopper of a state must be float32 \(3,\)"),
    (lambda: update(gathered(fast=np.zeros((3, 4)))), ValueError, "fast of a state must be float32 .* got float64"),
    (lambda: update(gathered(samples=np.zeros(0, np.int64))), ValueError, r"samples of a state must be int64 \(1,\)"),
    (lambda: update(gathered(samples=np.array(3))), ValueError, r"samples of a state must be int64 \(1,\)"),
    (lambda: update(gathered(samples=np.array([-1]))), ValueError, "samples of a state must be 0 or more, got -1"),
    (lambda: crossbar.transfer_weights(RULE, gathered(chopper=np.ones((), np.float32))), ValueError, "chopper of a state"),
    (lambda: crossbar.transfer_weights(RULE, gathered(slow=np.zeros(3, np.float32))), ValueError, "slow of a state|hidden of a state"),
    (lambda: update(gathered(), None), TypeError, "rule must be a TikiTaka or a MixedPrecision, got NoneType"),
    (lambda: update(gathered(MIXED), MIXED, lr=None), ValueError, "lr must be finite and 0 or more, got None"),
    (lambda: crossbar.transfer_start(RULE, 3, key=KEY), ValueError, r"shape must be \(n_in, n_out\), .* got 3"),
    (lambda: crossbar.transfer_start(RULE, (3, 4), key=KEY, like="gpu"), TypeError, "like must be an array, got str"),
]  # fmt: skip


@refused(GATHERED)
def test_states_of_transfers(call, error, message: str) -> None:
    says(call, error, message)


# ----------------------------------------------------------------------------------------------------- shapes, kinds and numbers
CELLS = crossbar.device_cells("ecram", (3, 4), key=KEY)
ARRAYS: list[Case] = [
    (lambda: crossbar.conductances_vjp(np.ones((2, 3)), W, Crossbar()), ValueError, r"cotangent must have the shape \(2, 3, 4\)"),
    (lambda: crossbar.conductances_vjp(np.ones((2, 3, 4)), W[0], Crossbar()), ValueError, "W must have at least 2 axes"),
    (lambda: crossbar.weights(G, Crossbar()), ValueError, r"G of this description must be \(2, n_in, columns\), got \(3, 4\)"),
    (lambda: crossbar.weights(STACK, Crossbar(), w_max=np.ones(3)), ValueError, r"w_max must be one number or 4, one for each output, got"),
    (lambda: crossbar.conductances(W, Crossbar(), w_max=np.ones((3, 1))), ValueError, "w_max must be one number or 4"),
    (lambda: crossbar.conductances(W, Crossbar(), w_max=1j), TypeError, "w_max must be a real number or an array of them"),
    (lambda: crossbar.conductances(W, Crossbar(), w_max=-1.0), ValueError, "w_max must be positive and finite .* got -1.0"),
    (lambda: crossbar.conductances(W, Crossbar(), w_max=np.nan), ValueError, "w_max must be positive and finite"),
    (lambda: crossbar.convert(np.ones((2, 3, 4)), DAC()), ValueError, r"x must be \(batch, n\) .* got shape \(2, 3, 4\)"),
    (lambda: crossbar.convert(X, None), TypeError, "converter must be a DAC or an ADC, got NoneType"),
    (lambda: crossbar.convert_vjp(np.ones((2, 1)), X, DAC()), ValueError, r"cotangent must have the shape \(2, 3\) of x, got \(2, 1\)"),
    (lambda: ADC().calibrated(np.ones((0, 3))), ValueError, "currents must have at least 1 axes, none of them empty"),
    (lambda: ADC().calibrated(np.ones((2, 3)), quantile="half"), ValueError, "quantile must lie in"),
    (lambda: ADC(range=1j), TypeError, "range of an ADC must be a real number or an array of them"),
    (lambda: crossbar.read(V, G, offset=1j), TypeError, "offset must be a real number or an array of them"),
    (lambda: crossbar.apply(X, state(), Crossbar(chain=Chain(offset=np.ones(3)))), ValueError, r"offset of shape \(3,\) must fit the columns"),
    (lambda: crossbar.apply_vjp(np.ones((2, 4)), X, state(), Crossbar(), sample=None), ValueError, "sample must be one index, or 2 indices"),
    (lambda: Reader(G, None), TypeError, "chain must be a Chain, got NoneType"),
    (lambda: Crossbar(chain=None), TypeError, "chain must be a Chain, got NoneType"),
    (lambda: Crossbar(DifferentialPair(), bound_rounds=1.5), ValueError, "bound_rounds must be an integer of 0 or more"),
    (lambda: WireFields(np.array(1e-5), wires=1.0), ValueError, r"one array \(n_in, n_out\) at a time, got G of shape \(\)"),
    (lambda: crossbar.wire_noise(V, G, 1j, wires=1.0, key=KEY), TypeError, "sigma must be real"),
    (lambda: crossbar.wire_noise(V, G, 1e-7, wires=1.0, key=KEY, fields=G), TypeError, "fields must be WireFields, got ndarray"),
    (lambda: crossbar.wire_noise(V, G, 1e-7, wires=1.0, key=KEY, sample=True), ValueError, "sample must be one index"),
    (lambda: crossbar.solve_currents(V, G, wires=1.0, max_iterations=2.5), ValueError, "max_iterations must be an integer of 1"),
    (lambda: crossbar.solve_currents(V, G, wires=1.0, tolerance="1e-3"), ValueError, "tolerance must lie between 0 and 1, got '1e-3'"),
    (lambda: crossbar.stuck_cells(G, low=None), ValueError, "low must be a fraction of the cells, from 0 to 1, got None"),
    (lambda: crossbar.stuck_cells(G, low=0.5, g_max=-1.0, key=KEY), ValueError, "g_max must be finite and 0 or more"),
    (lambda: crossbar.program(np.full(3, np.inf), key=KEY), ValueError, "target must be finite .siemens., got inf"),
    (lambda: crossbar.read(V, np.full((3, 4), np.inf)), ValueError, "G must be finite .siemens., got inf"),
    (lambda: crossbar.device_cells("ecram", 3, key=KEY), ValueError, r"shape must be \(n_in, n_out\), .* got 3"),
    (lambda: crossbar.device_cells("ecram", (3, -4), key=KEY), ValueError, r"shape must be \(n_in, n_out\)"),
    (lambda: crossbar.device_cells("ecram", (3, 4), key=KEY, origin=None), ValueError, "origin must be a row and a column"),
    (lambda: SoftBounds().response(W, {}), ValueError, "cells must be those of device_cells, .*: up, down, "),
    (lambda: SoftBounds().response(W[:2], CELLS), ValueError, r"cells\['up'\] must have the shape \(2, 4\) of w, got \(3, 4\)"),
    (lambda: crossbar.pulse_update(SMALL["w"], SMALL["x"], SMALL["d"], device="ecram", lr=0.1, key=KEY, sample=np.full(2, 2**63, np.uint64)),
     ValueError, r"every sample index must be from 0 to below 2\^63"),
    (lambda: random.fold_in(np.ma.masked_array(KEY, mask=[True, False]), 1), TypeError, "key must be the uint32"),
    (lambda: crossbar.Device(g_max="25e-6"), TypeError, "g_max of a device must be a number .siemens., got '25e-6'"),
    (lambda: SoftBounds(step="0.1"), TypeError, "step of a pulsed device must be a real number"),
    (lambda: PiecewiseStep(up=None), TypeError, "up of a pulsed device must be a real number or an array of them"),
    (lambda: PiecewiseStep.of([1, 2], [2, 1], conductances=3), ValueError, "conductances must be .lowest, highest. siemens"),
    (lambda: crossbar.estimate(Crossbar(), (3, 4), technology=3), TypeError, "technology must be a Technology, got int"),
    (lambda: crossbar.read_vjp(np.ones((2, 4)), V, G, wrt=None), TypeError, "wrt must name what the derivative is by, one or more of V, G"),
    (lambda: random.normal(KEY, (2, 3), sample=np.full(2, 2**63, np.uint64)), ValueError, r"every sample index must be below 2\^63"),
]  # fmt: skip


@refused(ARRAYS)
def test_shapes_kinds_and_numbers(call, error, message: str) -> None:
    says(call, error, message)


COMPLEX: list[tuple[Callable[[], Any], str]] = [  # whose imaginary part would be lost
    (lambda: crossbar.read_vjp(np.ones((2, 4)) + 0j, V, G), "cotangent"),
    (lambda: crossbar.apply_vjp(np.ones((2, 4)) + 0j, X, state(), Crossbar()), "cotangent"),
    (lambda: Reader(G).vjp(np.ones((2, 4)) + 0j, V), "cotangent"),
    (lambda: crossbar.Layer(state(), Crossbar()).vjp(np.ones((2, 4)) + 0j, X), "cotangent"),
    (lambda: crossbar.device("pcm").read_noise(G, 1.0, programmed=G + 0j), "programmed"),
    (lambda: GaussianNoise(relative=0.1).spread(G, G + 0j), "programmed"),
    (lambda: crossbar.convert_vjp(X + 0j, X, DAC()), "cotangent"),
    (lambda: crossbar.conductances_vjp(STACK + 0j, W, Crossbar()), "cotangent"),
    (lambda: crossbar.effective_conductance_vjp(G + 0j, G, wires=1.0), "cotangent"),
    (lambda: crossbar.solve_currents_vjp(np.ones((2, 4)) + 0j, V, G, wires=1.0), "cotangent"),
    (lambda: crossbar.matmul_vjp(np.ones((2, 4)) + 0j, X, W, Crossbar()), "cotangent"),
    (lambda: crossbar.read(V, G, noise="pcm", programmed=G + 0j, key=KEY), "programmed"),
    (lambda: crossbar.flicker(G, time=1.0, programmed=G + 0j, key=KEY), "programmed"),
    (lambda: crossbar.drift(G, time=1.0, target=G + 0j, key=KEY), "target"),
    (lambda: crossbar.pulse_update(SMALL["w"], SMALL["x"], SMALL["d"] + 0j, device="ecram", lr=0.1, key=KEY), "d"),
    (lambda: crossbar.transfer_start(RULE, (3, 4), key=KEY, weights=W + 0j), "weights"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "name"), COMPLEX)
def test_complex_arrays_are_refused(call, name: str) -> None:
    says(call, TypeError, f"^{name} must be an array of float32 or float64, got complex")


def test_weights_that_are_nan_have_no_steps() -> None:
    up, down = PiecewiseStep().response(np.full((3, 4), np.nan), CELLS)
    assert np.isnan(up).all()
    assert np.isnan(down).all()


def test_nothing_to_do() -> None:
    """Batches and arrays without anything in them, where there is no reason to refuse them."""
    gates = crossbar.Wires(1.0, 1.0, topology="gated")
    assert crossbar.solve_currents(V[:0], G, wires=gates).shape == (0, 4)
    empty = {"x": np.zeros((2, 0), np.float32), "d": np.zeros((2, 4), np.float32)}
    for rule in (TikiTaka(), TikiTaka("v1"), MIXED):
        start = crossbar.transfer_start(rule, (0, 4), key=KEY)
        after = crossbar.transfer_update(rule, start, **empty, lr=0.1, key=KEY)
        assert after["samples"] == 2
        assert after["slow"].shape == (0, 4)


def test_single_conductances() -> None:
    """What NumPy takes for a number where an array has no axes."""
    assert crossbar.program(np.float64(1e-5), "ideal") == 1e-5
    assert crossbar.drift(np.array(1e-5), time=10.0, key=KEY).shape == ()
