"""Layers that settle, on a stand-in for CuPy: every rule's step gives on the device what it gives on the CPU."""

from typing import Any

import numpy as np
import pytest

from pnnkern import _array, random
from pnnkern.learning import SGD, Batch, ContinualEP, EquilibriumPropagation, HolomorphicEP, InSilico, one_step
from pnnkern.systems import DRN, ConvolutionalHopfield, Hopfield, OscillatorMachine, protocols, writers

SMALL: dict[str, Any] = {"key": random.key(4), "sweeps": 6, "nudged_sweeps": 6, "outputs": 3, "dtype": "float64"}
DENSE: dict[str, Any] = SMALL | {"inputs": 16, "hidden": (5,)}
DEEP: dict[str, Any] = DENSE | {"hidden": (5, 4)}
CONVOLUTIONAL: dict[str, Any] = SMALL | {"maps": (3,), "height": 4, "width": 4}
OSCILLATORS: dict[str, Any] = {"key": random.key(4), "hidden": (5,), "outputs": 3, "inputs": 16, "dtype": "float64"}
SMOOTH: dict[str, Any] = {"activation": "sigmoid"}


@pytest.mark.parametrize(
    "make",
    [
        lambda **k: DRN(gain=3.0, **DENSE, **k), lambda **k: DRN(gain=3.0, rates=(1, 2, 3), **DEEP, **k),
        lambda **k: Hopfield(**DENSE, **SMOOTH, **k), lambda **k: Hopfield(readout="softmax", **DEEP, **SMOOTH, **k),
        lambda **k: Hopfield(feedback="separate", **DEEP, **k),
        lambda **k: ConvolutionalHopfield(**CONVOLUTIONAL, **SMOOTH, **k),
        lambda **k: ConvolutionalHopfield(pool="max", readout="softmax", **CONVOLUTIONAL, **k),
        lambda **k: OscillatorMachine(**OSCILLATORS, **k),
    ],
)  # fmt: skip
def test_steps_on_the_device(cupy, make: Any, rng: np.random.Generator) -> None:
    images, labels = rng.integers(0, 256, (4, 4, 4)).astype(np.uint8), np.array([0, 2, 1, 1])
    results: list[list[Any]] = [[], []]
    for device, result in zip(("cpu", "cuda"), results, strict=True):
        system = make(device=device)
        rules: list[Any] = [EquilibriumPropagation(0.1), InSilico()]
        if isinstance(system, protocols.Continual):
            rules.append(ContinualEP(0.1, 3, 5e-4))
        if getattr(system, "activation", "") == "sigmoid":
            rules.append(HolomorphicEP(0.1, 4))
        inputs = system.encode(images)
        assert _array.device_of(inputs, *system.parameters.values()) == device
        for rule in rules:
            updates, metrics = one_step(rule, system, Batch(inputs, labels))
            result.append(float(metrics["loss"]))
            writers.apply(system, updates, SGD(), 0.01, len(labels))
            assert _array.device_of(*system.parameters.values()) == device
            result += [_array.to_numpy(p).copy() for p in system.parameters.values()]
    for on_cpu, on_device in zip(*results, strict=True):
        np.testing.assert_allclose(on_device, on_cpu, rtol=1e-9, atol=1e-12)
