"""The branch that only runs with CuPy, on a stand-in for it: transfers, creation on the device, launches, faults."""


import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import _array
from pnnkern._errors import DeviceError, FaultError
from pnnkern.crossbar import (
    ADC,
    DAC,
    Chain,
    Crossbar,
    GaussianNoise,
    LognormalNoise,
    OffsetColumn,
    Ramp,
    apply,
    apply_vjp,
    calibrate,
    program_weights,
)
from pnnkern.learning import SGD, Adam, Batch, CrossEntropy, Differential, InSilico, MeanSquare, one_step
from pnnkern.optics import _layer
from pnnkern.systems import D2NN, writers
from pnnkern.systems.d2nn import Geometry, Imperfections


def images(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28)).astype(np.uint8)


@pytest.mark.parametrize("size", [24, 128])  # library transforms, and the fused chain (256)
@pytest.mark.parametrize(
    ("detectors", "loss"), [("single", CrossEntropy()), ("single", MeanSquare()), ("differential", Differential())]
)
def test_training_step_on_the_device(cupy, size: int, detectors: str, loss: object) -> None:
    geometry = Geometry(layers=1, size=size, detector_size=2, input_size=14, detectors=detectors)
    labels = np.array([3, 1])
    results = []
    for device in ("cpu", "cuda"):
        system = D2NN(geometry=geometry, key=pnn.random.key(5), device=device)
        inputs = system.encode(images(2))
        assert _array.device_of(inputs, system.parameters["phase"]) == device
        updates, metrics = one_step(InSilico(loss), system, Batch(inputs, labels))
        for optimizer in (Adam(0.1), SGD(0.1, momentum=0.5)):
            writers.apply(system, updates, optimizer, 0.1, count=2)
        results.append((float(metrics["loss"]), _array.to_numpy(updates["phase"].value), _array.to_numpy(system.parameters["phase"])))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-5)
    assert np.linalg.norm(results[0][1] - results[1][1]) < 1e-5 * np.linalg.norm(results[0][1])
    pnn.check()


def test_propagate_and_its_derivatives(cupy) -> None:
    rng = np.random.default_rng(1)
    u = rng.standard_normal((2, 16, 16)) + 1j * rng.standard_normal((2, 16, 16))
    how = {"distance": [1e-3, 2e-3], "wavelength": 633e-9, "pitch": 8e-6}
    out = pnn.optics.propagate(cupy.asarray(u), **how)
    assert isinstance(out, cupy.ndarray)
    np.testing.assert_allclose(out.get(), pnn.optics.propagate(u, **how), rtol=1e-10, atol=1e-12)
    on_gpu = pnn.optics.propagate_vjp(out, cupy.asarray(u), **how, wrt=("field", "distance"))
    on_cpu = pnn.optics.propagate_vjp(out.get(), u, **how, wrt=("field", "distance"))
    for a, b in zip(on_gpu, on_cpu, strict=True):
        np.testing.assert_allclose(a.get(), b, rtol=1e-9, atol=1e-12)


def test_fault_waits_for_check(cupy) -> None:
    u = np.zeros((1, 16, 16), np.complex64)
    u[0, 3, 3] = np.nan
    pnn.optics.propagate(cupy.asarray(u), distance=1e-3, wavelength=633e-9, pitch=8e-6)
    with pytest.raises(FaultError, match="a kernel on GPU 0: the field has NaN or infinite values"):
        pnn.check()
    pnn.check()  # once


def test_random_numbers_are_the_same(cupy) -> None:
    key = pnn.random.key(11)
    on_gpu = pnn.random.normal(key, (3, 7), like=cupy.empty(0))
    assert np.array_equal(on_gpu.get(), pnn.random.normal(key, (3, 7)))


def test_perturbed_copy_stays_on_the_device(cupy) -> None:
    geometry = Geometry(layers=2, size=24, detector_size=2, input_size=14)
    system = D2NN(geometry=geometry, key=pnn.random.key(5), device="cuda")
    built = system.perturbed(pnn.random.key(1), Imperfections(misalignment=1e-4, levels=8, height_error=1e-5))
    assert isinstance(built.parameters["phase"], cupy.ndarray)
    assert np.isfinite(built.forward(built.encode(images(2))).get()).all()


@pytest.mark.parametrize("noise", [None, "pcm", LognormalNoise(0.1), GaussianNoise(relative=0.1, frozen=True)])
def test_crossbar_layers_stay_on_the_device(cupy, noise: object) -> None:
    """Programmed, calibrated, read with managements, and differentiated there; the same as on the CPU to a code of the ADC."""
    rng, key = np.random.default_rng(5), pnn.random.key(2)
    x, W = rng.standard_normal((7, 9)).astype(np.float32), rng.standard_normal((9, 6)).astype(np.float32)
    chain = Chain(noise=noise, dac=DAC(7), adc=ADC(12, "calibrated", errors=Ramp(bow=0.5)), output_noise=1e-9, offset=1e-8)
    d = Crossbar(OffsetColumn(), device="pcm", tile=(5, 4), bound_rounds=2, stuck_low=0.1, chain=chain)
    results = []
    for xp in (np, cupy):
        on_x, state = xp.asarray(x), program_weights(xp.asarray(W), d, key=key)
        state = calibrate(on_x, state, d, quantile=0.9, key=key)
        y = apply(on_x, state, d, key=key, sample=4)
        gradients = apply_vjp(y, on_x, state, d, key=key, sample=4)
        assert all(isinstance(a, xp.ndarray) for a in (y, *gradients, *state.values()))
        results.append([_array.to_numpy(a) for a in (state["G"], y, *gradients)])
    for one, two in zip(*results):
        assert np.abs(one - two).max() < 2e-2 * np.abs(one).max()


def test_mixed_devices_are_refused(cupy) -> None:
    regions = pnn.optics.Regions((8, 8), [(0, 2, 0, 2)])
    with pytest.raises(DeviceError, match="in one call: move all of them to one device"):
        pnn.optics.powers_vjp(np.ones(1), cupy.asarray(np.ones((8, 8), complex)), regions)


def test_bench_of_the_layer_chain(cupy) -> None:
    from pnnkern.experiments.bench import optics as bench

    rows = bench.layer_chain("cuda", 0.0, batch=2, n=128, layers=1)
    ours, plain = rows[:2]
    assert (ours["name"], plain["name"]) == ("pnnkern", "CuPy, plain")
    assert max(ours["error"], plain["error"]) < 2e-6
    assert ours["bytes"] == _layer.traffic(2, 128, 256, 1)
    assert plain["ratios"]["pnnkern"] > 0


def test_flag_waits_for_check(cupy) -> None:
    from pnnkern import _launch

    _launch.flag(cupy.asarray([1.0, 2.0]).min() < 0, 4)
    pnn.check()
    _launch.flag(cupy.asarray([1.0, -2.0]).min() < 0, 4, lambda: "not said on a GPU")
    with pytest.raises(FaultError, match="every sample index must be 0 or more"):
        pnn.check()
