"""Diffractive networks with photodetectors between layers, against the plain float64 expression of the same physics and its differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import _array, _declared, random
from pnnkern._errors import CapabilityError
from pnnkern.learning import AdjointLearning, Batch, CrossEntropy, ForwardForward, InSilico, one_step
from pnnkern.systems import D2NN, protocols
from pnnkern.systems.d2nn import Geometry, Imperfections

GEOMETRY = Geometry(layers=3, size=24, spacing=5e-3, detector_size=2, input_size=14, outputs=4)
KEY = random.key(2)


def images(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28)).astype(np.uint8)


def network(device: str = "cpu", dtype: str = "float64", **options: Any) -> D2NN:
    phase = np.random.default_rng(3).uniform(0, 2 * np.pi, (GEOMETRY.layers, GEOMETRY.size, GEOMETRY.size)).astype(dtype)
    xp = _array.device_namespace(device)
    return D2NN(geometry=GEOMETRY, parameters={"phase": xp.asarray(phase)}, dtype=dtype, device=device, **options)


def detected(**options: Any) -> D2NN:
    return network(between="photodetector", **options)


def propagation(g: Geometry) -> Callable[[np.ndarray], np.ndarray]:
    """The Rayleigh-Sommerfeld convolution from plane to plane."""
    n, d, k = g.samples, g.pitch / g.oversample, 2 * np.pi / g.wavelength
    x = np.fft.fftfreq(2 * n, 1 / (2 * n)) * d
    r = np.sqrt(x[:, None] ** 2 + x[None, :] ** 2 + g.spacing**2)
    h = np.fft.fft2(g.spacing / (2 * np.pi * r**2) * (1 / r - 1j * k) * np.exp(1j * k * r) * d**2)
    return lambda v: np.fft.ifft2(h * np.fft.fft2(v, (2 * n, 2 * n)))[..., :n, :n]


def plain(g: Geometry, phase: np.ndarray, fields: np.ndarray, boxes: Any) -> tuple[list[np.ndarray], np.ndarray]:
    """Intensities on the neurons between the layers, and powers."""
    go, k, between = propagation(g), g.oversample, []
    u = go(fields.astype(complex))
    for l, mask in enumerate(np.exp(1j * phase)):
        light = np.abs(u := go(u * np.kron(mask, np.ones((k, k))))) ** 2
        if l < len(phase) - 1:
            seen = light.reshape(-1, g.size, k, g.size, k).mean(axis=(2, 4))
            between.append(seen)
            sent = seen / np.sqrt((seen**2).mean(axis=(1, 2), keepdims=True))
            u = np.stack([np.kron(one, np.ones((k, k))) for one in sent])
    return between, np.stack([light[:, a:b, c:d].sum(axis=(1, 2)) for a, b, c, d in boxes], axis=1)


def phase_of(system: D2NN, backend: Any = None) -> np.ndarray:
    p = system.parameters["phase"]
    return np.asarray(p if backend is None else backend.numpy(p), np.float64)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-11)])
@pytest.mark.parametrize("oversample", [1, 2])
def test_passes_are_the_plain_expression(backend: Any, dtype: str, tolerance: float, oversample: int) -> None:
    system = detected(dtype=dtype, device=backend.device, chunk=2).variant(oversample=oversample)
    x = system.encode(images(3))
    between, powers = plain(system.geometry, phase_of(system, backend), backend.numpy(x), system.regions.boxes)
    out, record = system.measure(x)
    for found in (out, system.forward(x), system.forward_saving(x)[0]):
        np.testing.assert_allclose(backend.numpy(found), powers, rtol=tolerance, atol=tolerance * powers.max())
    for found, right in zip(system.hidden_outputs(record), between, strict=True):
        np.testing.assert_allclose(backend.numpy(found), right, rtol=tolerance, atol=tolerance * right.max())
    light = [backend.numpy(u) for u in system.fields(x)]
    assert len(light) == system.stages + 2
    for sent in light[2 : system.stages + 1]:  # behind emitters
        np.testing.assert_allclose((np.abs(sent) ** 2).mean(axis=(1, 2)), 1.0, rtol=10 * tolerance)


def test_stages_are_the_passes_one_by_one(backend: Any) -> None:
    system = detected(device=backend.device)
    x = system.encode(images(3))
    out, record = system.measure(x)
    between = [x, *system.hidden_outputs(record), out]
    for l in range(system.stages):
        scale = 7.0 if l else 1.0  # whatever they are scaled by
        found, _ = system.stage(l, between[l] * scale)
        np.testing.assert_allclose(backend.numpy(found), backend.numpy(between[l + 1]), rtol=1e-12)


@pytest.mark.parametrize("store", ["fields", "recompute"])
@pytest.mark.parametrize("oversample", [1, 2])
def test_derivative_by_central_differences(oversample: int, store: str) -> None:
    system = detected(store=store).variant(oversample=oversample)
    x = system.encode(images(3))

    def powers(phase: np.ndarray) -> np.ndarray:
        return plain(system.geometry, phase, x, system.regions.boxes)[1]

    def back(c: np.ndarray, phase: np.ndarray, wrt: Any) -> np.ndarray:
        system.parameters["phase"] = phase
        return system.vjp(c, system.forward_saving(x)[1])["phase"]

    pnn.testing.check_vjp(powers, back, phase_of(system), wrt=("phase",), rtol=1e-7)


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_derivative_of_a_stage_alone(stage: int) -> None:
    system = detected()
    x = system.encode(images(3))
    between = [x, *system.hidden_outputs(system.measure(x)[1])]

    def seen(phase: np.ndarray) -> np.ndarray:
        go = propagation(system.geometry)
        u = go(x) if stage == 0 else between[stage] / np.sqrt((between[stage] ** 2).mean(axis=(1, 2), keepdims=True))
        light = np.abs(go(u * np.exp(1j * phase[stage]))) ** 2
        if stage < 2:
            return light
        return np.stack([light[:, a:b, c:d].sum(axis=(1, 2)) for a, b, c, d in system.regions.boxes], axis=1)

    def back(c: np.ndarray, phase: np.ndarray, wrt: Any) -> np.ndarray:
        system.parameters["phase"] = phase
        gradient = system.stage_vjp(stage, c, system.stage(stage, between[stage])[1])["phase"]
        np.testing.assert_array_equal(gradient, system.layer_vjp(stage, c, system.measure(x)[1])["phase"])
        assert not np.delete(gradient, stage, axis=0).any()
        return gradient

    pnn.testing.check_vjp(seen, back, phase_of(system), wrt=("phase",), rtol=1e-7)


def test_a_dark_image_stays_dark() -> None:
    system = detected()
    dark = np.zeros((2, 28, 28), np.uint8)
    batch = Batch(system.encode(dark), np.array([1, 2]))
    powers, record = system.forward_saving(batch.inputs)
    assert not powers.any()
    assert np.isfinite(system.vjp(np.ones_like(powers), record)["phase"]).all()


def test_what_was_built_is_measured_and_derived_at_what_was_seen() -> None:
    built = Imperfections(height_error=2e-5, misalignment=1e-4, levels=8)
    system = detected(imperfections=built, key=KEY)
    x = system.encode(images(3))
    out, record = system.measure(x)
    twin = system.forward_saving(x)[0]
    np.testing.assert_array_equal(out, system.built().forward(x))
    assert np.abs(out - twin).max() > 1e-3 * twin.max()
    seen = system.hidden_outputs(record)
    np.testing.assert_array_equal(seen[0], system.built().stage(0, x)[0])
    _, at = system.stage(1, seen[0])
    np.testing.assert_array_equal(at.entered, record[1][1].entered)  # the twin's second layer, at what was seen behind the first
    c = np.ones((3, 4))
    np.testing.assert_array_equal(system.layer_vjp(2, c, record)["phase"][2], system.vjp(c, record)["phase"][2])


def test_population_is_the_loop() -> None:
    system = detected()
    x = system.encode(images(2))
    many = phase_of(system) + np.random.default_rng(0).normal(size=(3, *phase_of(system).shape))
    found = system.forward_population(x, {"phase": many})
    for member, phase in zip(found, many, strict=True):
        np.testing.assert_allclose(member, plain(GEOMETRY, phase, x, system.regions.boxes)[1], rtol=1e-10)
    assert "photodetectors" in protocols.how_population_runs(D2NN)


def test_what_it_lacks() -> None:
    assert protocols.lacks(network(), protocols.Staged).startswith("system.between='photodetector'")
    assert protocols.lacks(detected(), protocols.Reciprocal).startswith("system.between='field'")
    assert not protocols.lacks(detected(), protocols.Staged, protocols.Layered, protocols.Featured)
    x = network().encode(images(2))
    with pytest.raises(CapabilityError, match=r"needs system\.between='photodetector'"):
        one_step(ForwardForward(), network(), Batch(x, np.array([0, 1])), KEY)
    with pytest.raises(CapabilityError, match=r"needs system\.between='field'"):
        one_step(AdjointLearning(), detected(), Batch(x, np.array([0, 1])), KEY)
    assert "between" in {key.name for key in _declared.keys(D2NN)}


@pytest.mark.parametrize("between", ["field", "photodetector"])
def test_features_are_the_light_on_a_grid(backend: Any, between: str) -> None:
    system = network(device=backend.device, between=between, feature_grid=5)
    x = system.encode(images(3))
    found = backend.numpy(system.read_features(x))
    assert found.shape == (3, system.feature_count) == (3, 25)
    light = np.abs(backend.numpy(system.fields(x)[-1])) ** 2
    ends = [24 * n // 5 for n in range(6)]
    cells = [light[:, ends[i] : ends[i + 1], ends[j] : ends[j + 1]].sum(axis=(1, 2)) for i in range(5) for j in range(5)]
    np.testing.assert_allclose(found, np.stack(cells, axis=1), rtol=1e-11)
    assert network().feature_count == 16**2
    assert network(feature_grid=300).feature_count == 24**2


def test_it_learns_through_the_detectors() -> None:
    system = detected()
    x, labels = system.encode(images(8)), np.arange(8) % 4
    losses = []
    for _ in range(15):
        updates, metrics = one_step(InSilico(CrossEntropy()), system, Batch(x, labels))
        losses.append(float(metrics["loss"]))
        system.parameters["phase"] -= 0.3 * np.sign(updates["phase"].value)
    assert losses[-1] < 0.8 * losses[0]
