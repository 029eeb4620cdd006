"""Frequency propagation: activation and error travel through one network at once, at two frequencies, and each part tells them apart.

Anisetti, Kandala, Scellier and Schwarz, Neural Comput. 36, 596 (2024), arXiv:2208.08862.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import _array
from .._array import Array
from .._gate import accepts_any
from ..systems.protocols import Driven, Update, require, scaled
from .judged import Metrics, judged
from .losses import SquareError


def check_tones(gamma: float, frequencies: tuple[int, int], samples: int) -> None:
    """Raise ValueError for tones that cannot be told apart by so many samples of a period."""
    f1, f2 = frequencies
    if f1 == f2 or min(f1, f2) < 1 or max(f1, f2) * 2 >= samples:
        raise ValueError(f"frequencies must be two different whole numbers from 1 below samples / 2 = {samples / 2:g}, got {f1} and {f2}")
    if not (np.isfinite(gamma) and gamma > 0):
        raise ValueError(f"gamma must be positive, in siemens, got {gamma:g}")


def amplitudes(
    drive: Callable[[Array, Array], Array], inputs: Array, forces: Array, frequencies: tuple[int, int], samples: int
) -> tuple[Array, Array]:
    """Amplitudes at both frequencies of the states ``drive(inputs cos(w1 t), forces cos(w2 t))``, from `samples` instants of a period."""
    xp = _array.namespace(inputs)
    angle = 2 * np.pi * np.arange(samples) / samples
    found: list[Any] = [0.0, 0.0]
    for waves in zip(*(np.cos(f * angle) for f in frequencies), strict=True):
        state = drive(inputs * waves[0], forces * waves[1])
        found = [total + 2 / samples * wave * state for total, wave in zip(found, waves, strict=True)]
    return xp.asarray(found[0]), xp.asarray(found[1])


@accepts_any
@dataclass(frozen=True)
class FrequencyPropagation:
    """The rule. gamma : strength of the forces on the outputs, siemens in circuits. frequencies : of activation and error, whole
    oscillations in a period, different ones. samples : instants of the period at which parts look; frequencies stay below half of it.

    Sources oscillate as ``x cos(w1 t)``, and the outputs are pulled by ``gamma (target - output) cos(w2 t)``, where `output` is the free
    amplitude. A part changes by the product of its two amplitudes over gamma. In a linear network that is the gradient of
    |output - target|^2 / 2 whatever gamma; in a nonlinear one frequencies mix, and it is approximate. loss : what outputs are judged by.
    """

    gamma: float = 1e-3
    frequencies: tuple[int, int] = (2, 3)
    samples: int = 16
    loss: Any = field(default_factory=SquareError)
    needs: ClassVar[tuple[type, ...]] = (Driven,)
    passes: ClassVar[int] = 2  # periods: without and with the error

    def __post_init__(self) -> None:
        check_tones(self.gamma, self.frequencies, self.samples)

    def step(
        self, system: Driven, batch: tuple[Array, Array], key: Any = None, sample: Any = 0
    ) -> tuple[dict[str, Update], Metrics]:
        """Updates {name: update} for the batch (inputs, labels), and metrics {"loss", "accuracy"} of the free amplitudes."""
        require(system, "frequency propagation", *self.needs)
        inputs, labels = batch
        target = system.targets(labels)
        drive, tones = system.driver(), (self.frequencies, self.samples)
        output = system.read(amplitudes(drive, inputs, _array.namespace(inputs).zeros_like(target), *tones)[0])
        one, two = amplitudes(drive, inputs, self.gamma * system.errors(output, target), *tones)
        updates = system.products(one, two)
        return {name: scaled(update, 1 / self.gamma) for name, update in updates.items()}, judged(self.loss, output, labels)[1]


__all__ = ["FrequencyPropagation", "amplitudes", "check_tones"]
