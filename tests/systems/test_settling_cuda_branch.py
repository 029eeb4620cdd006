"""Layers that settle, on a stand-in for CuPy: every rule's step gives on the device what it gives on the CPU."""

from typing import Any

import numpy as np
import pytest

from pnnkern import _array, random
from pnnkern.learning import SGD, ContinualEP, EquilibriumPropagation, HolomorphicEP, InSilico
from pnnkern.learning.losses import Logits, SquareError
from pnnkern.systems import DRN, ConvolutionalHopfield, Hopfield, OscillatorMachine, protocols, writers

SMALL: dict[str, Any] = {"key": random.key(4), "sweeps": 6, "dtype": "float64"}
CONVOLUTIONAL: dict[str, Any] = SMALL | {"maps": (3,), "outputs": 3, "image": (1, 4, 4)}
SMOOTH: dict[str, Any] = {"activation": "sigmoid"}


@pytest.mark.parametrize(
    "make",
    [
        lambda **k: DRN((5, 3), 16, gain=3.0, **SMALL, **k), lambda **k: DRN((5, 4, 3), 16, gain=3.0, rates=(1, 2, 3), **SMALL, **k),
        lambda **k: Hopfield((5, 3), 16, **SMALL, **SMOOTH, **k),
        lambda **k: Hopfield((5, 4, 3), 16, readout="softmax", **SMALL, **SMOOTH, **k),
        lambda **k: Hopfield((5, 4, 3), 16, feedback="separate", **SMALL, **k),
        lambda **k: ConvolutionalHopfield(**CONVOLUTIONAL, **SMOOTH, **k),
        lambda **k: ConvolutionalHopfield(pool="max", readout="softmax", **CONVOLUTIONAL, **k),
        lambda **k: OscillatorMachine((5, 3), 16, key=random.key(4), dtype="float64", **k),
    ],
)  # fmt: skip
def test_steps_on_the_device(cupy, make: Any, rng: np.random.Generator) -> None:
    images, labels = rng.integers(0, 256, (4, 4, 4)).astype(np.uint8), np.array([0, 2, 1, 1])
    results: list[list[Any]] = [[], []]
    for device, result in zip(("cpu", "cuda"), results, strict=True):
        system = make(device=device)
        loss = Logits() if getattr(system, "readout", "state") == "softmax" else SquareError()
        rules: list[Any] = [EquilibriumPropagation(0.1, loss=loss), InSilico(loss)]
        if isinstance(system, protocols.Continual):
            rules.append(ContinualEP(0.1, 3, 1e-2, loss=loss))
        if getattr(system, "activation", "") == "sigmoid":
            rules.append(HolomorphicEP(0.1, 4, loss=loss))
        inputs = system.encode(images)
        assert _array.device_of(inputs, *system.parameters.values()) == device
        for rule in rules:
            updates, metrics = rule.step(system, (inputs, labels))
            result.append(float(metrics["loss"]))
            writers.apply(system, updates, SGD(), 0.01)
            assert _array.device_of(*system.parameters.values()) == device
            result += [_array.to_numpy(p).copy() for p in system.parameters.values()]
    for on_cpu, on_device in zip(*results, strict=True):
        np.testing.assert_allclose(on_device, on_cpu, rtol=1e-9, atol=1e-12)
