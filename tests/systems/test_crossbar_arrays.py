"""Arrays of a crossbar network as they are prepared, calibrated, aged and run backward: against what they are made of."""

import dataclasses
from typing import Any

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import crossbar
from pnnkern._updates import dense
from pnnkern.crossbar import ADC, PCM, Chain, Crossbar, LognormalNoise
from pnnkern.systems import CrossbarNetwork

KEY = pnn.random.key(14)
YEAR = 365.25 * 86400.0
EVEN = PCM(programming=(0.0,), exponent_mean=(0.0, 0.05, 0.0, 1.0), exponent_std=(0.0, 0.0, 0.0, 0.0))  # all cells lose alike
LEFT = (YEAR / 20 + 1) ** -0.05


def chip(l: int, purpose: str) -> Any:
    return pnn.random.fold_in(pnn.random.fold_in(KEY, f"array {l}"), purpose)


@pytest.fixture
def inputs(rng: np.random.Generator) -> np.ndarray:
    return rng.random((30, 6))


def network(backend: Any, **options: Any) -> CrossbarNetwork:
    return CrossbarNetwork(inputs=6, hidden=(5, 4), outputs=3, key=KEY, dtype="float64", device=backend.device, **options)


@pytest.mark.parametrize("compensation", ["none", "global", "column"])
def test_errors_go_back_through_aged_arrays_as_signals_go_forward(backend, compensation: str, inputs: np.ndarray) -> None:
    """Weights have become smaller by one factor in all cells, and compensation makes up for it on the way back, too."""
    system = network(backend, hardware=Crossbar(device=EVEN)).aged(YEAR, compensation)
    x, g = backend.array(inputs), backend.array(np.random.default_rng(1).normal(size=(30, 3)))
    if compensation != "none":
        system.calibrate(x)
    y, record = system.forward_reading(x)
    back = system.backward(g, record)
    w = [backend.numpy(system.parameters[f"w{l}"]) for l in range(3)]
    kept = 1.0 if compensation != "none" else LEFT
    h, entered = inputs, []
    for l in range(3):
        entered.append(np.concatenate([h, np.ones((30, 1))], 1))
        a = entered[l] @ w[l] * kept
        h = np.tanh(a)
    np.testing.assert_allclose(backend.numpy(y), a, rtol=1e-6)
    e = backend.numpy(g)
    for l in (2, 1, 0):
        if l < 2:
            e = e * (1 - entered[l + 1][:, :-1] ** 2)
        np.testing.assert_allclose(backend.numpy(dense(back[f"w{l}"])), entered[l].T @ e, rtol=1e-5, atol=1e-9)
        e = (e @ w[l].T * kept)[:, :-1]


def test_errors_meet_the_cells_that_the_signals_met(backend, inputs: np.ndarray) -> None:
    """Noise of the same key: array l draws by the key folded with l, forward and back."""
    hardware, read_key = Crossbar(chain=Chain(noise=LognormalNoise(0.3))), pnn.random.key(2)
    system = network(backend, hardware=hardware)
    x, g = backend.array(inputs), backend.array(np.random.default_rng(1).normal(size=(30, 3)))
    _, record = system.forward_reading(x, read_key, 5)
    back = system.backward(g, record, read_key, 5)
    entered, e = record[1], g
    for l in (2, 1, 0):
        if l < 2:
            e = e * (1 - entered[l + 1][:, :-1] ** 2)
        np.testing.assert_allclose(backend.numpy(back[f"w{l}"].second), backend.numpy(e), rtol=1e-9)
        state = crossbar.program_weights(system.parameters[f"w{l}"], hardware, key=chip(l, "program"))
        e = crossbar.apply_vjp(e, entered[l], state, hardware, key=pnn.random.fold_in(read_key, l), sample=5, wrt="x")[:, :-1]


def test_a_new_calibration_counts_at_once(backend, inputs: np.ndarray) -> None:
    """Arrays that were prepared with another reference have its ranges no more: the same as of a network that never saw it."""
    hardware = Crossbar(chain=Chain(adc=ADC(6)))
    used, fresh = network(backend, hardware=hardware), network(backend, hardware=hardware)
    x, small = backend.array(inputs), backend.array(0.01 * inputs[:3])
    used.calibrate(small)
    narrow = backend.numpy(used.forward(x))
    for system in (used, fresh):
        system.calibrate(x)
    assert np.array_equal(backend.numpy(used.forward(x)), backend.numpy(fresh.forward(x)))
    assert not np.array_equal(narrow, backend.numpy(fresh.forward(x)))


def test_compensation_follows_a_new_calibration(backend, inputs: np.ndarray) -> None:
    hardware = Crossbar(device="pcm")
    used, fresh = (network(backend, hardware=hardware).aged(YEAR, "column") for _ in range(2))
    used.calibrate(backend.array(inputs[:4]))
    used.forward(backend.array(inputs))
    for system in (used, fresh):
        system.calibrate(backend.array(inputs))
    assert np.array_equal(backend.numpy(used.forward(backend.array(inputs))), backend.numpy(fresh.forward(backend.array(inputs))))


def test_every_array_is_calibrated_and_compensated_by_what_enters_it(backend, inputs: np.ndarray) -> None:
    """Written out: what the twin sends there, then and now, through the array as it was and as it is."""
    hardware = Crossbar(device="pcm", chain=Chain(adc=ADC(8)))
    system = network(backend, hardware=hardware).aged(YEAR, "column")
    system.calibrate(backend.array(inputs))
    h = inputs
    for l in range(3):
        w = backend.numpy(system.parameters[f"w{l}"])
        probe = backend.array(np.concatenate([h, np.ones((30, 1))], 1))
        there = backend.array(w)
        state = crossbar.program_weights(there, hardware, key=chip(l, "program"))
        state = crossbar.calibrate(probe, state, hardware, quantile=0.999)
        old = crossbar.aged(state, hardware, time=YEAR, key=chip(l, "drift"), target=crossbar.conductances(there, hardware))
        layer, factor = system._ready(l, system.parameters[f"w{l}"])
        np.testing.assert_array_equal(backend.numpy(layer.state["G"]), backend.numpy(old["G"]))
        assert float(layer.state["adc_range"]) == pytest.approx(float(state["adc_range"]), rel=1e-13)  # the twin adds in its own order
        before, after = (backend.numpy(crossbar.apply(probe, s, hardware)) for s in (state, old))
        np.testing.assert_allclose(backend.numpy(factor), np.sqrt((before**2).sum(0) / (after**2).sum(0)), rtol=1e-9)
        h = np.tanh(backend.numpy(probe) @ w)


def test_ages_do_not_share_arrays(backend, inputs: np.ndarray) -> None:
    young = network(backend, hardware=Crossbar(device=EVEN))
    x = backend.array(inputs)
    first = backend.numpy(young.forward(x))
    old = backend.numpy(young.aged(YEAR).forward(x))
    assert np.array_equal(backend.numpy(young.forward(x)), first)
    assert not np.allclose(old, first)
    again = dataclasses.replace(young, parameters=dict(young.parameters))
    assert np.array_equal(backend.numpy(again.forward(x)), first)
