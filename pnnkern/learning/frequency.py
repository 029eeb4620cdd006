"""Frequency propagation: activation and error travel through one network at once, at two frequencies, and each part tells them apart.

Anisetti, Kandala, Scellier and Schwarz, Neural Comput. 36, 596 (2024), arXiv:2208.08862.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from .. import _array
from .._array import Array, Key, Numbers
from .._declared import Count, NotNegative, Range
from .._gate import accepts_any
from .._updates import gradients, scaled
from ..systems.protocols import Driven
from .metrics import Metrics, metrics
from .rule import Batch, Rule, State, Updates


def check_tones(gamma: float, frequencies: tuple[int, int], samples: int) -> None:
    """Raise ValueError for tones that cannot be told apart by so many samples of a period."""
    f1, f2 = frequencies
    if f1 == f2 or min(f1, f2) < 1 or max(f1, f2) * 2 >= samples:
        raise ValueError(f"frequencies must be two different whole numbers from 1 below samples / 2 = {samples / 2:g}, got {f1} and {f2}")
    if not (np.isfinite(gamma) and gamma > 0):
        raise ValueError(f"gamma must be positive, in siemens, got {gamma:g}")


def amplitudes(
    drive: Callable[[Array, Array], Array], inputs: Numbers, forces: Numbers, frequencies: tuple[int, int], samples: int
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
class FrequencyPropagation(Rule):
    """The rule. Sources oscillate as ``x cos(w1 t)``, and the outputs are pulled by ``gamma (target - output) cos(w2 t)``, where `output`
    is the free amplitude. A part changes by the product of its two amplitudes over gamma.

    In a linear network that is the gradient of |output - target|^2 / 2 whatever gamma; in a nonlinear one frequencies mix, and it is
    approximate: a gamma that drives outputs further than they are off their targets is refused with the largest that does not (NudgeError).
    """

    gamma: NotNegative = 0.0  # of the forces on the outputs, siemens in circuits; 0: the system's own, that of a nudge
    activation: Count = 2  # whole oscillations of the inputs in a period
    error: Count = 3  # whole oscillations of the error in a period
    samples: Annotated[int, Range(ge=3, le=100_000)] = 16  # instants of a period at which parts look

    kind: ClassVar[str] = "frequency-propagation"
    functions: ClassVar[Mapping[str, str]] = {
        "learning.frequency_propagation_update": "resistor-network, transistor-network; rule.activation and rule.error are its frequencies"
    }
    natural: ClassVar[Mapping[str, str]] = {"gamma": "natural_nudge"}
    needs: ClassVar[tuple[type, ...]] = (Driven,)
    passes: ClassVar[int] = 2  # periods: without and with the error

    def __post_init__(self) -> None:
        super().__post_init__()
        check_tones(self.gamma or 1.0, (self.activation, self.error), self.samples)

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        gamma, drive, tones = self.fitted(system).gamma, system.driver(), ((self.activation, self.error), self.samples)

        def share(part: Batch) -> tuple[Updates, Metrics]:
            target = part.targets(system)
            output = system.read(amplitudes(drive, part.inputs, _array.namespace(part.inputs).zeros_like(target), *tones)[0])
            error = system.errors(output, target)
            if hasattr(system, "refuse_forces"):
                system.refuse_forces(part.inputs, error, gamma)
            one, two = amplitudes(drive, part.inputs, gamma * error, *tones)
            found = {name: scaled(derivative, 1 / gamma) for name, derivative in system.products(one, two).items()}
            return gradients(found), metrics(self.loss_on(system), output, part.labels)

        updates, measured = batch.sum(share)
        return updates, state, measured


__all__ = ["FrequencyPropagation", "amplitudes", "check_tones"]
